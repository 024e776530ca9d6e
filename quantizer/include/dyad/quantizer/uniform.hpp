/// \file HAWQ-V3's uniform quantizers, bit for bit: scales, integers, percentile ranges and biases in its float32 order of operations.
///
/// q = clamp(rhe(x * (1 / scale)), lowest, highest): the float32 reciprocal multiplies, nothing is divided by the scale.
/// Source: HAWQ-V3 (Yao et al., 2021); docs/quantizer/post_training.md.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/range_observer.hpp"
#include "dyad/base/tensor.hpp"

namespace dyad::quantizer {

/// max(|lowest|, |highest|, 1e-8) / (2^(bits - 1) - 1) in float32; bits >= 2.
float symmetric_scale(Range range, int bits);
/// max(highest - lowest, 1e-8) / (2^bits - 1) in float32. The zero point stays 0, as in HAWQ-V3: only ranges that begin at 0 are covered
/// well.
float asymmetric_scale(Range range, int bits);

/// clamp(rhe(x * reciprocal)) to `format`; `reciprocal` is float32(1 / scale). Exact for formats up to 24 bits; at 32 bits it saturates
/// properly.
std::int32_t quantize_value(float x, float reciprocal, BitWidth format);
void quantize_values(std::span<const float> values, float scale, BitWidth format, std::span<std::int32_t> out);
/// x becomes quantize_value(x) * scale; formats up to 16 bits.
void fake_quantize(std::span<float> values, float scale, BitWidth format);

/// Range of one channel's weights. percentile 0: the extremes. Else, of L values, the k-th smallest with k = ceil(L (100 - p) / 100) and
/// k = ceil(L p / 100), at least 1.
Range weight_range(std::span<const float> values, double percentile);

/// Symmetric integers of a weight tensor with one scale per output channel, or one for the tensor.
struct SymmetricWeights {
  std::vector<std::int32_t> values;
  std::vector<Range> ranges;  ///< one per scale
  std::vector<float> scales;
};
/// `weights` holds `channels` equal parts. bits 2 to 16. percentile as in weight_range (per channel) and HawqRangeTracker (per tensor).
SymmetricWeights quantize_symmetric(std::span<const float> weights, std::int64_t channels, int bits, bool per_channel, double percentile);

/// Biases with scale scale_in * scale_weight[c] (float32 product), saturated to int32. HAWQ-V3's own clamp wraps 2^31 to INT32_MIN; this
/// does not.
std::vector<std::int32_t> quantize_bias(std::span<const float> bias, float scale_in, std::span<const float> weight_scales);

}  // namespace dyad::quantizer
