#include "accelerator_model.hpp"

#include <nlohmann/json.hpp>

#include "dyad/base/bits.hpp"

namespace dyad::accel_models {

Result<void> AcceleratorModel::check(const LayerShape& layer, OperandBits bits, int largest_weighted_bits) const {
  const auto wrong = [&](const char* operand, int value, const std::string& range) {
    return Error{layer.name, std::string(operand) + " bits are " + std::to_string(value) + "; '" + accelerator_.name + "' runs " + range,
                 "choose bits in that range"};
  };
  const int largest = layer.is_weighted() ? largest_weighted_bits : kMaxOperandBits;
  const std::string range = "1 to " + std::to_string(largest);
  if (layer.is_weighted() && (bits.weight < 1 || bits.weight > largest)) return wrong("weight", bits.weight, range);
  // Raw accumulators (32 bits) are pooled and added like other operands.
  const bool wide = !layer.is_weighted() && bits.activation == 32;
  if (!wide && (bits.activation < 1 || bits.activation > largest)) return wrong("activation", bits.activation, range);
  if (bits.out != 32 && (bits.out < 1 || bits.out > kMaxOperandBits))
    return wrong("output", bits.out, "1 to 16, and 32 for raw accumulators");
  const bool sound = layer.in_h >= 1 && layer.in_w >= 1 && layer.in_channels >= 1 && layer.output_count() >= 1 && layer.groups >= 1 &&
                     layer.window.kernel_h >= 1 && layer.window.kernel_w >= 1 &&
                     (!layer.is_weighted() || (layer.in_channels % layer.groups == 0 && layer.out_channels % layer.groups == 0));
  if (!sound) return Error{layer.name, "a layer with an extent below 1, or channels that its groups don't divide", "check its shape"};
  return {};
}

std::string AcceleratorModel::dram_energy_source() const {
  const Sourced& energy = accelerator_.dram_energy_pj_per_bit;
  return Json(energy.value).dump() + " pJ/bit: " + energy.source;
}

}  // namespace dyad::accel_models
