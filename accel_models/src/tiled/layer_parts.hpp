/// \file What several files of LayerData need: the last layer, clamping, and where the elements under a window lie.
#pragma once

#include <algorithm>

#include "dyad/accel_models/tiled/layer_data.hpp"
#include "dyad/base/ceil_div.hpp"

namespace dyad::accel_models::tiled {

/// The layer whose output leaves the result stage.
inline const IntegerLayer& last_of(const LayerOperands& operands) {
  return operands.narrowing ? *operands.narrowing : operands.addition ? *operands.addition : *operands.layer;
}

/// The output's range, and relu.
inline std::int64_t clamp_to(const IntegerLayer& layer, std::int64_t value, std::int64_t zero_point) {
  const std::int64_t lowest = layer.output.lowest();
  return std::clamp(value, layer.relu ? std::max(lowest, zero_point) : lowest, layer.output.highest());
}

/// Position of an input under a window, or none when it lies in the padding.
struct Pixel {
  std::int64_t h = 0, w = 0;
  bool inside = false;
};
inline Pixel pixel_under(const LayerShape& s, std::int64_t oh, std::int64_t ow, std::int64_t r, std::int64_t c) {
  Pixel p;
  p.h = oh * s.window.stride_h - s.window.pad_top + r * s.window.dilation_h;
  p.w = ow * s.window.stride_w - s.window.pad_left + c * s.window.dilation_w;
  p.inside = p.h >= 0 && p.h < s.in_h && p.w >= 0 && p.w < s.in_w;
  return p;
}

}  // namespace dyad::accel_models::tiled
