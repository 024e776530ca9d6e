// Steps of weights by output channel: min-max, least squared error, least cubed error (docs/quantizer/post_training.md).
#include <algorithm>
#include <cmath>
#include <limits>

#include "dyad/base/parallel.hpp"
#include "dyad/quantizer/uniform.hpp"
#include "post_training_state.hpp"

namespace dyad::quantizer {
namespace {

// Sum of |x - quantized x|^Power with levels lowest..highest.
template <int Power>
double rounding_error(std::span<const float> values, float step, float lowest, float highest) {
  constexpr float kMagic = 12582912.0f;  // ties to even without a call, as in fake_quantize
  const float reciprocal = 1.0f / step;
  double sum = 0;
  for (const float x : values) {
    const float scaled = x * reciprocal;
    const float low = scaled < lowest ? lowest : scaled;
    const float inside = low > highest ? highest : low;
    const float error = std::fabs(x - ((inside + kMagic) - kMagic) * step);
    sum += static_cast<double>(Power == 2 ? error * error : error * error * error);
  }
  return sum;
}

// The best of 101 steps, 0.20 to 1.20 of min-max's; the largest wins among equals.
template <int Power>
float search_step(std::span<const float> values, float widest, float lowest, float highest) {
  double best_error = std::numeric_limits<double>::infinity();
  float best = widest;
  for (int percent = 120; percent >= 20; --percent) {
    const float step = widest * (static_cast<float>(percent) / 100.0f);
    const double error = rounding_error<Power>(values, step, lowest, highest);
    if (error < best_error) {
      best_error = error;
      best = step;
    }
  }
  return best;
}

}  // namespace

QuantizedWeights quantize_by_rule(const Tensor<float>& weights, int bits, WeightRule rule) {
  DYAD_EXPECT(bits >= kLeastBits && bits <= kMostBits, "weights have 2 to 8 bits");
  QuantizedWeights result;
  result.values = Tensor<std::int8_t>(weights.shape());
  const auto channels = static_cast<std::size_t>(weights.extent(0));
  const std::size_t size = static_cast<std::size_t>(weights.size()) / channels;
  const auto highest = static_cast<float>(BitWidth{bits, true}.highest());
  for (std::size_t c = 0; c < channels; ++c) {
    const std::span<const float> values = weights.values().subspan(c * size, size);
    const float widest = symmetric_scale(weight_range(values, 0), bits);
    float step = widest;
    float lowest = -highest;
    if (rule == WeightRule::kMse) {
      lowest = -highest - 1;
      step = search_step<2>(values, widest, lowest, highest);
    } else if (rule == WeightRule::kPower3) {
      step = search_step<3>(values, widest, lowest, highest);
    }
    result.scales.push_back(step);
    const float reciprocal = 1.0f / step;
    for (std::size_t i = 0; i < size; ++i) {
      const std::int32_t q = quantize_value(values[i], reciprocal, {bits, true});
      result.values[static_cast<std::int64_t>(c * size + i)] = static_cast<std::int8_t>(std::max(q, static_cast<std::int32_t>(lowest)));
    }
  }
  return result;
}

Tensor<float> dequantized(const QuantizedWeights& weights) {
  Tensor<float> result(weights.values.shape());
  const std::int64_t size = result.size() / result.extent(0);
  for (std::int64_t i = 0; i < result.size(); ++i) {
    const auto c = static_cast<std::size_t>(i / size);
    const std::int32_t zero_point = weights.zero_points.empty() ? 0 : weights.zero_points[c];
    result[i] = static_cast<float>(weights.values[i] - zero_point) * weights.scales[c];
  }
  return result;
}

void prepare_weights(const CalibratedNetwork& network, const std::vector<std::pair<network::NodeId, int>>& wanted) {
  parallel_for(static_cast<std::int64_t>(wanted.size()), [&](std::int64_t i) {
    const auto& [layer, bits] = wanted[static_cast<std::size_t>(i)];
    static_cast<void>(network.quantize_weights(layer, bits));
  });
}

}  // namespace dyad::quantizer
