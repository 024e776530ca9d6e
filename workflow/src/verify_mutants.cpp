#include "dyad/workflow/verify_mutants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>
#include <thread>
#include <tuple>

#include "dyad/base/files.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/workflow/verify_formal.hpp"
#include "process.hpp"
#include "temporary_folder.hpp"

namespace dyad::workflow {
namespace {
namespace fs = std::filesystem;

constexpr const char* kProgram = "rtl_mutants";

/// An entry of equivalent.json.
struct Equivalence {
  std::string place, module, before, after, argument;
  int occurrence = 1;

  bool matches(const MutantReport& mutant) const {
    return std::tie(module, before, after, occurrence) == std::tie(mutant.module, mutant.before, mutant.after, mutant.occurrence);
  }
};

/// $DYAD_RTL_MUTANTS, else beside this program or in tools/ of the build tree above it.
Result<fs::path> find_program() {
  const char* const hint =
      "configure with -DDYAD_BUILD_TESTS=ON and Verilator (Debian: verilator) and build; or let DYAD_RTL_MUTANTS name it";
  if (const char* named = std::getenv("DYAD_RTL_MUTANTS")) {
    if (!fs::exists(named)) return Error{std::string("DYAD_RTL_MUTANTS=") + named, "there is no such program", hint};
    return fs::path(named);
  }
  std::error_code code;
  const fs::path self = fs::read_symlink("/proc/self/exe", code);
  constexpr int kDeepestProgram = 5;
  fs::path folder = self.parent_path();
  if (fs::exists(folder / kProgram)) return folder / kProgram;
  for (int up = 0; up < kDeepestProgram && folder.has_relative_path(); ++up) {
    folder = folder.parent_path();
    if (fs::exists(folder / "tools" / kProgram)) return folder / "tools" / kProgram;
  }
  return Error{kProgram, "the program that holds the mutants was not found", hint};
}

/// Runs rtl_mutants; its lines, in the order in which they came.
Result<std::vector<Json>> run_program(const fs::path& program, std::vector<std::string> words, const fs::path& folder, Progress& progress,
                                      std::int64_t expected_lines) {
  const fs::path file = folder / "mutants.jsonl";
  words.insert(words.begin(), {program.string(), "--output", file.string()});
  Command command;
  command.words = std::move(words);
  command.folder = folder;
  command.cancelled = [&] {
    if (std::ifstream lines(file); lines && expected_lines > 0) {
      const auto done = std::count(std::istreambuf_iterator<char>(lines), {}, '\n');
      progress.update(std::min<std::int64_t>(done, expected_lines), expected_lines);
    }
    return progress.cancelled();
  };
  DYAD_TRY(const CommandResult result, run_command(command));
  if (result.cancelled) return Error{kProgram, "was stopped", "run it again"};
  std::vector<Json> found;
  if (fs::exists(file)) {
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
      DYAD_TRY(Json json, parse_json(line, program.string()));
      found.push_back(std::move(json));
    }
  }
  for (const Json& json : found)
    if (json.value("id", 0) == 0 && json.value("killed", false))
      return Error{json.at("module").get<std::string>(),
                   "the module itself fails its check, so that its mutants say nothing: " + json.value("reason", ""),
                   "dyad verify rtl " + json.at("module").get<std::string>()};
  if (result.exit_status != 0)
    return Error{program.string(), fmt::format("ended with status {}: {}", result.exit_status, result.output),
                 "dyad verify mutants --help"};
  return found;
}

MutantReport report_of(const Json& json) {
  MutantReport mutant;
  mutant.module = json.at("module").get<std::string>();
  mutant.id = json.at("id").get<int>();
  mutant.file = "rtl/" + json.at("file").get<std::string>();
  mutant.line = json.at("line").get<int>();
  mutant.kind = json.at("kind").get<std::string>();
  mutant.before = json.at("before").get<std::string>();
  mutant.after = json.at("after").get<std::string>();
  mutant.occurrence = json.at("occurrence").get<int>();
  mutant.start = json.at("start").get<std::int64_t>();
  mutant.end = json.at("end").get<std::int64_t>();
  mutant.text = json.at("text").get<std::string>();
  mutant.cpu_s = json.value("cpu_s", 0.0);
  if (json.value("killed", false)) {
    mutant.fate = Fate::kKilledBySimulation;
    const std::string set = json.value("set", "");
    mutant.reason = (set.empty() || set == "default" ? "" : set + ": ") + json.value("reason", "");
  }
  return mutant;
}

Result<std::vector<Equivalence>> read_equivalences(const fs::path& file) {
  DYAD_TRY(const Json document, read_json(file));
  const JsonReader reader(document, file.string());
  DYAD_CHECK(reader.schema("dyad.equivalent_mutants", 1));
  DYAD_TRY(const JsonReader list, reader.member("mutants"));
  DYAD_TRY(const std::vector<JsonReader> entries, list.elements());
  std::vector<Equivalence> found;
  for (const JsonReader& entry : entries) {
    Equivalence one;
    one.place = entry.place();
    DYAD_TRY(one.module, entry.string("module"));
    DYAD_TRY(one.before, entry.string("before"));
    DYAD_TRY(one.after, entry.string("after"));
    DYAD_TRY(one.argument, entry.string("argument"));
    if (entry.has("occurrence")) {
      DYAD_TRY(const std::int64_t occurrence, entry.integer("occurrence", 1, 10'000));
      one.occurrence = static_cast<int>(occurrence);
    }
    DYAD_CHECK(entry.finish());
    if (one.argument.size() < 20) return Error{entry.place(), "the argument says too little", "say why no input can tell the two apart"};
    found.push_back(std::move(one));
  }
  DYAD_CHECK(reader.finish());
  return found;
}

/// The source of the mutant's module with its change.
Result<std::string> mutated_text(const MutantReport& mutant, const fs::path& rtl) {
  const fs::path file = rtl / fs::path(mutant.file).filename();
  DYAD_TRY(const std::vector<std::uint8_t> bytes, read_bytes(file));
  std::string text(bytes.begin(), bytes.end());
  const auto start = static_cast<std::size_t>(mutant.start), end = static_cast<std::size_t>(mutant.end);
  const auto squeezed = [](const std::string& line) {
    std::string words;
    for (const char c : line)
      if (c != ' ' && c != '\t' && c != '\n') words += c;
    return words;
  };
  bool same = end <= text.size();
  if (same) {
    const std::size_t begin = text.rfind('\n', start) == std::string::npos || start == 0 ? 0 : text.rfind('\n', start - 1) + 1;
    const std::size_t finish = std::min(text.find('\n', end), text.size());
    // The line must be there, and the change in the place where it makes the other line of it.
    same = squeezed(text.substr(begin, finish - begin)) == squeezed(mutant.before) &&
           squeezed(text.substr(begin, start - begin) + mutant.text + text.substr(end, finish - end)) == squeezed(mutant.after);
  }
  if (!same) return Error{file.string(), std::string(kProgram) + " was built from another version of it", "build again"};
  return text.replace(start, end - start, mutant.text);
}

/// The modules that have a proof which reads the file.
Result<std::vector<std::string>> modules_proved_with(const std::string& file, const fs::path& rtl) {
  DYAD_TRY(const std::vector<std::string> all, proved_modules(rtl));
  std::vector<std::string> found;
  for (const std::string& module : all) {
    DYAD_TRY(const std::vector<std::uint8_t> bytes, read_bytes(rtl / "formal" / (module + ".json")));
    if (std::string(bytes.begin(), bytes.end()).find('"' + file + '"') != std::string::npos) found.push_back(module);
  }
  return found;
}

struct Answer {
  std::optional<std::string> broken;  ///< what does not hold any more
  double cpu_s = 0;
};

/// What proofs say when the mutant stands in its file: those of its module first, then those of modules around it.
/// Of a mutant that is argued to be equivalent only a run from reset can say otherwise; its own module's proofs look for one, not for long.
Result<Answer> refute(const MutantReport& mutant, bool argued, const fs::path& rtl, const Progress& progress) {
  constexpr int kDoubtLimitS = 5;
  DYAD_TRY(const std::string text, mutated_text(mutant, rtl));
  DYAD_TRY(std::vector<std::string> modules, modules_proved_with(mutant.file, rtl));
  const auto others = std::ranges::stable_partition(modules, [&](const std::string& module) { return module == mutant.module; });
  ProveOptions options;
  options.claims_only = true;
  options.stop_at_first = true;
  if (argued) {
    modules.erase(others.begin(), others.end());
    options.bases_only = true;
    options.cpu_limit_s = kDoubtLimitS;
  }
  Answer answer;
  for (const std::string& module : modules) {
    DYAD_TRY(const ModuleProofs proofs, prove_module(module, rtl, {{mutant.file, text}}, options, progress));
    for (const Proof& proof : proofs.proofs) {
      answer.cpu_s += proof.cpu_s();
      for (const Obligation& obligation : proof.obligations) {
        // A fault that shows after 2^31 cycles only breaks the induction; an equivalent mutant may do so, too.
        const bool broken = argued ? obligation.counterexample : obligation.status == ProofStatus::kFailed;
        if (broken && !answer.broken) answer.broken = module + "/" + proof.name + ", " + obligation.name + ": " + obligation.reason;
      }
    }
    if (answer.broken) break;
  }
  return answer;
}

/// An Error for an entry that names no possible change of its module, or no module. Modules that are not built or not asked for are left
/// alone.
Result<void> check_entries(const std::vector<Equivalence>& entries, const std::vector<Json>& listed, const MutantsRequest& request) {
  std::set<std::string> modules;
  std::set<std::tuple<std::string, std::string, std::string, int>> known;
  for (const Json& json : listed) modules.insert(json.at("module").get<std::string>());
  for (const Json& json : listed)
    known.emplace(json.at("module").get<std::string>(), json.at("before").get<std::string>(), json.at("after").get<std::string>(),
                  json.at("occurrence").get<int>());
  for (const Equivalence& entry : entries) {
    if (!fs::exists(request.rtl / (entry.module + ".sv")))
      return Error{entry.place, "there is no module " + entry.module, "remove the entry"};
    if (!modules.contains(entry.module)) continue;
    if (!known.contains({entry.module, entry.before, entry.after, entry.occurrence}))
      return Error{entry.place, "names no mutant of " + entry.module, "dyad verify mutants " + entry.module + " lists those that survive"};
  }
  return {};
}

const Equivalence* entry_of(const MutantReport& mutant, const std::vector<Equivalence>& entries) {
  for (const Equivalence& entry : entries)
    if (entry.matches(mutant)) return &entry;
  return nullptr;
}

Result<void> judge_survivors(std::vector<MutantReport>& mutants, const std::vector<Equivalence>& entries, const MutantsRequest& request,
                             Progress& progress) {
  std::vector<MutantReport*> survivors;
  for (MutantReport& mutant : mutants) {
    const Equivalence* const entry = entry_of(mutant, entries);
    if (mutant.fate == Fate::kKilledBySimulation && entry)
      return Error{entry->place, "this mutant is killed by simulation: " + mutant.reason, "remove the entry"};
    if (mutant.fate == Fate::kSurvived) survivors.push_back(&mutant);
  }
  progress.stage("proofs of the survivors");
  std::vector<Result<Answer>> found(survivors.size(), Answer());
  std::int64_t done = 0;
  for (std::size_t i = 0; i < survivors.size(); ++i) {
    // A sample trusts the arguments, so that it needs no solver for them.
    const bool argued = entry_of(*survivors[i], entries) != nullptr;
    if (request.sample == 0 || !argued) found[i] = refute(*survivors[i], argued, request.rtl, progress);
    progress.update(++done, static_cast<std::int64_t>(survivors.size()));
    if (progress.cancelled()) return Error{"dyad verify mutants", "was stopped", "run it again"};
  }
  for (std::size_t i = 0; i < survivors.size(); ++i) {
    if (!found[i]) return found[i].error();
    MutantReport& mutant = *survivors[i];
    const Equivalence* const entry = entry_of(mutant, entries);
    mutant.cpu_s += found[i]->cpu_s;
    if (const std::optional<std::string>& broken = found[i]->broken) {
      if (entry) return Error{entry->place, "this mutant is refuted by " + *broken, "remove the entry"};
      mutant.fate = Fate::kKilledByProof;
      mutant.reason = *broken;
    } else if (entry) {
      mutant.fate = Fate::kEquivalent;
      mutant.reason = entry->argument;
    }
  }
  return {};
}

}  // namespace

Result<std::vector<MutantReport>> verify_mutants(const MutantsRequest& request, Progress& progress) {
  DYAD_TRY(const fs::path program, find_program());
  DYAD_TRY(const std::vector<Equivalence> entries, read_equivalences(request.rtl / "mutation" / "equivalent.json"));
  DYAD_TRY(const auto folder, TemporaryFolder::make("dyad-mutants"));

  std::vector<std::string> words = request.modules;
  words.push_back("--list");
  DYAD_TRY(const std::vector<Json> listed, run_program(program, words, folder->path(), progress, 0));
  DYAD_CHECK(check_entries(entries, listed, request));
  const auto total = std::ranges::count_if(listed, [](const Json& json) { return json.value("id", 0) > 0; });

  words.back() = "--seed=" + std::to_string(request.seed);
  words.push_back("--jobs=" + std::to_string(std::max(1u, std::thread::hardware_concurrency())));
  auto expected = static_cast<std::int64_t>(total);
  if (request.sample > 0) {
    words.push_back("--sample=" + std::to_string(request.sample));
    expected = std::min(expected, request.sample);
  }
  progress.stage("mutants in simulation");
  DYAD_TRY(const std::vector<Json> lines, run_program(program, words, folder->path(), progress, expected));
  std::vector<MutantReport> mutants;
  for (const Json& json : lines)
    if (json.at("id").get<int>() > 0) mutants.push_back(report_of(json));
  std::ranges::sort(mutants, {}, [](const MutantReport& mutant) { return std::tie(mutant.module, mutant.id); });
  DYAD_CHECK(judge_survivors(mutants, entries, request, progress));
  return mutants;
}

namespace {

struct ModuleCounts {
  std::array<std::int64_t, 4> fates{};
  double cpu_s = 0;

  std::int64_t& operator[](Fate fate) { return fates[static_cast<std::size_t>(fate)]; }
  std::int64_t operator[](Fate fate) const { return fates[static_cast<std::size_t>(fate)]; }
  std::int64_t total() const { return std::accumulate(fates.begin(), fates.end(), std::int64_t{0}); }
  std::int64_t killed() const { return (*this)[Fate::kKilledBySimulation] + (*this)[Fate::kKilledByProof]; }
  void operator+=(const ModuleCounts& other) {
    for (std::size_t i = 0; i < fates.size(); ++i) fates[i] += other.fates[i];
    cpu_s += other.cpu_s;
  }
};

std::map<std::string, ModuleCounts> counts_of(const std::vector<MutantReport>& mutants) {
  std::map<std::string, ModuleCounts> modules;
  for (const MutantReport& mutant : mutants) {
    ModuleCounts& counts = modules[mutant.module];
    ++counts[mutant.fate];
    counts.cpu_s += mutant.cpu_s;
  }
  return modules;
}

}  // namespace

OrderedJson mutants_document(const MutantsRequest& request, const std::vector<MutantReport>& mutants) {
  OrderedJson equivalent = OrderedJson::array(), survivors = OrderedJson::array();
  for (const MutantReport& mutant : mutants) {
    if (mutant.fate != Fate::kEquivalent && mutant.fate != Fate::kSurvived) continue;
    OrderedJson entry{{"id", mutant.id},     {"module", mutant.module}, {"file", mutant.file},   {"line", mutant.line},
                      {"kind", mutant.kind}, {"before", mutant.before}, {"after", mutant.after}, {"occurrence", mutant.occurrence}};
    if (mutant.fate == Fate::kEquivalent) entry["argument"] = mutant.reason;
    (mutant.fate == Fate::kEquivalent ? equivalent : survivors).push_back(std::move(entry));
  }
  OrderedJson checks = OrderedJson::array(), modules = OrderedJson::array();
  ModuleCounts all;
  for (const auto& [module, counts] : counts_of(mutants)) {
    all += counts;
    checks.push_back({{"name", "mutants/" + module}, {"cases", counts.total()}, {"mismatches", counts[Fate::kSurvived]}});
    modules.push_back({{"name", module},
                       {"mutants", counts.total()},
                       {"killed_by_simulation", counts[Fate::kKilledBySimulation]},
                       {"killed_by_proof", counts[Fate::kKilledByProof]},
                       {"equivalent", counts[Fate::kEquivalent]},
                       {"survivors", counts[Fate::kSurvived]},
                       {"seconds", counts.cpu_s}});
  }
  return {{"schema", "dyad.verify/1"},
          {"version", DYAD_VERSION},
          {"sample", request.sample > 0 ? OrderedJson{{"mutants", request.sample}, {"seed", request.seed}} : OrderedJson(nullptr)},
          {"checks", std::move(checks)},
          {"mutants",
           {{"total", mutants.size()},
            {"killed", all.killed()},
            {"killed_by_proof", all[Fate::kKilledByProof]},
            {"modules", std::move(modules)},
            {"equivalent", std::move(equivalent)},
            {"survivors", std::move(survivors)}}}};
}

std::string mutants_text(const std::vector<MutantReport>& mutants) {
  std::string text = fmt::format("{:<24}{:>10}{:>12}{:>10}{:>12}{:>10}{:>10}\n", "module", "mutants", "simulation", "proof", "equivalent",
                                 "survived", "CPU s");
  const auto row = [&text](const std::string& name, const ModuleCounts& counts) {
    text += fmt::format("{:<24}{:>10}{:>12}{:>10}{:>12}{:>10}{:>10.1f}\n", name, counts.total(), counts[Fate::kKilledBySimulation],
                        counts[Fate::kKilledByProof], counts[Fate::kEquivalent], counts[Fate::kSurvived], counts.cpu_s);
  };
  ModuleCounts all;
  for (const auto& [module, counts] : counts_of(mutants)) {
    row(module, counts);
    all += counts;
  }
  row("all", all);
  for (const MutantReport& mutant : mutants)
    if (mutant.fate == Fate::kSurvived)
      text += fmt::format("survived: {}:{}: {} (mutant {})\n  - {}\n  + {}\n", mutant.file, mutant.line, mutant.kind, mutant.id,
                          mutant.before, mutant.after);
  const auto lived = std::ranges::count(mutants, Fate::kSurvived, &MutantReport::fate);
  text += fmt::format("{} mutants: {}\n", mutants.size(), lived == 0 ? "none survived" : fmt::format("{} survived", lived));
  return text;
}

}  // namespace dyad::workflow
