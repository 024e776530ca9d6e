/// \file A cost model that remembers: searches ask for the same layer at the same bits again and again.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "dyad/base/cost_model.hpp"

namespace dyad::workflow {

/// `model` for the layers of one network, which are told apart by their names; it must outlive this. Errors are not kept.
class CachedCostModel final : public CostModel {
 public:
  explicit CachedCostModel(const CostModel& model) : model_(model) {}
  std::string name() const override { return model_.name(); }
  Tier tier() const override { return model_.tier(); }
  Megahertz clock() const override { return model_.clock(); }
  int batch() const override { return model_.batch(); }
  Ceilings ceilings() const override { return model_.ceilings(); }
  std::vector<std::string> notes() const override { return model_.notes(); }
  std::string dram_energy_source() const override { return model_.dram_energy_source(); }
  std::string fingerprint() const override { return model_.fingerprint(); }
  Result<LayerCost> cost(const LayerShape& layer, OperandBits bits, const Activity& activity) const override {
    const Key key{layer.name, layer.adds_residual, bits.weight, bits.activation, bits.out, activity.weight_ones, activity.activation_ones};
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
    DYAD_TRY(LayerCost cost, model_.cost(layer, bits, activity));
    return known_.emplace(key, std::move(cost)).first->second;
  }

 private:
  using Key = std::tuple<std::string, bool, int, int, int, double, double>;
  const CostModel& model_;
  mutable std::map<Key, LayerCost> known_;
};

}  // namespace dyad::workflow
