/// \file `dyad verify mutants`: single-point mutants of the RTL must be killed by simulation or by a proof.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"
#include "dyad/workflow/progress.hpp"

namespace dyad::workflow {

enum class Fate {
  kKilledBySimulation,  ///< a check of the module saw a difference, a failed assertion or a hang
  kKilledByProof,       ///< simulation saw nothing, but a proof of the module fails: a counterexample, or its induction breaks
  kEquivalent,          ///< neither, and rtl/mutation/equivalent.json argues why it behaves like the module
  kSurvived,
};

/// One changed place of a module. docs/rtl/mutation.md describes the fields.
struct MutantReport {
  std::string module, file, kind, before, after;
  int id = 0, line = 0, occurrence = 1;
  std::int64_t start = 0, end = 0;  ///< bytes of the file that `text` replaces
  std::string text;
  Fate fate = Fate::kSurvived;
  std::string reason;  ///< what killed it, or the argument of its equivalence
  double cpu_s = 0;    ///< of simulation and proofs
};

struct MutantsRequest {
  std::vector<std::string> modules;  ///< empty: all
  std::int64_t sample = 0;           ///< so many, chosen by the seed; 0: all
  std::uint64_t seed = 1;            ///< of the sample; the stimuli are always the same
  std::filesystem::path rtl;         ///< as find_rtl gave it
};

/// Mutants in the order of modules and lines. An Error when rtl_mutants is not there or older than the RTL, when a tool of the proofs is
/// missing, or when an entry of equivalent.json names no mutant or one that is killed.
Result<std::vector<MutantReport>> verify_mutants(const MutantsRequest& request, Progress& progress);

/// The document dyad.verify/1: checks[] (one a module), mutants.{total,killed,killed_by_proof,equivalent[],survivors[]}.
OrderedJson mutants_document(const MutantsRequest& request, const std::vector<MutantReport>& mutants);

/// The same as a table and a list.
std::string mutants_text(const std::vector<MutantReport>& mutants);

}  // namespace dyad::workflow
