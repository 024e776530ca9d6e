#include "format_rounding.hpp"

namespace dyad::training {
namespace {

constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding and subtracting it rounds to the nearest integer without a call

}  // namespace

void round_half_up(const float* __restrict from, float* __restrict to, std::int64_t count, float scale, float low, float high) {
  const float reciprocal = 1.0f / scale;
  for (std::int64_t i = 0; i < count; ++i) {
    float x = from[i] * reciprocal;
    x = x < low ? low : x;
    x = (x > high ? high : x) + 0.5f;
    const float rounded = (x + kMagic) - kMagic;  // to nearest; one too high where that is above x
    to[i] = (rounded - (rounded > x ? 1.0f : 0.0f)) * scale;
  }
}

double pass_gradient(const float* __restrict from, const float* __restrict to, float* __restrict gradient, std::int64_t count, float low,
                     float high) {
  constexpr std::int64_t kLanes = 8;
  float sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const float x = from[i + lane], g = gradient[i + lane];
      const float inside = (x >= low ? 1.0f : 0.0f) * (x <= high ? 1.0f : 0.0f);
      sums[lane] += g * (to[i + lane] - inside * x);
      gradient[i + lane] = g * inside;
    }
  double sum = 0;
  for (; i < count; ++i) {
    const bool inside = from[i] >= low && from[i] <= high;
    sum += static_cast<double>(gradient[i]) * static_cast<double>(inside ? to[i] - from[i] : to[i]);
    gradient[i] = inside ? gradient[i] : 0.0f;
  }
  for (const float lane : sums) sum += static_cast<double>(lane);
  return sum;
}

}  // namespace dyad::training
