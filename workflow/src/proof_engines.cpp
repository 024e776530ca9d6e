#include "proof_engines.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

#include "process.hpp"

namespace dyad::workflow {
namespace {

/// What follows `word` in each line that has it, up to a final period; joined by commas, each once.
std::string after(const std::string& output, const std::string& word) {
  std::string joined;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find(word);
    if (at == std::string::npos) continue;
    std::string rest = line.substr(at + word.size());
    if (rest.ends_with('.')) rest.pop_back();
    if (joined.find(rest) == std::string::npos) joined += (joined.empty() ? "" : ", ") + rest;
  }
  return joined;
}

bool says(const std::string& output, const char* word) { return output.find(word) != std::string::npos; }

std::string last_line(const std::string& output) {
  const std::size_t end = output.find_last_not_of("\n ");
  if (end == std::string::npos) return "no output";
  const std::size_t begin = output.rfind('\n', end);
  return output.substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

/// The obligation of an engine that gave no answer.
Obligation no_answer(Obligation obligation, const Command& command, const CommandResult& result) {
  const bool time = result.out_of_time(command);
  obligation.status = time ? ProofStatus::kTimeout : ProofStatus::kFailed;
  obligation.reason = time ? "no answer within " + std::to_string(command.cpu_limit_s) + " s"
                           : command.words.front() + " gives no answer: " + last_line(result.output);
  return obligation;
}

Command smtbmc(const ProofPlan& plan, const Netlist& netlist, std::vector<std::string> words, const char* file,
               const std::function<bool()>& cancelled) {
  // --unroll: z3 solves the plain formula of each step many times faster than the definitions of the netlist.
  words.insert(words.begin(), {"yosys-smtbmc", "--noprogress", "--unroll", "-s", "z3"});
  words.emplace_back(file);
  return {std::move(words), netlist.folder, plan.cpu_limit_s, cancelled};
}

/// Runs it; the fault of the netlist stands for every obligation that needs the netlist.
Result<CommandResult> run(const Command& command) {
  DYAD_TRY(CommandResult result, run_command(command));
  if (result.cancelled) return cancelled_error();
  return result;
}

Obligation faulty(const char* name, const Netlist& netlist) {
  return {name, netlist.fault->status, netlist.fault->reason, false, netlist.cpu_s};
}

/// CaDiCaL on the clauses: unsatisfiable means that no input breaks an assertion.
Result<Obligation> prove_clauses(const ProofPlan& plan, const Netlist& netlist, const std::function<bool()>& cancelled) {
  Obligation obligation{"base", ProofStatus::kProved, "", false, netlist.cpu_s};
  const Command command{{"cadical", "-q", "-n", kMainCnf}, netlist.folder, plan.cpu_limit_s, cancelled};
  DYAD_TRY(const CommandResult result, run(command));
  obligation.cpu_s += result.cpu_s;
  constexpr int kSatisfiable = 10, kUnsatisfiable = 20;
  if (result.exit_status == kUnsatisfiable && says(result.output, "s UNSATISFIABLE")) return obligation;
  if (result.exit_status != kSatisfiable || !says(result.output, "s SATISFIABLE")) return no_answer(obligation, command, result);
  obligation.status = ProofStatus::kFailed;
  obligation.counterexample = true;
  obligation.reason = "an input breaks an assertion";
  return obligation;
}

/// What ABC does on the and-inverter graph, all assertions as one.
Command abc(const ProofPlan& plan, const Netlist& netlist, const std::string& what, const std::function<bool()>& cancelled) {
  const std::string script = std::string("read_aiger ") + kMainAig + "; fold; strash; orpos; " + what;
  return {{"yosys-abc", "-c", script}, netlist.folder, plan.cpu_limit_s, cancelled};
}

Result<Obligation> base_in_abc(const ProofPlan& plan, const Netlist& netlist, const std::function<bool()>& cancelled) {
  Obligation obligation{"base", ProofStatus::kProved, "", false, netlist.cpu_s};
  const std::string steps = std::to_string(plan.base);
  const Command command = abc(plan, netlist, "bmc3 -F " + steps, cancelled);
  DYAD_TRY(const CommandResult result, run(command));
  obligation.cpu_s += result.cpu_s;
  if (says(result.output, ("No output asserted in " + steps + " frames").c_str())) return obligation;
  if (!says(result.output, "was asserted in frame ")) return no_answer(obligation, command, result);
  obligation.status = ProofStatus::kFailed;
  obligation.counterexample = true;
  obligation.reason = "an assertion is broken in step " + after(result.output, "was asserted in frame ");
  return obligation;
}

/// They hold in step k + 1 if they, and all assumptions, held in k steps before.
Result<Obligation> step_in_abc(Obligation obligation, const ProofPlan& plan, const Netlist& netlist,
                               const std::function<bool()>& cancelled) {
  const Command command = abc(plan, netlist, "ind -F " + std::to_string(plan.induction + 1), cancelled);
  DYAD_TRY(const CommandResult result, run(command));
  obligation.cpu_s = result.cpu_s;
  if (says(result.output, "Networks are equivalent")) return obligation;
  if (!says(result.output, "Networks are UNDECIDED") && !says(result.output, "Networks are NOT EQUIVALENT"))
    return no_answer(obligation, command, result);
  obligation.status = ProofStatus::kFailed;
  obligation.reason = "not inductive over " + std::to_string(plan.induction) + " steps";
  return obligation;
}

}  // namespace

Result<void> require_engines(const std::vector<ProofFile>& files) {
  const auto uses = [&files](Engine engine) {
    return std::ranges::any_of(files, [engine](const ProofFile& file) {
      return std::ranges::any_of(file.proofs, [engine](const ProofPlan& plan) { return plan.engine == engine; });
    });
  };
  DYAD_CHECK(require_program("yosys", "yosys"));
  DYAD_CHECK(require_program("yosys-smtbmc", "yosys"));
  DYAD_CHECK(require_program("z3", "z3"));
  if (uses(Engine::kCnf)) DYAD_CHECK(require_program("cadical", "cadical"));
  if (uses(Engine::kAbc)) DYAD_CHECK(require_program("yosys-abc", "yosys"));
  return {};
}

Result<Obligation> prove_base(const ProofPlan& plan, const Netlist& netlist, const std::filesystem::path& waves,
                              const std::function<bool()>& cancelled) {
  if (netlist.fault) return faulty("base", netlist);
  if (plan.engine == Engine::kCnf) return prove_clauses(plan, netlist, cancelled);
  // Only z3 writes a waveform.
  if (plan.engine == Engine::kAbc && waves.empty()) return base_in_abc(plan, netlist, cancelled);
  Obligation obligation{"base", ProofStatus::kProved, "", false, netlist.cpu_s};
  std::vector<std::string> words{"--presat", "-t", std::to_string(plan.base)};
  if (!waves.empty()) words.insert(words.end(), {"--dump-vcd", waves.string()});
  const Command command = smtbmc(plan, netlist, std::move(words), kMainSmt, cancelled);
  DYAD_TRY(const CommandResult result, run(command));
  obligation.cpu_s += result.cpu_s;
  if (says(result.output, "Status: PASSED")) return obligation;
  if (says(result.output, "Status: PREUNSAT")) {
    obligation.status = ProofStatus::kVacuous;
    obligation.reason = "the assumptions contradict each other";
    return obligation;
  }
  if (!says(result.output, "Status: FAILED")) return no_answer(obligation, command, result);
  obligation.status = ProofStatus::kFailed;
  obligation.counterexample = true;
  obligation.reason = "broken: " + after(result.output, "Assert failed in ");
  return obligation;
}

Result<Obligation> prove_induction(const ProofPlan& plan, const Netlist& netlist, const std::function<bool()>& cancelled) {
  if (netlist.fault) return faulty("induction", netlist);
  Obligation obligation{"induction", ProofStatus::kProved, "", false, 0};
  if (plan.engine == Engine::kAbc) return step_in_abc(obligation, plan, netlist, cancelled);
  const Command command = smtbmc(plan, netlist, {"-i", "-t", std::to_string(plan.induction)}, kMainSmt, cancelled);
  DYAD_TRY(const CommandResult result, run(command));
  obligation.cpu_s = result.cpu_s;
  if (says(result.output, "Status: PASSED")) return obligation;
  if (!says(result.output, "Status: FAILED")) return no_answer(obligation, command, result);
  obligation.status = ProofStatus::kFailed;
  obligation.reason = "not inductive over " + std::to_string(plan.induction) + " steps: " + after(result.output, "Assert failed in ");
  return obligation;
}

Result<Obligation> prove_cover(const ProofPlan& plan, const Netlist& netlist, const std::function<bool()>& cancelled) {
  if (netlist.fault) return faulty("cover", netlist);
  Obligation obligation{"cover", ProofStatus::kProved, "", false, 0};
  const Command command = smtbmc(plan, netlist, {"-c", "-t", std::to_string(plan.cover)}, kCoverSmt, cancelled);
  DYAD_TRY(const CommandResult result, run(command));
  obligation.cpu_s = result.cpu_s;
  if (says(result.output, "Status: PASSED")) return obligation;
  if (!says(result.output, "Status: FAILED")) return no_answer(obligation, command, result);
  obligation.status = ProofStatus::kVacuous;
  obligation.reason =
      "never reached within " + std::to_string(plan.cover) + " steps: " + after(result.output, "Unreached cover statement at ");
  return obligation;
}

}  // namespace dyad::workflow
