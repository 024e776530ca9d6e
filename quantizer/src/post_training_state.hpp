/// \file What calibration leaves behind, shared by the parts of post-training quantization.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "dyad/base/range_observer.hpp"
#include "dyad/quantizer/post_training.hpp"

namespace dyad::quantizer {

constexpr int kLeastBits = 2, kMostBits = 8;  ///< of weights and activations of a layer
/// Carriers at least this wide take twice the observed extremes as their range, narrower ones the range of the observer.
constexpr int kWideCarrierBits = 12;
constexpr std::int64_t kImageBatch = 16;  ///< images evaluated at once by one thread

struct CalibratedNetwork::State {
  PostTrainingOptions options;
  network::Network folded;
  network::Normalization normalization;
  network::Dataset images;
  std::vector<network::NodeId> order;   ///< nodes that the output depends on
  std::vector<network::NodeId> layers;  ///< weighted nodes
  std::vector<bool> nonnegative;        ///< by node: no value below zero, by construction
  std::vector<float> largest;           ///< by node: largest magnitude seen
  std::vector<float> bound;             ///< by node: largest magnitude possible by construction (ReLU6), or infinity
  /// By the node whose tensor a layer reads: format and step at 2 to 8 bits.
  std::map<network::NodeId, std::array<ScaledFormat, kMostBits + 1>> input_formats;
  std::vector<ScaledFormat> carriers;  ///< by node
  std::int64_t correction_images = 0;  ///< bias correction uses the first so many images
  /// By layer: mean of each output channel before the activation over those images.
  std::map<network::NodeId, std::vector<double>> channel_means;

  mutable std::mutex weights_mutex;
  mutable std::map<std::pair<network::NodeId, int>, QuantizedWeights> weights;
};

struct PostTrainingAccess {
  using State = CalibratedNetwork::State;
  static const State& state(const CalibratedNetwork& network) { return *network.state_; }
};

using CalibratedState = PostTrainingAccess::State;

/// The steps and integers of one layer's weights (K, ...) by a rule; bits 2 to 8.
QuantizedWeights quantize_by_rule(const Tensor<float>& weights, int bits, WeightRule rule);
/// The set that `bits` bits of a scheme name; uniform at 8 bits. It may be unknown: check_assignment refuses that.
LevelSet levels_of(LevelScheme scheme, int bits, bool is_signed);
/// The signed levels of one layer's weights (K, ...) and the step of each output channel that minimizes the rule's error.
QuantizedWeights quantize_to_levels(const Tensor<float>& weights, LevelSet levels, WeightRule rule);
/// An observer that answers formats of 2 to 7 bits with the range, up to the largest level, of least squared error on APoT levels, and all
/// others as `uniform` does.
std::unique_ptr<RangeObserver> make_level_observer(std::unique_ptr<RangeObserver> uniform);
/// Values rounded to the format: the nearest integer, or the nearest level.
void round_to(const ScaledFormat& format, std::span<float> values);
/// (K, R, S, C / groups): integers times their channel's step.
Tensor<float> dequantized(const QuantizedWeights& weights);
/// Makes sure that quantize_weights of these (layer, bits) only looks up; parallel.
void prepare_weights(const CalibratedNetwork& network, const std::vector<std::pair<network::NodeId, int>>& wanted);

/// Every layer is in the assignment with 2 to 8 bits and nothing else is; an Error names the layer.
Result<void> check_assignment(const CalibratedNetwork& network, const BitAssignment& assignment);

}  // namespace dyad::quantizer
