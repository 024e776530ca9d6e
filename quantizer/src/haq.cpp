#include "dyad/quantizer/haq.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "dyad/base/result.hpp"

namespace dyad::quantizer {
namespace {

/// `values` at equal distances over [0, 1], linearly read at `count` equal distances.
std::vector<double> resampled(std::span<const double> values, std::size_t count) {
  std::vector<double> result(count);
  for (std::size_t k = 0; k < count; ++k) {
    const double at = count > 1 ? static_cast<double>(k) / static_cast<double>(count - 1) * static_cast<double>(values.size() - 1) : 0;
    const auto left = std::min(static_cast<std::size_t>(at), values.size() - 1);
    const std::size_t right = std::min(left + 1, values.size() - 1);
    result[k] = values[left] + (values[right] - values[left]) * (at - static_cast<double>(left));
  }
  return result;
}

/// Edges of equal bins from 0 to the largest magnitude, as many as the 'sqrt' rule gives.
std::vector<float> histogram_edges(std::span<const float> magnitudes) {
  const auto [least, most] = std::minmax_element(magnitudes.begin(), magnitudes.end());
  const double width = static_cast<double>(*most - *least) / std::sqrt(static_cast<double>(magnitudes.size()));
  const std::size_t bins = width > 0 ? static_cast<std::size_t>(std::ceil(static_cast<double>(*most) / width)) : 1;
  std::vector<float> edges(bins + 1);
  const double step = static_cast<double>(*most) / static_cast<double>(bins);
  for (std::size_t k = 0; k < bins; ++k) edges[k] = static_cast<float>(static_cast<double>(k) * step);
  edges[bins] = *most;
  return edges;
}

std::vector<double> distribution(std::span<const float> magnitudes, std::span<const float> edges) {
  std::vector<double> density(edges.size() - 1, 0.0);
  for (const float value : magnitudes) {
    const auto above = std::upper_bound(edges.begin(), edges.end(), value);
    const auto bin = static_cast<std::size_t>(above - edges.begin()) - 1;
    density[std::min(bin, density.size() - 1)] += 1;
  }
  for (std::size_t k = 0; k < density.size(); ++k) density[k] /= static_cast<double>(edges[k + 1] - edges[k]);
  const double sum = std::accumulate(density.begin(), density.end(), 0.0);
  double so_far = 0;
  for (double& value : density) value = so_far += value / sum;
  return density;
}

float largest_magnitude(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

std::vector<float> rounded(std::span<const float> values, float lowest, float highest, float step) {
  std::vector<float> result;
  result.reserve(values.size());
  for (const float value : values) result.push_back(std::nearbyint(std::clamp(value, lowest, highest) / step) * step);
  return result;
}

}  // namespace

int haq_action_bits(double action, int lowest, int highest) {
  const double low = lowest - 0.5, high = highest + 0.5;
  return static_cast<int>(std::nearbyint((high - low) * action + low));
}

std::size_t haq_action_choice(double action, std::size_t choices) {
  DYAD_EXPECT(choices >= 1, "an action chooses among nothing");
  const double place = std::clamp(action, 0.0, 1.0) * static_cast<double>(choices);
  return std::min(static_cast<std::size_t>(place), choices - 1);
}

int next_lower(std::span<const int> choices, int bits) {
  const auto at = std::lower_bound(choices.begin(), choices.end(), bits);
  return at == choices.begin() ? bits : *(at - 1);
}

bool haq_wall(std::vector<LayerBits>& bits, const HaqWall& wall) {
  DYAD_EXPECT(wall.fixed.size() == bits.size(), "the wall is of another network");
  if (wall.keeps(bits)) return true;
  const auto put_back = [&] {
    for (std::size_t i = 0; i < bits.size(); ++i)
      if (wall.fixed[i]) bits[i] = *wall.fixed[i];
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = bits.size(); i-- > 0;)
      for (int LayerBits::*operand : {&LayerBits::activation, &LayerBits::weight}) {
        const std::vector<LayerBits> before = bits;
        const auto& choices = operand == &LayerBits::weight ? wall.weight_choices : wall.activation_choices;
        bits[i].*operand = next_lower(choices, bits[i].*operand);
        put_back();
        if (bits == before) continue;
        changed = true;
        if (wall.keeps(bits)) return true;
      }
  }
  return false;
}

bool haq_weight_wall(std::vector<int>& bits, std::span<const std::int64_t> weights, int lowest, double limit_bits) {
  DYAD_EXPECT(weights.size() == bits.size(), "the wall is of another network");
  const auto keeps = [&] {
    double sum = 0;
    for (std::size_t i = 0; i < bits.size(); ++i) sum += static_cast<double>(bits[i]) * static_cast<double>(weights[i]);
    return sum <= limit_bits;
  };
  if (keeps()) return true;
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = bits.size(); i-- > 0;) {
      if (bits[i] <= lowest) continue;
      --bits[i];
      changed = true;
      if (keeps()) return true;
    }
  }
  return false;
}

double haq_divergence_threshold(std::span<const float> values, int bits) {
  DYAD_EXPECT(bits >= 1 && bits <= 16, "a threshold of no known bits");
  std::vector<float> magnitudes(values.size());
  std::transform(values.begin(), values.end(), magnitudes.begin(), [](float value) { return std::fabs(value); });
  if (magnitudes.empty() || largest_magnitude(magnitudes) <= 1e-8f) return 0;
  const std::vector<float> edges = histogram_edges(magnitudes);
  const std::vector<double> cdf = distribution(magnitudes, edges);
  const std::size_t levels = std::size_t{1} << (bits - 1);
  if (levels + 1 > cdf.size()) return edges.back();
  double least = std::numeric_limits<double>::infinity(), threshold = edges.back();
  for (std::size_t i = levels + 1; i <= cdf.size(); ++i) {
    std::vector<double> clipped = cdf;
    std::fill(clipped.begin() + static_cast<std::ptrdiff_t>(i) - 1, clipped.end(), 1.0);
    const std::vector<double> coarse = resampled(resampled(std::span(clipped).first(i), levels), i);
    std::copy(coarse.begin(), coarse.end(), clipped.begin());
    double divergence = 0;
    for (std::size_t k = 0; k < cdf.size(); ++k)
      if (cdf[k] != clipped[k]) divergence += (cdf[k] - clipped[k]) * std::log2(cdf[k] / clipped[k]);
    if (divergence < least) {
      least = divergence;
      threshold = (static_cast<double>(i) + 0.5) * static_cast<double>(edges[1] - edges[0]);
    }
  }
  return threshold;
}

float haq_weight_range(std::span<const float> weights, int bits) {
  return bits < 5 ? static_cast<float>(haq_divergence_threshold(weights, bits)) : largest_magnitude(weights);
}

float haq_activation_range(std::span<const float> activations, int bits) {
  constexpr float kLargest = 6;
  const float range = std::min(kLargest, largest_magnitude(activations));
  return bits < 5 ? std::min(range, static_cast<float>(haq_divergence_threshold(activations, bits))) : range;
}

std::vector<float> haq_quantize_weights(std::span<const float> weights, int bits, float range) {
  DYAD_EXPECT(bits >= 2, "HAQ's weights have at least 2 bits");
  const auto step = static_cast<float>(static_cast<double>(range) / (std::ldexp(1.0, bits - 1) - 1));
  return rounded(weights, -range, range, step);
}

std::vector<float> haq_quantize_activations(std::span<const float> activations, int bits, float range) {
  DYAD_EXPECT(bits >= 1, "HAQ's activations have at least 1 bit");
  const auto step = static_cast<float>(static_cast<double>(range) / (std::ldexp(1.0, bits) - 1));
  return rounded(activations, 0, range, step);
}

}  // namespace dyad::quantizer
