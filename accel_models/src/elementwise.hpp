/// \file What layers without weights read and do.
#pragma once

#include <cstdint>

#include "dyad/base/layer_shape.hpp"

namespace dyad::accel_models {

struct ElementwiseWork {
  std::int64_t inputs = 0;      ///< elements read for one image
  std::int64_t operations = 1;  ///< operands of an output element
};

/// Pooling, addition, concatenation and the like; `layer` has no weights.
inline ElementwiseWork elementwise_work(const LayerShape& layer) {
  switch (layer.kind) {
    case LayerKind::kAdd: return {2 * layer.output_count(), 2};
    case LayerKind::kConcat: return {layer.output_count(), 1};
    case LayerKind::kMaxPool:
    case LayerKind::kAveragePool: return {layer.input_count(), std::int64_t{layer.window.kernel_h} * layer.window.kernel_w};
    default: return {layer.input_count(), 1};
  }
}

}  // namespace dyad::accel_models
