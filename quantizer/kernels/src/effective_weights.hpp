/// \file Weights less their zero points, when they and the input fit the 16-bit products of the SIMD kernels.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "dyad/base/integer_layer.hpp"

namespace dyad::kernels {

/// (K, R * S * C / groups) integers w - zero point.
class EffectiveWeights {
 public:
  /// Nothing when the input is stored in 32 bits, or a pair of products a0 w0 + a1 w1 could leave int32.
  static std::optional<EffectiveWeights> of(const IntegerLayer& layer) {
    if (element_bytes(storage_for(layer.inputs[0])) > 2) return std::nullopt;
    EffectiveWeights result;
    result.per_channel_ = layer.shape.reduction();
    result.values_.reserve(static_cast<std::size_t>(layer.weights.size()));
    const auto& zero_points = layer.weight_zero_points;
    std::int64_t lowest = 0, highest = 0;
    for (std::int64_t i = 0; i < layer.weights.size(); ++i) {
      const auto k = static_cast<std::size_t>(i / result.per_channel_);
      const std::int64_t zero_point = zero_points.empty() ? 0 : zero_points[zero_points.size() == 1 ? 0 : k];
      const std::int64_t value = layer.weights[i] - zero_point;
      lowest = std::min(lowest, value);
      highest = std::max(highest, value);
      result.values_.push_back(static_cast<std::int32_t>(value));
    }
    const std::int64_t widest_input = std::max(-layer.inputs[0].lowest(), layer.inputs[0].highest());
    const std::int64_t widest = std::max(-lowest, highest);
    if (widest > INT16_MAX || 2 * widest * widest_input > INT32_MAX) return std::nullopt;
    result.fit_int8_ = lowest >= INT8_MIN && highest <= INT8_MAX;
    return result;
  }

  std::int32_t at(std::int64_t k, std::int64_t index) const { return values_[static_cast<std::size_t>(k * per_channel_ + index)]; }
  bool fit_int8() const { return fit_int8_; }

 private:
  std::int64_t per_channel_ = 0;
  bool fit_int8_ = false;
  std::vector<std::int32_t> values_;
};

}  // namespace dyad::kernels
