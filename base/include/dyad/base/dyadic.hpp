/// \file Dyadic integer arithmetic: the one definition that every kernel, RTL module and simulator answers to.
///
///     y = clamp( round(acc * multiplier / 2^shift) + zero_point, lowest, highest )
///
/// acc is int32, |multiplier| < 2^31, shift in [0, 62]; the product is int64 and exact.
/// Source: HAWQ-V3 (Yao et al., 2021), section 3; docs/base/dyadic.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dyad/base/bits.hpp"

namespace dyad {

/// How a quotient between two integers becomes one of them; they differ only where noted in docs/base/dyadic.md.
enum class Rounding {
  kHalfUp,        ///< floor(x + 1/2); the default of new networks
  kHalfEven,      ///< ties to even; HAWQ-V3's training graph
  kHalfAway,      ///< ties away from zero; TVM's accuracy path
  kFloor,         ///< toward minus infinity
  kGemmlowp,      ///< doubling high multiply (half up), then a shift (half away): TFLite's reference kernels
  kFloat32Scale,  ///< rne(float32(acc) * scale) in float32: XNNPACK, ONNX Runtime; software only
};

std::string_view to_string(Rounding rounding);
/// The rounding named so in files and flags ("half_up", ...), or nothing.
std::optional<Rounding> rounding_from_name(std::string_view name);

/// round(product / 2^shift) for every mode that rounds once (kHalfUp, kHalfEven, kHalfAway, kFloor); 0 <= shift <= 62.
constexpr std::int64_t round_shift(std::int64_t product, int shift, Rounding rounding) {
  if (shift == 0) return product;
  const std::int64_t quotient = product >> shift;  // floor
  const std::int64_t remainder = product - (quotient << shift);
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  switch (rounding) {
    case Rounding::kFloor: return quotient;
    case Rounding::kHalfEven: return quotient + ((remainder > half || (remainder == half && (quotient & 1))) ? 1 : 0);
    case Rounding::kHalfAway: return quotient + ((remainder > half || (remainder == half && product >= 0)) ? 1 : 0);
    default: return quotient + (remainder >= half ? 1 : 0);
  }
}

/// gemmlowp: r = round_half_up(2 * acc * multiplier / 2^32), then round_half_away(r / 2^(shift - 31)).
/// A shift below 31 first shifts acc left by 31 - shift, saturating at int32, as TFLite's MultiplyByQuantizedMultiplier does.
constexpr std::int64_t round_gemmlowp(std::int32_t acc, std::int32_t multiplier, int shift) {
  std::int64_t value = acc;
  if (shift < 31) {
    const std::int64_t shifted = static_cast<std::int64_t>(acc) * (std::int64_t{1} << (31 - shift));
    value = std::clamp<std::int64_t>(shifted, INT32_MIN, INT32_MAX);
  }
  const std::int64_t high = round_shift(value * multiplier, 31, Rounding::kHalfUp);
  return shift > 31 ? round_shift(high, shift - 31, Rounding::kHalfAway) : high;
}

/// round(acc * multiplier / 2^shift) in any integer mode. |multiplier| < 2^31, 0 <= shift <= 62.
constexpr std::int64_t round_multiply(std::int32_t acc, std::int32_t multiplier, int shift, Rounding rounding) {
  if (rounding == Rounding::kGemmlowp) return round_gemmlowp(acc, multiplier, shift);
  return round_shift(static_cast<std::int64_t>(acc) * multiplier, shift, rounding);
}

/// rne(float32(acc) * scale) in float32, saturated to int32 (XNNPACK's and ONNX Runtime's requantization).
std::int64_t round_float32_scale(std::int32_t acc, float scale);

/// A ratio as multiplier / 2^shift.
struct Dyadic {
  std::int32_t multiplier = 0;
  int shift = 0;
  constexpr bool operator==(const Dyadic&) const = default;
  double value() const;
};

/// How a ratio is put into integers; the two give different results, so the quantizer chooses and kernels never do.
enum class RequantizationForm {
  kNormalized,  ///< 31-bit mantissa, shift as needed (HAWQ-V3)
  kShift32,     ///< multiplier = round(ratio * 2^32), shift 32: the fast epilogue; ratio < 1/2
};

/// HAWQ-V3's rule: (f, x) = frexp(ratio); multiplier = round half away (f * 2^31); shift = 31 - x.
/// A mantissa that rounds to +-2^31 is stored as (+-2^30, shift - 1); a ratio of zero is (0, 31).
/// Ratios so small that shift would exceed 62 lose low mantissa bits (rounded once more, half away); below 2^-63 they become 0.
/// Ratios of 2^31 or more don't fit: nothing is returned.
std::optional<Dyadic> dyadic_from_ratio(double ratio, RequantizationForm form = RequantizationForm::kNormalized);

/// The ratio float64(float32(float64(scale_in) * float64(scale_weight))) / float64(scale_out) of HAWQ-V3.
double requantization_ratio(float scale_in, float scale_weight, float scale_out);

/// requantize one accumulator: rounding, zero point, saturation to `out`.
constexpr std::int32_t requantize(std::int32_t acc, Dyadic ratio, Rounding rounding, std::int32_t zero_point, BitWidth out) {
  return static_cast<std::int32_t>(out.clamp(round_multiply(acc, ratio.multiplier, ratio.shift, rounding) + zero_point));
}

/// Sum of two branches, each rescaled by its own ratio with one rounding; not clamped (HAWQ-V3's residual addition),
/// saturated to int32 only.
constexpr std::int32_t residual_add(std::int32_t main, Dyadic main_ratio, std::int32_t identity, Dyadic identity_ratio, Rounding rounding) {
  const std::int64_t sum = round_multiply(main, main_ratio.multiplier, main_ratio.shift, rounding) +
                           round_multiply(identity, identity_ratio.multiplier, identity_ratio.shift, rounding);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(sum, INT32_MIN, INT32_MAX));
}

/// How an integer average becomes an integer.
enum class AverageRounding {
  kHawq,      ///< trunc(sum / count in float32 + 0.01): HAWQ-V3's, loses one LSB of negative exact integers
  kHalfUp,    ///< floor(sum / count + 1/2), exact
  kHalfAway,  ///< ties away from zero, exact (TFLite)
  kFloor,     ///< toward minus infinity, exact
};
std::string_view to_string(AverageRounding rounding);
std::optional<AverageRounding> average_rounding_from_name(std::string_view name);

/// sum / count as an integer; count > 0.
std::int32_t integer_average(std::int64_t sum, std::int64_t count, AverageRounding rounding);

}  // namespace dyad
