// rtl_mutants: runs the checks of the RTL modules on their mutants and writes one JSON line a mutant. `dyad verify mutants` is what people
// run.
#include <sys/wait.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "dyad/base/json.hpp"
#include "dyad/base/random.hpp"
#include "mutants.hpp"

namespace dyad::tools {
namespace {

struct Options {
  std::vector<std::string> modules;
  std::string output;
  std::size_t sample = 0;
  std::uint64_t seed = 1;
  int jobs = 2;
  bool list = false;
};

struct Job {
  const MutatedModule* module;
  Mutant mutant;
};

std::string text_of(const Verdict& verdict) {
  return OrderedJson{{"killed", verdict.killed}, {"set", verdict.set}, {"reason", verdict.reason}, {"cpu_s", verdict.cpu_s}}.dump(
      -1, ' ', false, OrderedJson::error_handler_t::replace);
}

Verdict verdict_of(const std::string& text, int status, int cpu_limit_s) {
  if (!text.empty() && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    const OrderedJson json = OrderedJson::parse(text);
    return {json["killed"], json["set"], json["reason"], json["cpu_s"]};
  }
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL))
    return {true, "", "ran past " + std::to_string(cpu_limit_s) + " s of CPU", static_cast<double>(cpu_limit_s)};
  return {true, "", WIFSIGNALED(status) ? "the simulation ended by signal " + std::to_string(WTERMSIG(status)) : "the simulation broke off",
          0};
}

/// Runs the jobs; `limit` gives each its CPU seconds.
template <class Limit, class Done>
void run_jobs(const std::vector<Job>& jobs, const Options& options, const Limit& limit, const Done& done) {
  in_processes(
      jobs.size(), options.jobs,
      [&](std::size_t i) {
        limit_cpu(limit(jobs[i]));
        return text_of(run_mutant(jobs[i].module->sets, jobs[i].mutant.id));
      },
      [&](std::size_t i, const std::string& text, int status) { done(jobs[i], verdict_of(text, status, limit(jobs[i]))); });
}

int run(const Options& options) {
  const auto modules = mutated_modules();
  std::vector<Job> jobs;
  for (const std::string& name : options.modules)
    if (!modules.contains(name)) {
      std::cerr << "error: " << name << ": no module of that name has mutants\n";
      return 2;
    }
  const auto is_asked = [&](const std::string& name) { return options.modules.empty() || std::ranges::count(options.modules, name) > 0; };
  for (const auto& [name, module] : modules)
    if (is_asked(name))
      for (const Mutant& mutant : module.mutants) jobs.push_back({&module, mutant});

  std::ofstream file;
  if (!options.output.empty()) file.open(options.output, std::ios::trunc);
  std::ostream& out = options.output.empty() ? std::cout : file;
  const auto write = [&](const Mutant& mutant, const Verdict* verdict) {
    OrderedJson line{{"module", mutant.module}};
    line.update(OrderedJson::parse(mutant.record));
    if (verdict) line.update({{"killed", verdict->killed}, {"set", verdict->set}, {"reason", verdict->reason}, {"cpu_s", verdict->cpu_s}});
    out << line.dump() << std::endl;
  };
  if (options.list) {
    for (const Job& job : jobs) write(job.mutant, nullptr);
    for (const auto& [name, module] : modules)
      if (is_asked(name))
        for (const std::string& other : module.left_out) write({name, 0, other}, nullptr);
    return 0;
  }
  if (options.sample > 0 && options.sample < jobs.size()) {
    Random random(options.seed);
    for (std::size_t i = 0; i < options.sample; ++i) std::swap(jobs[i], jobs[i + random.below(jobs.size() - i)]);
    jobs.resize(options.sample, jobs.front());
  }

  // The modules themselves: they must pass, and how long they take bounds what their mutants may take.
  constexpr int kOriginalLimitS = 120;
  std::vector<Job> originals;
  for (const auto& [name, module] : modules)
    if (std::ranges::any_of(jobs, [&module = module](const Job& job) { return job.module == &module; }))
      originals.push_back({&module, {name, 0, R"({"id":0})"}});
  std::map<std::string, int> limits;
  bool passed = true;
  run_jobs(
      originals, options, [](const Job&) { return kOriginalLimitS; },
      [&](const Job& job, const Verdict& verdict) {
        limits[job.mutant.module] = 5 + static_cast<int>(5 * verdict.cpu_s);
        passed = passed && !verdict.killed;
        write(job.mutant, &verdict);
      });
  if (!passed) return 1;
  run_jobs(
      jobs, options, [&](const Job& job) { return limits.at(job.mutant.module); },
      [&](const Job& job, const Verdict& verdict) { write(job.mutant, &verdict); });
  return out ? 0 : 2;
}

}  // namespace
}  // namespace dyad::tools

int main(int argc, char** argv) {
  dyad::tools::Options options;
  CLI::App program{"Runs the checks of the RTL modules on their mutants; one JSON line a mutant.", "rtl_mutants"};
  program.add_option("modules", options.modules, "Only these modules");
  program.add_option("--output", options.output, "Write the lines here, not to stdout");
  program.add_option("--sample", options.sample, "Only so many mutants, chosen by the seed");
  program.add_option("--seed", options.seed, "Chooses the sample");
  program.add_option("--jobs", options.jobs, "Processes at a time")->check(CLI::Range(1, 1024));
  program.add_flag("--list", options.list, "List the mutants, then the changes that were not chosen (without id); run none");
  CLI11_PARSE(program, argc, argv);
  try {
    return dyad::tools::run(options);
  } catch (const std::exception& failure) {
    std::cerr << "internal error: " << failure.what() << "\n";
    return 3;
  }
}
