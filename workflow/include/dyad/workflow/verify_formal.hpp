/// \file `dyad verify formal`: proofs of the RTL by Yosys with z3 or CaDiCaL, guarded against proofs that say nothing.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"
#include "dyad/workflow/progress.hpp"

namespace dyad::workflow {

enum class ProofStatus {
  kProved,
  kFailed,   ///< a counterexample, a step that is not inductive, a twin that passes, or RTL that the tools refuse
  kVacuous,  ///< no assertion, an assertion or cover that is never reached, an undriven or implicit wire
  kTimeout,  ///< the CPU limit of the proof was used up
};
/// "proved", "failed", "vacuous" or "timeout".
std::string_view name_of(ProofStatus status);

/// One run of an engine: "base", "induction", "cover" or "twin: NAME". A twin is proved when the engine finds its bug.
struct Obligation {
  std::string name;
  ProofStatus status = ProofStatus::kProved;
  std::string reason;           ///< why it is not proved; the failed assertion
  bool counterexample = false;  ///< the engine found an execution that breaks an assertion
  double cpu_s = 0;
};

struct Proof {
  std::string name;
  std::string claim;
  int bound = 0;  ///< steps for which it is claimed; 0: for ever
  std::vector<Obligation> obligations;

  ProofStatus status() const;  ///< of the first obligation that is not proved
  double cpu_s() const;
};

/// What is known about one module.
struct ModuleProofs {
  std::string module;
  std::vector<Proof> proofs;
  std::vector<std::string> exhausted;  ///< what simulation exhausts
  std::vector<std::string> open;       ///< what is neither proved nor exhausted

  bool proved() const;
};

struct ProveOptions {
  /// Base case and induction only: is the claim true of these sources? (Mutants: the guards are proved of the original.)
  bool claims_only = false;
  /// Base cases only, which need claims_only too: does a run from the initial state break a claim?
  bool bases_only = false;
  /// Stop at the first counterexample; what was not begun by then is left out of the report.
  bool stop_at_first = false;
  /// CPU limit of each call of an engine where the proof allows more; 0: what the proof allows.
  int cpu_limit_s = 0;
  /// Where each failing claim leaves its counterexample as MODULE.PROOF.vcd; empty: nowhere.
  std::filesystem::path waves;
};

/// The folder of the RTL: `folder` when not empty, else DYAD_RTL, else the source tree's. An Error when there is none.
Result<std::filesystem::path> find_rtl(const std::filesystem::path& folder);

/// The modules that have a proof file rtl/formal/MODULE.json, sorted.
Result<std::vector<std::string>> proved_modules(const std::filesystem::path& rtl);

/// Proves one module. `overrides` replaces whole files: "rtl/stream_fifo.sv" → its text (mutants).
/// Called inside parallel_for it runs serially. An Error when a file is bad, a tool is missing, or it was cancelled.
Result<ModuleProofs> prove_module(const std::string& module, const std::filesystem::path& rtl,
                                  const std::map<std::string, std::string>& overrides, const ProveOptions& options,
                                  const Progress& progress);

struct FormalRequest {
  std::vector<std::string> modules;  ///< "stream_fifo", or one proof of it: "stream_fifo/depth_2"; empty: all
  std::filesystem::path rtl;         ///< as find_rtl gave it
  ProveOptions options;
};

/// All proofs of the modules, on all cores; the order of the report does not depend on them.
Result<std::vector<ModuleProofs>> verify_formal(const FormalRequest& request, Progress& progress);

/// The document dyad.verify/1 of these proofs.
OrderedJson formal_document(const std::vector<ModuleProofs>& modules);

}  // namespace dyad::workflow
