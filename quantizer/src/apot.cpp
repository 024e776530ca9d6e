#include "dyad/quantizer/apot.hpp"

#include <cmath>

#include "dyad/base/result.hpp"

namespace dyad::quantizer {
namespace {

using Terms = std::vector<std::vector<std::int32_t>>;

const Terms& terms(int magnitude_bits) {
  static const Terms kTerms[kMostApotBits] = {
      {{0, 1}},
      {{0, 1, 2, 4}},
      {{0, 1, 4, 8}, {0, 2}},
      {{0, 2, 8, 32}, {0, 1, 4, 16}},
      {{0, 2, 16, 64}, {0, 1, 8, 32}, {0, 4}},
      {{0, 4, 32, 256}, {0, 2, 16, 128}, {0, 1, 8, 64}},
  };
  return kTerms[magnitude_bits - 1];
}

}  // namespace

ApotLevels apot_levels(int magnitude_bits) {
  DYAD_EXPECT(magnitude_bits >= 1 && magnitude_bits <= kMostApotBits, "APoT magnitudes have 1 to 6 bits");
  std::vector<std::int32_t> sums{0};
  for (const auto& set : terms(magnitude_bits)) {
    std::vector<std::int32_t> next;
    for (const std::int32_t sum : sums)
      for (const std::int32_t term : set) next.push_back(sum + term);
    sums = std::move(next);
  }
  std::sort(sums.begin(), sums.end());
  const std::int32_t largest = sums.back();
  return {std::move(sums), largest};
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
