/// \file The integer program of a search: losses from sensitivity, costs from the accelerator, limits that the whole network must keep.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "dyad/workflow/search.hpp"
#include "network_cost.hpp"

namespace dyad::workflow {

/// Choices of every weighted layer. Layers that `request` keeps at 8 bits have that one choice.
Result<quantizer::ChoiceProblem> make_choice_problem(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated,
                                                     const CostedNetwork& costed, const quantizer::SensitivityTable& sensitivity);

/// Absolute limits; a ratio is of `at_8_bits`, a fraction of the separable table's span.
Result<std::vector<ResolvedLimit>> resolve_search_limits(const SearchRequest& request, const quantizer::ChoiceProblem& problem,
                                                         const CostTotals& at_8_bits);

bool within(const CostTotals& cost, std::span<const ResolvedLimit> limits);

/// An optimum of the integer program whose cost as a network keeps the limits.
struct Solved {
  quantizer::Allocation allocation;
  NetworkCost cost;
};

/// The program sums separable costs, the limits speak of the network. So the program is solved again with its limits scaled by
/// absolute / network cost of the last answer, until that answer keeps them.
Result<std::variant<Solved, quantizer::Infeasible>> solve_within(const quantizer::ChoiceProblem& problem, const CostedNetwork& costed,
                                                                 std::span<const ResolvedLimit> limits);

}  // namespace dyad::workflow
