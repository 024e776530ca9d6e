#include "dyad/quantizer/apot.hpp"

#include <cmath>

namespace dyad::quantizer {
ApotLevels apot_levels(int magnitude_bits) {
  std::vector<std::int32_t> levels = level_magnitudes({LevelScheme::kApot, magnitude_bits});
  const std::int32_t largest = levels.back();
  return {std::move(levels), largest};
}

ApotLevels apot_levels(BitWidth format) { return apot_levels(format.bits - (format.is_signed ? 1 : 0)); }

std::int32_t apot_quantize(float x, float alpha, const ApotLevels& levels, bool is_signed) {
  const float scaled = std::clamp(x / alpha, is_signed ? -1.0f : 0.0f, 1.0f), magnitude = std::fabs(scaled);
  std::int32_t nearest = 0;
  float least = magnitude;
  for (const std::int32_t numerator : levels.numerators) {
    const float distance = std::fabs(magnitude - static_cast<float>(numerator) / static_cast<float>(levels.denominator));
    if (distance >= least) continue;
    least = distance;
    nearest = numerator;
  }
  return scaled < 0 ? -nearest : nearest;
}

}  // namespace dyad::quantizer
