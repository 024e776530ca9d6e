/// \file A memory in front of a slow cost model: networks repeat layers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "dyad/base/cost_model.hpp"

namespace dyad::accel_models {

/// Answers a layer that was asked before (same geometry, bits and activity, whatever its name) from memory.
/// The model behind it fixes accelerator and tier. Errors are not remembered.
class CachedCostModel : public CostModel {
 public:
  explicit CachedCostModel(std::unique_ptr<CostModel> model) : model_(std::move(model)) {}
  std::string name() const override { return model_->name(); }
  Tier tier() const override { return model_->tier(); }
  Megahertz clock() const override { return model_->clock(); }
  int batch() const override { return model_->batch(); }
  Ceilings ceilings() const override { return model_->ceilings(); }
  std::vector<std::string> notes() const override { return model_->notes(); }
  std::string dram_energy_source() const override { return model_->dram_energy_source(); }
  std::string fingerprint() const override { return model_->fingerprint(); }
  Result<LayerCost> cost(const LayerShape& layer, OperandBits bits, const Activity& activity) const override;

  std::int64_t hits() const { return hits_; }
  std::int64_t misses() const { return misses_; }

 private:
  std::unique_ptr<CostModel> model_;
  mutable std::unordered_map<std::string, LayerCost> memory_;
  mutable std::int64_t hits_ = 0, misses_ = 0;
};

}  // namespace dyad::accel_models
