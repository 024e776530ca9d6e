/// \file What the cost models of every family have in common: they stand for one accelerator.
#pragma once

#include <string>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/base/cost_model.hpp"

namespace dyad::accel_models {

class AcceleratorModel : public CostModel {
 public:
  AcceleratorModel(const Accelerator& accelerator, Tier tier) : accelerator_(accelerator), tier_(tier) {}
  std::string name() const override { return accelerator_.name; }
  Tier tier() const override { return tier_; }
  Megahertz clock() const override { return Megahertz(accelerator_.clock_mhz.value); }
  int batch() const override { return accelerator_.batch; }
  std::string fingerprint() const override { return accelerator_.hash; }
  std::string dram_energy_source() const override;
  Ceilings ceilings() const override {
    const double cycles_per_s = accelerator_.clock_mhz.value * 1e6;
    return {2 * peak_macs_per_cycle() * cycles_per_s, static_cast<double>(accelerator_.dram.bits_per_kilocycle) / 8000 * cycles_per_s};
  }

 protected:
  /// One-bit multiply-accumulates a cycle, at the bits with most of them: a w x a-bit one is w a of them.
  virtual double peak_macs_per_cycle() const = 0;

  /// Error: bits outside of 1 to `largest_weighted_bits` (16 of layers without weights), a shape that is none; it names the layer.
  Result<void> check(const LayerShape& layer, OperandBits bits, int largest_weighted_bits) const;

  Accelerator accelerator_;
  Tier tier_;
};

}  // namespace dyad::accel_models
