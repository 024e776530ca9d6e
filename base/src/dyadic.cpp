#include "dyad/base/dyadic.hpp"

#include <cmath>

#include "dyad/base/result.hpp"

namespace dyad {

std::int64_t round_float32_scale(std::int32_t acc, float scale) {
  const float product = std::nearbyintf(static_cast<float>(acc) * scale);  // nearbyint: ties to even
  if (!(product > -2147483648.0f)) return INT32_MIN;
  if (product >= 2147483648.0f) return INT32_MAX;
  return static_cast<std::int64_t>(product);
}

double Dyadic::value() const { return std::ldexp(static_cast<double>(multiplier), -shift); }

std::optional<Dyadic> dyadic_from_ratio(double ratio, RequantizationForm form) {
  DYAD_EXPECT(std::isfinite(ratio), "a requantization ratio is not finite");
  if (ratio == 0.0) return Dyadic{0, 31};
  if (form == RequantizationForm::kShift32) {
    if (std::fabs(ratio) >= 0.5) return std::nullopt;
    const double multiplier = std::round(std::ldexp(ratio, 32));
    if (std::fabs(multiplier) >= 0x1.0p31) return std::nullopt;
    return Dyadic{static_cast<std::int32_t>(multiplier), 32};
  }
  int exponent = 0;
  const double mantissa = std::frexp(ratio, &exponent);
  double multiplier = std::round(std::ldexp(mantissa, 31));
  int shift = 31 - exponent;
  if (std::fabs(multiplier) == 0x1.0p31) {
    multiplier /= 2;
    --shift;
  }
  if (shift < 0) return std::nullopt;
  if (shift > 62) {
    multiplier = std::round(std::ldexp(ratio, 62));
    shift = 62;
    if (multiplier == 0) return Dyadic{0, 31};
  }
  return Dyadic{static_cast<std::int32_t>(multiplier), shift};
}

double requantization_ratio(float scale_in, float scale_weight, float scale_out) {
  const float product = static_cast<float>(static_cast<double>(scale_in) * static_cast<double>(scale_weight));
  return static_cast<double>(product) / static_cast<double>(scale_out);
}

std::int32_t integer_average(std::int64_t sum, std::int64_t count, AverageRounding rounding) {
  DYAD_EXPECT(count > 0, "an average over nothing");
  if (rounding == AverageRounding::kHawq)
    return static_cast<std::int32_t>(std::trunc(static_cast<float>(sum) / static_cast<float>(count) + 0.01f));
  const auto floor_divide = [](std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); };
  switch (rounding) {
    case AverageRounding::kHalfAway:
      return static_cast<std::int32_t>(sum >= 0 ? (2 * sum + count) / (2 * count) : -((-2 * sum + count) / (2 * count)));
    case AverageRounding::kFloor: return static_cast<std::int32_t>(floor_divide(sum, count));
    default: return static_cast<std::int32_t>(floor_divide(2 * sum + count, 2 * count));
  }
}

}  // namespace dyad
