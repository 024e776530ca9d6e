// Float operations without weights on (N, H, W, C) tensors. Outputs have their shape already; `out` may be the same tensor as `x`
// where said.
#pragma once

#include <span>

#include "dyad/base/tensor.hpp"
#include "dyad/network/network.hpp"

namespace dyad::network {

/// Activations, batch normalization, softmax (over the channels) and identity; `out` may be `x`.
void apply_unary(const Node& node, const Tensor<float>& x, Tensor<float>& out);
/// Sum of two tensors; `out` may be `a`.
void add(const Tensor<float>& a, const Tensor<float>& b, Tensor<float>& out);
/// Product of two tensors of one shape, or of one with a gate (N, 1, 1, C), in either order.
void multiply(const Tensor<float>& a, const Tensor<float>& b, Tensor<float>& out);
void concat(std::span<const Tensor<float>* const> inputs, Tensor<float>& out);
void max_pool(const Window& window, const Tensor<float>& x, Tensor<float>& out);
/// The divisor counts padding when `count_include_pad`, but never what lies behind it (ceil_mode's overhang).
void average_pool(const Window& window, bool count_include_pad, const Tensor<float>& x, Tensor<float>& out);
void global_average_pool(const Tensor<float>& x, Tensor<float>& out);
void subsample(const Node& node, const Tensor<float>& x, Tensor<float>& out);

}  // namespace dyad::network
