/// \file The inner loops of rounding to a format and of its gradient, compiled apart so that they are vectorized.
#pragma once

#include <cstdint>

namespace dyad::training {

constexpr float kRoundingRange = 0x1.0p22f;  ///< integers below it are rounded exactly

/// floor(x / scale + 1/2) within low..high (magnitudes below kRoundingRange), times scale.
void round_half_up(const float* __restrict from, float* __restrict to, std::int64_t count, float scale, float low, float high);

/// The gradient of rounding to a format: what passes to the values (zero outside low..high, here real values), in place of
/// `gradient`; and the sum of gradient * (rounded - value) inside and gradient * rounded outside. `to` holds the rounded values.
double pass_gradient(const float* __restrict from, const float* __restrict to, float* __restrict gradient, std::int64_t count, float low,
                     float high);

}  // namespace dyad::training
