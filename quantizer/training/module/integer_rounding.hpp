/// \file Requantization of tensors that hold integers, with gradients that pass straight through.
#pragma once

#include <vector>

#include "dyad/base/integer_layer.hpp"
#include "torch_headers.hpp"

namespace dyad::training {

/// clamp(sum of requantizations[i](sums[i]), lowest, highest) by channel; all sums (N, C, H, W) of one shape, integers within int32.
/// The ratios must outlive the gradients. float32 result when the bounds fit 24 bits, else float64. Gradient in sums[i]: the ratio where
/// the total lies within the bounds, else 0.
at::Tensor requantize(const std::vector<at::Tensor>& sums, const std::vector<const Requantization*>& requantizations, std::int64_t lowest,
                      std::int64_t highest);

/// integer_average(sums, counts) of window sums (N, C, H, W) and the numbers of positions (1, 1, H, W); gradient 1 / count.
at::Tensor average(const at::Tensor& sums, const at::Tensor& counts, AverageRounding rounding, BitWidth output);

/// float32 while magnitudes below 2^24 are enough for the bounds, else float64.
at::ScalarType integer_type(std::int64_t lowest, std::int64_t highest);

/// x (N, C, H, W) with its memory in the order (N, H, W, C).
at::Tensor channels_fastest(const at::Tensor& x);

}  // namespace dyad::training
