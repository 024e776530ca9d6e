/// \file Cost of a whole network at a bit assignment, and the separable table that integer programs sum.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dyad/base/cost_model.hpp"
#include "dyad/network/network.hpp"
#include "dyad/workflow/search.hpp"

namespace dyad::workflow {

/// Every costed layer of a network at given bits.
struct NetworkCost {
  std::vector<SearchLayer> layers;
  CostTotals totals;
};

/// A network on an accelerator: simulate_network with size and BOPS, and the costs that can be summed layer by layer.
class CostedNetwork {
 public:
  /// `network` is folded and has shapes; both must outlive this.
  CostedNetwork(const network::Network& network, const CostModel& model);

  Result<NetworkCost> cost(const BitAssignment& assignment) const;
  /// Costs of one weighted layer at (w, a) with output bits a, as in cost_table.
  Result<std::map<std::string, double>> separable(const LayerShape& layer, LayerBits bits) const;
  /// Costs of all layers without weights together: no choice of bits changes them.
  Result<std::map<std::string, double>> fixed() const;
  /// Layers with weights, in execution order.
  const std::vector<LayerShape>& weighted() const { return weighted_; }

 private:
  const network::Network& network_;
  const CostModel& model_;
  std::vector<LayerShape> weighted_;
};

}  // namespace dyad::workflow
