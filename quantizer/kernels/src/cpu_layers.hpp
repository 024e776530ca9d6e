/// \file The layers of the `cpu` backend, one maker per kind; each takes a layer that check_layer has passed.
#pragma once

#include <memory>

#include "dyad/base/integer_backend.hpp"
#include "dyad/kernels/backends.hpp"
#include "simd_kernels.hpp"

namespace dyad::kernels {

/// `isa` is one of available_cpu_isas().
const SimdKernels& simd_kernels(CpuIsa isa);

/// Implicit GEMM over a padded copy of the image, weights packed here. Null when operands are too wide for it.
std::unique_ptr<PreparedLayer> prepare_conv(const IntegerLayer& layer, const SimdKernels& kernels);
/// One filter per channel (shape.is_depthwise()). Null when operands are too wide for it.
std::unique_ptr<PreparedLayer> prepare_depthwise(const IntegerLayer& layer, const SimdKernels& kernels);
/// kAdd, kConcat, kRequantize.
std::unique_ptr<PreparedLayer> prepare_elementwise(const IntegerLayer& layer, const SimdKernels& kernels);
/// kMaxPool, kAveragePool, kSubsample, kFlatten.
std::unique_ptr<PreparedLayer> prepare_pool(const IntegerLayer& layer);

}  // namespace dyad::kernels
