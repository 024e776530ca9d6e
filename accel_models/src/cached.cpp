#include "dyad/accel_models/cached.hpp"

#include <bit>
#include <cstring>

namespace dyad::accel_models {
namespace {

template <typename... Numbers>
std::string bytes_of(Numbers... numbers) {
  const std::int64_t words[] = {static_cast<std::int64_t>(numbers)...};
  return std::string(reinterpret_cast<const char*>(words), sizeof(words));
}

}  // namespace

Result<LayerCost> CachedCostModel::cost(const LayerShape& layer, OperandBits bits, const Activity& activity) const {
  const Window& w = layer.window;
  std::string key =
      bytes_of(static_cast<int>(layer.kind), layer.in_h, layer.in_w, layer.in_channels, layer.out_h, layer.out_w, layer.out_channels,
               layer.groups, int{layer.adds_residual}, w.kernel_h, w.kernel_w, w.stride_h, w.stride_w, w.pad_top, w.pad_left, w.pad_bottom,
               w.pad_right, w.dilation_h, w.dilation_w, bits.weight, bits.activation, bits.out,
               std::bit_cast<std::int64_t>(activity.weight_ones), std::bit_cast<std::int64_t>(activity.activation_ones));
  if (const auto found = memory_.find(key); found != memory_.end()) {
    ++hits_;
    return found->second;
  }
  DYAD_TRY(LayerCost cost, model_->cost(layer, bits, activity));
  ++misses_;
  memory_.emplace(std::move(key), cost);
  return cost;
}

}  // namespace dyad::accel_models
