/// \file Cost of a whole network at a bit assignment, and the separable table that integer programs sum.
#pragma once

#include <string>
#include <vector>

#include "dyad/base/cost_model.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/allocation.hpp"
#include "dyad/workflow/search.hpp"

namespace dyad::workflow {

/// Every costed layer of a network at given bits.
struct NetworkCost {
  std::vector<SearchLayer> layers;
  CostTotals totals;
};

/// Layers that cost something, with what their cost depends on besides their own bits.
class CostedNetwork {
 public:
  /// `network` is folded and has shapes; `residual_bits` is the format of tensors that several layers read.
  CostedNetwork(const network::Network& network, int residual_bits);

  /// A layer's output has the bits at which its only reader takes it, the residual bits when several or other layers read it, and
  /// 32 at the network's end.
  Result<NetworkCost> cost(const BitAssignment& assignment, const CostModel& model) const;

  /// Costs of one weighted layer at (w, a) with output bits a: the separable table's entry.
  Result<std::map<std::string, double>> separable(const LayerShape& layer, LayerBits bits, const CostModel& model) const;
  /// Costs of all layers without weights together.
  Result<std::map<std::string, double>> fixed(const CostModel& model) const;

  std::vector<LayerShape> weighted() const;

 private:
  struct Entry {
    LayerShape shape;
    std::string reader;      ///< the only layer that reads the output, when it has weights
    bool is_output = false;  ///< the network's logits
  };
  OperandBits operand_bits(const Entry& entry, const BitAssignment& assignment) const;
  std::vector<Entry> entries_;
  int residual_bits_;
};

double latency_us(const LayerCost& cost, const CostModel& model);

}  // namespace dyad::workflow
