// Float convolution of a batch without im2col: each output row is cut into tiles, whose pixels are found through pointers.
#pragma once

#include <span>

#include "convolution_kernels.hpp"
#include "dyad/base/layer_shape.hpp"
#include "dyad/base/tensor.hpp"

namespace dyad::network {

/// y (N, OH, OW, K) = x (N, H, W, C) convolved with weight (K, R, S, C / groups), plus bias (K, or empty for zero).
/// `out` has its shape already; every element is written.
void convolve(const ConvolutionKernels& kernels, const Window& window, int groups, const Tensor<float>& x, const Tensor<float>& weight,
              std::span<const float> bias, Tensor<float>& out);

}  // namespace dyad::network
