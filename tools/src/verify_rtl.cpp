// dyad verify rtl: every Verilated module against its reference model.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "console.hpp"
#include "dyad/base/parallel.hpp"
#include "verify.hpp"

#ifdef DYAD_HAS_RTL
#include "dyad/cosim/check.hpp"
#endif

namespace dyad::tools {
namespace {

struct Options {
  std::vector<std::string> names;
  std::int64_t cases = 0;  ///< 0: each check's own
  std::uint64_t seed = 1;
  bool json = false;
};

#ifdef DYAD_HAS_RTL

using cosim::RegisteredCheck;

/// The checks named so, and those of the modules named so ("dyadic_requantizer" has one a rounding); all when nothing is named.
Result<std::vector<RegisteredCheck>> chosen_checks(const std::vector<std::string>& names) {
  const std::vector<RegisteredCheck>& all = cosim::registered_checks();
  const auto is_of = [](const RegisteredCheck& check, const std::string& name) {
    return check.name == name || check.name.rfind(name + "/", 0) == 0;
  };
  for (const std::string& name : names) {
    if (std::any_of(all.begin(), all.end(), [&](const RegisteredCheck& check) { return is_of(check, name); })) continue;
    std::string known;
    for (const RegisteredCheck& check : all) known += (known.empty() ? "" : ", ") + check.name;
    return Error{"NAME", "there is no check '" + name + "'", "a module or one of: " + known};
  }
  std::vector<RegisteredCheck> chosen;
  for (const RegisteredCheck& check : all)
    if (names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) { return is_of(check, name); }))
      chosen.push_back(check);
  return chosen;
}

/// Which checks one worker runs one after another: SystemC simulates once at a time in a process, so all of its checks are one task.
std::vector<std::vector<std::size_t>> tasks_of(const std::vector<RegisteredCheck>& checks) {
  std::vector<std::vector<std::size_t>> tasks;
  std::vector<std::size_t> serial;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (checks[i].needs_systemc)
      serial.push_back(i);
    else
      tasks.push_back({i});
  }
  if (!serial.empty()) tasks.insert(tasks.begin(), serial);
  return tasks;
}

std::vector<workflow::CheckOutcome> run_checks(const std::vector<RegisteredCheck>& checks, const Options& options) {
  std::vector<workflow::CheckOutcome> outcomes(checks.size());
  const std::vector<std::vector<std::size_t>> tasks = tasks_of(checks);
  TerminalProgress progress;
  progress.stage("RTL against its models");
  std::mutex progress_mutex;
  std::int64_t done = 0;
  parallel_for(static_cast<std::int64_t>(tasks.size()), [&](std::int64_t task) {
    for (const std::size_t i : tasks[static_cast<std::size_t>(task)]) {
      if (interrupted()) return;
      cosim::CheckOptions wanted;
      wanted.seed = options.seed;
      wanted.cases = options.cases > 0 ? options.cases : checks[i].default_cases;
      const cosim::Check check = cosim::run_check(checks[i], wanted);
      outcomes[i] = {check.name, check.cases, check.mismatches, check.first};
      const std::lock_guard lock(progress_mutex);
      progress.update(++done, static_cast<std::int64_t>(checks.size()));
    }
  });
  return outcomes;
}

Result<int> run(const Options& options) {
  DYAD_TRY(const std::vector<RegisteredCheck> checks, chosen_checks(options.names));
  const std::vector<workflow::CheckOutcome> outcomes = run_checks(checks, options);
  OrderedJson document = workflow::verification_document("rtl", outcomes);
  document["seed"] = options.seed;
  return finish_verification(document, outcomes, options.json);
}

#else

Result<int> run(const Options&) { return without_rtl("dyad verify rtl"); }

#endif

}  // namespace

Error without_rtl(const std::string& what) {
  return {what, "this build has no RTL", "install Debian's verilator and configure with -DDYAD_WITH_RTL=ON"};
}

void add_verify_rtl(CLI::App& verify, Action& action) {
  auto* verb = verify.add_subcommand("rtl", "Every RTL module against its C++ reference model, beat by beat and cycle by cycle");
  auto options = std::make_shared<Options>();
  verb->add_option("NAME", options->names, "Modules or checks; default: all");
  verb->add_option("--cases", options->cases, "Of every check; default: each check's own")->check(CLI::PositiveNumber);
  verb->add_option("--seed", options->seed, "Draws data and stalls")->capture_default_str();
  describe(*verb, options->json, "dyad verify rtl stream_skid --cases 1000000");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
