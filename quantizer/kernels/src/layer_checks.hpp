/// \file What a backend requires of a layer and of the tensors it is run on.
#pragma once

#include <span>

#include "dyad/base/integer_layer.hpp"

namespace dyad::kernels {

/// An Error naming the layer when its parts contradict each other or the definition in base/integer_layer.hpp.
Result<void> check_layer(const IntegerLayer& layer);

/// (N, out_h, out_w, out_channels).
Shape output_shape(const IntegerLayer& layer, std::int64_t batch);

/// Throws unless inputs and output have the layer's shapes and formats and one batch size; returns that size.
std::int64_t check_tensors(const IntegerLayer& layer, std::span<const IntegerTensor* const> inputs, const IntegerTensor& output);

/// The range a result is clamped to; relu raises the lower bound to `zero_point`. Where the output has levels: half steps of a level.
struct OutputRange {
  std::int64_t lowest, highest;
};
inline OutputRange output_range(const IntegerLayer& layer, std::int64_t zero_point) {
  if (!layer.output_levels.is_uniform()) {
    const std::int64_t most = 2 * std::int64_t{level_magnitudes(layer.output_levels).back()};
    return {layer.output.is_signed && !layer.relu ? -most : 0, most};
  }
  const std::int64_t lowest = layer.output.lowest();
  return {layer.relu && zero_point > lowest ? zero_point : lowest, layer.output.highest()};
}
/// The decision for a level, or no values where the output is uniform.
inline LevelTable output_table(const IntegerLayer& layer) {
  return layer.output_levels.is_uniform() ? LevelTable{} : level_table(layer.output_levels, layer.output.is_signed);
}

}  // namespace dyad::kernels
