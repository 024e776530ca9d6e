/// \file HAQ's mechanics: bits of an action, the walls that keep a budget, its linear quantizers.
/// Source: HAQ (Wang et al., CVPR 2019) and its published implementation; docs/quantizer/haq.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "dyad/base/bits.hpp"

namespace dyad::quantizer {

/// The published map of an action in [0, 1]: (highest - lowest + 1) * action + lowest - 0.5, ties to even. So the end points may leave
/// the range: action 0 with lowest 1 gives 0 bits.
int haq_action_bits(double action, int lowest, int highest);

/// Index of an action among `choices` choices, each of which has an equal share of [0, 1]; choices >= 1.
std::size_t haq_action_choice(double action, std::size_t choices);

/// The largest of the sorted `choices` below `bits`; `bits` itself when there is none.
int next_lower(std::span<const int> choices, int bits);

/// What the wall of weights and activations may do.
struct HaqWall {
  std::vector<int> weight_choices, activation_choices;    ///< bit-widths, ascending
  std::vector<std::optional<LayerBits>> fixed;            ///< by layer; put back after every step
  std::function<bool(std::span<const LayerBits>)> keeps;  ///< whether these bits of all layers keep every limit
};

/// Lowers bits, layer by layer from the last to the first, activation then weight, sweep after sweep, until `keeps`. Nothing is done to
/// bits that keep the limits (fixed layers included). False: the lowest bits everywhere do not keep them.
bool haq_wall(std::vector<LayerBits>& bits, const HaqWall& wall);

/// The wall of k-means quantization: weights only, sum of bits * weights <= limit_bits, no layer below `lowest`.
bool haq_weight_wall(std::vector<int>& bits, std::span<const std::int64_t> weights, int lowest, double limit_bits);

/// Threshold of least divergence between the distribution of |x| and its quantized one at `bits` (>= 1), by 'sqrt' histogram; 0 for a
/// tensor of zeros.
double haq_divergence_threshold(std::span<const float> values, int bits);

/// Range of a layer's weights: the divergence threshold below 5 bits, else max |w|.
float haq_weight_range(std::span<const float> weights, int bits);
/// Range of half-wave activations: at most 6 and max |x|; below 5 bits also at most the divergence threshold.
float haq_activation_range(std::span<const float> activations, int bits);

/// rhe(clamp(w, +-range) / step) * step with step = range / (2^(bits - 1) - 1); bits >= 2.
std::vector<float> haq_quantize_weights(std::span<const float> weights, int bits, float range);
/// rhe(clamp(x, 0, range) / step) * step with step = range / (2^bits - 1); bits >= 1.
std::vector<float> haq_quantize_activations(std::span<const float> activations, int bits, float range);

}  // namespace dyad::quantizer
