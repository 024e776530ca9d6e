/// \file The assignments that a search by episodes may choose among, and the ways back inside its limits.
#pragma once

#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "dyad/base/random.hpp"
#include "dyad/workflow/search.hpp"
#include "network_cost.hpp"
#include "search_problem.hpp"

namespace dyad::workflow {

/// Bits of every weighted layer, in execution order.
using Bits = std::vector<LayerBits>;

class BitSpace {
 public:
  /// Infeasible as the integer program says it: no assignment keeps the limits. All references must outlive the space.
  static Result<std::variant<BitSpace, quantizer::Infeasible>> create(const SearchRequest& request,
                                                                      const quantizer::CalibratedNetwork& calibrated,
                                                                      const CostedNetwork& costed, const CostTotals& at_8_bits);

  const std::vector<LayerShape>& layers() const { return costed_->weighted(); }
  /// Layers whose bits are chosen; the others are in `fixed`.
  const std::vector<std::size_t>& free() const { return free_; }
  const std::vector<std::optional<LayerBits>>& fixed() const { return fixed_; }
  const std::vector<int>& weight_choices() const { return weight_choices_; }
  const std::vector<int>& activation_choices() const { return activation_choices_; }  ///< one: activations are not searched
  const std::vector<ResolvedLimit>& limits() const { return limits_; }
  const Bits& feasible() const { return feasible_; }  ///< some bits within the limits

  BitAssignment assignment(const Bits& bits) const;
  Bits bits_of(const BitAssignment& assignment) const;
  Result<NetworkCost> cost(const Bits& bits) const;
  Result<bool> keeps(const Bits& bits) const;

  /// Every free operand drawn evenly from its choices.
  Bits drawn(Random& random) const;
  /// Lowers operands drawn at random, one choice at a time, until the limits hold.
  Result<Bits> repaired(Bits bits, Random& random) const;
  /// Raises operands one choice at a time, all weights and then all activations, sweep after sweep, as long as the limits hold: what a
  /// repair left of the budget is used, and hardware that runs 2 bits as 4 gets 4.
  Result<Bits> raised(Bits bits) const;

 private:
  BitSpace(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated, const CostedNetwork& costed);

  bool kmeans_;
  const CostedNetwork* costed_;
  std::vector<int> weight_choices_, activation_choices_;
  std::vector<std::size_t> free_;
  std::vector<std::optional<LayerBits>> fixed_;
  std::vector<ResolvedLimit> limits_;
  Bits feasible_;
};

}  // namespace dyad::workflow
