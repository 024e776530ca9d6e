/// \file The engines that decide one obligation of a proof: yosys-smtbmc with z3, CaDiCaL, and ABC.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/workflow/verify_formal.hpp"
#include "proof_file.hpp"
#include "proof_netlist.hpp"

namespace dyad::workflow {

/// The programs that these proofs need are there; an Error names the absent one and its package.
Result<void> require_engines(const std::vector<ProofFile>& files);

/// Assertions hold in the first plan.base steps, from the initial state. `waves` (may be empty) receives a counterexample.
Result<Obligation> prove_base(const ProofPlan& plan, const Netlist& netlist, const std::filesystem::path& waves,
                              const std::function<bool()>& cancelled);
/// Assertions that held for plan.induction steps hold in the next.
Result<Obligation> prove_induction(const ProofPlan& plan, const Netlist& netlist, const std::function<bool()>& cancelled);
/// Every cover, and the condition of every assertion, is reached within plan.cover steps.
Result<Obligation> prove_cover(const ProofPlan& plan, const Netlist& netlist, const std::function<bool()>& cancelled);

}  // namespace dyad::workflow
