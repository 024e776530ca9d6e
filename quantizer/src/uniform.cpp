#include "dyad/quantizer/uniform.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/base/result.hpp"
#include "dyad/ranges/observers.hpp"

namespace dyad::quantizer {
namespace {

constexpr float kLeastRange = 1e-8f;

}  // namespace

float symmetric_scale(Range range, int bits) {
  DYAD_EXPECT(bits >= 2 && bits <= 32, "symmetric formats have 2 to 32 bits");
  const auto levels = static_cast<float>((std::int64_t{1} << (bits - 1)) - 1);
  return std::max(std::max(std::fabs(range.lowest), std::fabs(range.highest)), kLeastRange) / levels;
}

float asymmetric_scale(Range range, int bits) {
  DYAD_EXPECT(bits >= 1 && bits <= 31, "unsigned formats have 1 to 31 bits");
  const auto levels = static_cast<float>((std::int64_t{1} << bits) - 1);
  return std::max(range.highest - range.lowest, kLeastRange) / levels;
}

std::int32_t quantize_value(float x, float reciprocal, BitWidth format) {
  const double q = std::nearbyint(x * reciprocal);
  return static_cast<std::int32_t>(std::clamp(q, static_cast<double>(format.lowest()), static_cast<double>(format.highest())));
}

void quantize_values(std::span<const float> values, float scale, BitWidth format, std::span<std::int32_t> out) {
  DYAD_EXPECT(values.size() == out.size(), "one integer a value");
  const float reciprocal = 1.0f / scale;
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = quantize_value(values[i], reciprocal, format);
}

void fake_quantize(std::span<float> values, float scale, BitWidth format) {
  DYAD_EXPECT(format.bits <= 16, "fake quantization is exact up to 16 bits");
  const float reciprocal = 1.0f / scale;
  const auto lowest = static_cast<float>(format.lowest());
  const auto highest = static_cast<float>(format.highest());
  // Ties to even for |x| < 2^22 without a call; clamping to integers first does not change the result.
  constexpr float kMagic = 12582912.0f;
  for (float& x : values) {
    const float scaled = x * reciprocal;
    const float low = scaled < lowest ? lowest : scaled;
    const float inside = low > highest ? highest : low;
    x = ((inside + kMagic) - kMagic) * scale;
  }
}

Range weight_range(std::span<const float> values, double percentile) {
  DYAD_EXPECT(!values.empty(), "a channel has no weights");
  if (percentile == 0) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return {*low, *high};
  }
  const auto n = static_cast<std::int64_t>(values.size());
  const auto rank = [&](double p) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(static_cast<double>(n) * p * 0.01)), 1, n);
  };
  return {ranges::kth_smallest(values, rank(100 - percentile)), ranges::kth_smallest(values, rank(percentile))};
}

SymmetricWeights quantize_symmetric(std::span<const float> weights, std::int64_t channels, int bits, bool per_channel, double percentile) {
  DYAD_EXPECT(channels >= 1 && weights.size() % static_cast<std::size_t>(channels) == 0, "the weights are not equal parts");
  SymmetricWeights result;
  result.values.resize(weights.size());
  const BitWidth format{bits, true};
  const std::size_t parts = per_channel ? static_cast<std::size_t>(channels) : 1;
  const std::size_t size = weights.size() / parts;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::span<const float> values = weights.subspan(part * size, size);
    Range range;
    if (per_channel || percentile == 0) {
      range = weight_range(values, percentile);
    } else {
      ranges::HawqRangeTracker tracker({-1, percentile, false});
      tracker.observe(values);
      range = {tracker.lowest(), tracker.highest()};
    }
    result.ranges.push_back(range);
    result.scales.push_back(symmetric_scale(range, bits));
    quantize_values(values, result.scales.back(), format, std::span(result.values).subspan(part * size, size));
  }
  return result;
}

std::vector<std::int32_t> quantize_bias(std::span<const float> bias, float scale_in, std::span<const float> weight_scales) {
  DYAD_EXPECT(bias.size() == weight_scales.size() || weight_scales.size() == 1, "one weight scale, or one a channel");
  std::vector<std::int32_t> result(bias.size());
  for (std::size_t c = 0; c < bias.size(); ++c) {
    const float scale = scale_in * weight_scales[weight_scales.size() == 1 ? 0 : c];
    result[c] = bias[c] == 0 ? 0 : quantize_value(bias[c], 1.0f / scale, {32, true});  // 0 also when the scale underflows
  }
  return result;
}

}  // namespace dyad::quantizer
