/// \file Differentiable quantizers with learned steps (LSQ), each one pass over the values forward and one backward.
///
/// Values are in float32: q = rhe(clamp(x * (1 / step), lowest, highest)), result q * step.
/// Gradients (Esser et al., Learned Step Size Quantization, ICLR 2020, equations 3 and 5):
///   in x: 1 where lowest <= x / step <= highest, else 0;
///   in step: q - x / step inside, lowest or highest outside, summed and multiplied by `gradient_scale`.
/// Sums are made in an order that does not depend on the number of threads.
#pragma once

#include "torch_headers.hpp"

namespace dyad::training {

/// Levels of an integer format.
struct Levels {
  float lowest = 0, highest = 0;
};

/// x of any dense layout with one step, a tensor of one number above 0. `step` gets a gradient when it requires one.
at::Tensor quantize_tensor(const at::Tensor& x, const at::Tensor& step, Levels levels, double gradient_scale);

/// Weights (K, ...), contiguous, with one step an output channel, (K).
at::Tensor quantize_channels(const at::Tensor& weight, const at::Tensor& steps, Levels levels, double gradient_scale);

/// `value`, with its gradient passed on to `x`.
at::Tensor straight_through(const at::Tensor& x, const at::Tensor& value);

}  // namespace dyad::training
