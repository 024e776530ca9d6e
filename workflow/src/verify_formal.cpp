#include "dyad/workflow/verify_formal.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "dyad/base/parallel.hpp"
#include "proof_engines.hpp"
#include "proof_file.hpp"
#include "proof_netlist.hpp"
#include "temporary_folder.hpp"

namespace dyad::workflow {
namespace fs = std::filesystem;

namespace {

/// A proof while it is being made: its netlists and the answers so far.
struct ProofWork {
  const ProofPlan* plan = nullptr;
  std::string module;
  std::optional<Netlist> netlist;
  std::vector<std::optional<Obligation>> answers;  ///< base, induction, cover, twins; nullopt: not part of the proof, or not run
};

enum Part : std::size_t { kBase, kInduction, kCover, kTwins };

/// Runs jobs on all cores; remembers the first Error in job order and reports how many are done.
class Jobs {
 public:
  Jobs(const Progress& progress, Progress* report) : progress_(progress), report_(report) {}

  std::function<bool()> cancelled() {
    return [this] {
      const std::lock_guard lock(mutex_);
      return progress_.cancelled();
    };
  }
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

  /// body(i) for 0 <= i < count; none is begun after an Error or a stop.
  Result<void> run(const char* stage, std::int64_t count, const std::function<Result<void>(std::int64_t)>& body) {
    std::vector<std::optional<Error>> errors(static_cast<std::size_t>(count));
    std::int64_t done = 0;
    if (report_) report_->stage(stage);
    parallel_for(count, [&](std::int64_t i) {
      if (stopped_) return;
      if (const Result<void> result = body(i); !result) {
        errors[static_cast<std::size_t>(i)] = result.error();
        stop();
      }
      const std::lock_guard lock(mutex_);
      if (report_) report_->update(++done, count);
    });
    for (const std::optional<Error>& error : errors)
      if (error) return *error;
    return {};
  }

 private:
  const Progress& progress_;
  Progress* report_;
  std::mutex mutex_;
  std::atomic<bool> stopped_ = false;
};

/// One call of an engine on one proof.
struct Job {
  std::size_t proof = 0;
  std::size_t part = kBase;  ///< kTwins + i: the twin number i
};

std::string wave_file(const ProveOptions& options, const ProofWork& work) {
  if (options.waves.empty()) return {};
  std::string name = work.module + "." + work.plan->name + ".vcd";
  std::ranges::replace(name, ' ', '_');
  std::ranges::replace(name, '/', '_');
  return fs::absolute(options.waves / name).string();
}

/// The twin is proved when the engine finds its bug.
Result<Obligation> prove_twin(const ProofWork& work, const ProofTwin& twin, const RtlSources& sources, const fs::path& folder,
                              const std::function<bool()>& cancelled) {
  Obligation obligation{"twin: " + twin.name, ProofStatus::kFailed, "", false, 0};
  auto broken = seed_bug(sources, twin);
  if (const auto* fault = std::get_if<NetlistFault>(&broken)) {
    obligation.reason = fault->reason;
    return obligation;
  }
  DYAD_TRY(const Netlist netlist, build_netlist(*work.plan, std::get<RtlSources>(broken), folder, false, cancelled));
  DYAD_TRY(const Obligation answer, prove_base(*work.plan, netlist, {}, cancelled));
  obligation.cpu_s = answer.cpu_s;
  if (answer.counterexample) {
    obligation.status = ProofStatus::kProved;
    obligation.counterexample = true;
  } else if (answer.status == ProofStatus::kProved) {
    obligation.reason = "the seeded bug is not found within " + std::to_string(work.plan->base) + " steps";
  } else {
    obligation.status = answer.status;
    obligation.reason = "the twin gives no counterexample: " + answer.reason;
  }
  return obligation;
}

Result<Obligation> prove_part(const ProofWork& work, const Job& job, const RtlSources& sources, const fs::path& folder,
                              const ProveOptions& options, const std::function<bool()>& cancelled) {
  switch (job.part) {
    case kBase: return prove_base(*work.plan, *work.netlist, wave_file(options, work), cancelled);
    case kInduction: return prove_induction(*work.plan, *work.netlist, cancelled);
    case kCover: return prove_cover(*work.plan, *work.netlist, cancelled);
    default: return prove_twin(work, work.plan->twins[job.part - kTwins], sources, folder, cancelled);
  }
}

/// Every call that the proofs need, those with much time first so that cores end together.
std::vector<Job> jobs_of(const std::vector<ProofWork>& works, const ProveOptions& options) {
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < works.size(); ++i) {
    const ProofPlan& plan = *works[i].plan;
    jobs.push_back({i, kBase});
    if (plan.induction > 0 && !options.bases_only) jobs.push_back({i, kInduction});
    if (options.claims_only) continue;
    jobs.push_back({i, kCover});
    for (std::size_t twin = 0; twin < plan.twins.size(); ++twin) jobs.push_back({i, kTwins + twin});
  }
  std::ranges::stable_sort(jobs, std::greater{}, [&works](const Job& job) { return works[job.proof].plan->cpu_limit_s; });
  return jobs;
}

/// All answers of the works, which hold the plans of one or of several modules.
Result<void> prove(std::vector<ProofWork>& works, const RtlSources& sources, const ProveOptions& options, Jobs& jobs) {
  DYAD_TRY(const auto folder, TemporaryFolder::make("dyad-formal"));
  DYAD_CHECK(jobs.run("elaborate", static_cast<std::int64_t>(works.size()), [&](std::int64_t i) -> Result<void> {
    ProofWork& work = works[static_cast<std::size_t>(i)];
    const fs::path place = folder->path() / std::to_string(i);
    DYAD_TRY(work.netlist, build_netlist(*work.plan, sources, place, !options.claims_only, jobs.cancelled()));
    return {};
  }));
  const std::vector<Job> list = jobs_of(works, options);
  return jobs.run("prove", static_cast<std::int64_t>(list.size()), [&](std::int64_t i) -> Result<void> {
    const Job& job = list[static_cast<std::size_t>(i)];
    ProofWork& work = works[job.proof];
    const fs::path place = folder->path() / (std::to_string(job.proof) + "-" + std::to_string(job.part));
    DYAD_TRY(Obligation answer, prove_part(work, job, sources, place, options, jobs.cancelled()));
    if (options.stop_at_first && answer.counterexample) jobs.stop();
    work.answers[job.part] = std::move(answer);
    return {};
  });
}

/// Every file that the plans name is there.
Result<void> check_files(const ProofFile& file, const RtlSources& sources) {
  for (const ProofPlan& plan : file.proofs)
    for (const std::string& name : plan.files)
      if (!sources.contains(name)) return Error{plan.place + "/files", "there is no file " + name, "paths are relative to the repository"};
  return {};
}

Result<std::vector<ModuleProofs>> prove_files(const std::vector<ProofFile>& files, const RtlSources& sources, const ProveOptions& options,
                                              const Progress& progress, Progress* report) {
  std::vector<ProofWork> works;
  for (const ProofFile& file : files) {
    DYAD_CHECK(check_files(file, sources));
    for (const ProofPlan& plan : file.proofs) {
      works.push_back({&plan, file.module, std::nullopt, {}});
      works.back().answers.resize(kTwins + plan.twins.size());
    }
  }
  DYAD_CHECK(require_engines(files));
  if (!options.waves.empty()) {
    std::error_code fault;
    fs::create_directories(options.waves, fault);
    if (fault) return Error{options.waves.string(), "cannot be made: " + fault.message(), "name a folder"};
  }
  Jobs jobs(progress, report);
  DYAD_CHECK(prove(works, sources, options, jobs));
  std::vector<ModuleProofs> modules;
  auto work = works.begin();
  for (const ProofFile& file : files) {
    ModuleProofs& module = modules.emplace_back(ModuleProofs{file.module, {}, file.exhausted, file.open});
    for (const ProofPlan& plan : file.proofs) {
      Proof& proof = module.proofs.emplace_back(Proof{plan.name, plan.claim, plan.bounded ? plan.base : 0, {}});
      for (std::optional<Obligation>& answer : work->answers)
        if (answer) proof.obligations.push_back(std::move(*answer));
      ++work;
    }
  }
  return modules;
}

/// The proofs of "MODULE", or the one proof "MODULE/PROOF".
Result<ProofFile> proof_file_of(const std::string& request, const fs::path& rtl) {
  const std::size_t slash = request.find('/');
  const std::string module = request.substr(0, slash);
  const fs::path file = rtl / "formal" / (module + ".json");
  if (!fs::exists(file)) {
    DYAD_TRY(const std::vector<std::string> known, proved_modules(rtl));
    std::string names;
    for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
    return Error{module, "there are no proofs of this module", "there are of: " + names};
  }
  DYAD_TRY(ProofFile proofs, read_proof_file(file));
  if (slash == std::string::npos) return proofs;
  std::erase_if(proofs.proofs, [&](const ProofPlan& plan) { return plan.name != request.substr(slash + 1); });
  if (proofs.proofs.empty()) return Error{request, "there is no such proof", "their names are in " + file.string()};
  return proofs;
}

}  // namespace

std::string_view name_of(ProofStatus status) {
  switch (status) {
    case ProofStatus::kProved: return "proved";
    case ProofStatus::kFailed: return "failed";
    case ProofStatus::kVacuous: return "vacuous";
    case ProofStatus::kTimeout: return "timeout";
  }
  throw InternalError("a proof status without a name");
}

ProofStatus Proof::status() const {
  const auto open = std::ranges::find_if(obligations, [](const Obligation& one) { return one.status != ProofStatus::kProved; });
  return open == obligations.end() ? ProofStatus::kProved : open->status;
}

double Proof::cpu_s() const {
  return std::accumulate(obligations.begin(), obligations.end(), 0.0, [](double sum, const Obligation& one) { return sum + one.cpu_s; });
}

bool ModuleProofs::proved() const {
  return std::ranges::all_of(proofs, [](const Proof& proof) { return proof.status() == ProofStatus::kProved; });
}

Result<fs::path> find_rtl(const fs::path& folder) {
  const char* variable = std::getenv("DYAD_RTL");
  const fs::path chosen = !folder.empty() ? folder : variable && *variable ? fs::path(variable) : fs::path(DYAD_RTL_FOLDER);
  if (fs::is_directory(chosen / "formal")) return chosen;
  return Error{chosen.string(), "this is no folder of RTL with proofs", "--rtl or DYAD_RTL names the folder rtl of the sources"};
}

Result<std::vector<std::string>> proved_modules(const fs::path& rtl) {
  std::vector<std::string> modules;
  std::error_code fault;
  for (const auto& entry : fs::directory_iterator(rtl / "formal", fault))
    if (entry.path().extension() == ".json") modules.push_back(entry.path().stem().string());
  if (fault) return Error{(rtl / "formal").string(), "cannot be read: " + fault.message(), "name the folder of the RTL"};
  std::ranges::sort(modules);
  return modules;
}

Result<ModuleProofs> prove_module(const std::string& module, const fs::path& rtl, const std::map<std::string, std::string>& overrides,
                                  const ProveOptions& options, const Progress& progress) {
  DYAD_TRY(RtlSources sources, read_rtl(rtl));
  for (const auto& [name, text] : overrides) {
    DYAD_EXPECT(sources.contains(name), "a replacement for the absent file " + name);
    sources[name] = text;
  }
  DYAD_TRY(ProofFile file, proof_file_of(module, rtl));
  if (options.cpu_limit_s > 0)
    for (ProofPlan& plan : file.proofs) plan.cpu_limit_s = std::min(plan.cpu_limit_s, options.cpu_limit_s);
  DYAD_TRY(std::vector<ModuleProofs> modules, prove_files({std::move(file)}, sources, options, progress, nullptr));
  return std::move(modules.front());
}

Result<std::vector<ModuleProofs>> verify_formal(const FormalRequest& request, Progress& progress) {
  DYAD_TRY(const RtlSources sources, read_rtl(request.rtl));
  std::vector<std::string> names = request.modules;
  if (names.empty()) {
    DYAD_TRY(names, proved_modules(request.rtl));
    if (names.empty())
      return Error{(request.rtl / "formal").string(), "there are no proofs here", "a proof file is rtl/formal/MODULE.json"};
  }
  std::vector<ProofFile> files;
  for (const std::string& name : names) {
    DYAD_TRY(ProofFile file, proof_file_of(name, request.rtl));
    files.push_back(std::move(file));
  }
  return prove_files(files, sources, request.options, progress, &progress);
}

OrderedJson formal_document(const std::vector<ModuleProofs>& modules) {
  OrderedJson checks = OrderedJson::array(), list = OrderedJson::array();
  for (const ModuleProofs& module : modules) {
    OrderedJson proofs = OrderedJson::array();
    for (const Proof& proof : module.proofs) {
      OrderedJson obligations = OrderedJson::array();
      std::int64_t failed = 0;
      for (const Obligation& one : proof.obligations) {
        OrderedJson entry{{"name", one.name}, {"status", name_of(one.status)}, {"seconds", one.cpu_s}};
        if (!one.reason.empty()) entry["reason"] = one.reason;
        obligations.push_back(std::move(entry));
        failed += one.status != ProofStatus::kProved;
      }
      checks.push_back({{"name", module.module + "/" + proof.name}, {"cases", proof.obligations.size()}, {"mismatches", failed}});
      OrderedJson entry{{"name", proof.name}, {"claim", proof.claim}, {"status", name_of(proof.status())}, {"seconds", proof.cpu_s()}};
      if (proof.bound > 0) entry["bound"] = proof.bound;
      entry["obligations"] = std::move(obligations);
      proofs.push_back(std::move(entry));
    }
    list.push_back({{"name", module.module}, {"proofs", std::move(proofs)}, {"exhausted", module.exhausted}, {"open", module.open}});
  }
  return {{"schema", "dyad.verify/1"}, {"version", DYAD_VERSION}, {"checks", std::move(checks)}, {"modules", std::move(list)}};
}

}  // namespace dyad::workflow
