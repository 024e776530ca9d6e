/// \file An accelerator whose costs are one-line formulas, for tests of whole searches.
#pragma once

#include "dyad/base/cost_model.hpp"

namespace dyad::testing_support {

/// Cycles = MACs * w * a / 64 + weights * w / 8 + outputs * out / 8, times `factor`; the output's bits matter, so a network
/// costs another amount than the separable table says.
class FormulaModel final : public CostModel {
 public:
  FormulaModel(Tier tier, double factor) : tier_(tier), factor_(factor) {}
  std::string name() const override { return "formula"; }
  Tier tier() const override { return tier_; }
  Megahertz clock() const override { return Megahertz(100); }
  int batch() const override { return 1; }
  Ceilings ceilings() const override { return {1e9, 1e9}; }
  Result<LayerCost> cost(const LayerShape& layer, OperandBits bits, const Activity&) const override {
    const double compute = static_cast<double>(layer.macs()) * bits.weight * bits.activation / 64;
    const double transfer =
        static_cast<double>(layer.weight_count()) * bits.weight / 8 + static_cast<double>(layer.output_count()) * bits.out / 8;
    LayerCost cost;
    cost.compute_cycles = Cycles(static_cast<std::int64_t>(compute));
    cost.cycles = Cycles(static_cast<std::int64_t>((compute + transfer) * factor_));
    cost.energy_pj["array"] = compute * 0.1;
    cost.energy_pj["dram"] = transfer;
    cost.bottleneck = "compute";
    return cost;
  }

 private:
  Tier tier_;
  double factor_;
};

}  // namespace dyad::testing_support
