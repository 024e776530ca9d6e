/// \file Hardware-friendly mixed precision quantizers (HMQ, Habi et al., ECCV 2020): power-of-two thresholds x bits, and the schedules of
/// their search. Free of LibTorch; the gradients are in the training module (docs/quantizer/hmq.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dyad/quantizer/lowering.hpp"

namespace dyad::quantizer {

/// Which integers n bits hold. The published ones have one level above the capacity of n bits.
enum class HmqRanges {
  kHardwareExact,  ///< signed -2^(n-1) .. 2^(n-1)-1, unsigned 0 .. 2^n-1
  kPublished,      ///< signed -(2^(n-1)-1) .. 2^(n-1), unsigned 0 .. 2^n
};
std::string_view to_string(HmqRanges ranges);
std::optional<HmqRanges> hmq_ranges_from_name(std::string_view name);  ///< "exact", "published"

/// The options of one quantizer. Option i is (bits[i / shifts], shift i % shifts); shift v has the threshold maximum / 2^v.
struct HmqSpace {
  std::vector<int> bits;  ///< no two equal
  int shifts = 8;         ///< >= 1
  std::size_t size() const { return bits.size() * static_cast<std::size_t>(shifts); }
};

struct HmqChoice {
  int bits = 8;
  int shift = 0;
  bool operator==(const HmqChoice&) const = default;
};

/// Number of steps from 0 to the threshold: 2^(n - signed).
double hmq_levels(int bits, bool is_signed);
/// Step threshold / levels, times an integer of n bits, is a real value.
ScaledFormat hmq_format(HmqChoice choice, double maximum, bool is_signed);
/// The largest threshold: the next power of two at or above `largest`, an octave more for weights. 1 where `largest` is 0, whose
/// logarithm the published code takes.
double hmq_maximum(double largest, bool extra_octave);
/// The published moving estimate of a tensor's maximum: base + alpha (largest - base), from 0.
double hmq_track(double base, double largest, double alpha = 0.9);

/// Softmax of the logits, without noise.
std::vector<double> hmq_probabilities(std::span<const float> logits);
/// Probability of each of space.bits.
std::vector<double> hmq_marginal(const HmqSpace& space, std::span<const float> logits);
/// Bits with the largest marginal (first of equals), then the likeliest shift among those of these bits.
HmqChoice hmq_choose(const HmqSpace& space, std::span<const float> logits);
/// The likeliest shift at the bits with this index.
int hmq_choose_shift(const HmqSpace& space, std::span<const float> logits, std::size_t bits_index);

/// Published start: -u everywhere, ln(.95 N / .05) at the most bits with shift 0; `uniforms` in [0, 1), one an option.
std::vector<float> hmq_published_start(const HmqSpace& space, std::span<const double> uniforms);

/// Gumbel-softmax temperature of a step: from 1 down to 1/2 inside each cycle. A cycle of 125 n steps is the published one of 5
/// epochs of 25 n steps: exp(-.01 round(i / n)). Shorter cycles sample the same curve.
double hmq_temperature(std::int64_t step, std::int64_t cycle_steps);
/// Target compression in cycle `cycle` (from 0): `levels` equal steps from `first` to `last`, then `last`.
double hmq_target(std::int64_t cycle, double first, double last, int levels = 4);

/// The published rule that fixes activation bits by tensor size instead of searching: floor(32 largest / (compression size)) in 4..8.
int hmq_activation_bits(std::int64_t size, std::int64_t largest, double compression);

}  // namespace dyad::quantizer
