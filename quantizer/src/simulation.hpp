/// \file The float twin of an integer network: every tensor rounded where the plan rounds it, everything else in float32.
#pragma once

#include <map>
#include <vector>

#include "dyad/network/dataset.hpp"
#include "dyad/quantizer/lowering_plan.hpp"
#include "post_training_state.hpp"

namespace dyad::quantizer {

/// Real biases of every weighted layer, by layer.
using LayerBiases = std::map<network::NodeId, std::vector<float>>;

/// Images [begin, begin + size) of a data set that one thread evaluates at once.
struct ImageBatch {
  std::int64_t begin = 0, size = 0;
};
/// The first `count` images in batches of kImageBatch.
std::vector<ImageBatch> image_batches(std::int64_t count);

class Simulation {
 public:
  /// All three must outlive it.
  Simulation(const CalibratedNetwork& network, const NetworkNumbers& numbers, const LoweringPlan& plan);

  /// The biases, multiples of their channel's accumulator step; with the option, corrected so that on the calibration images the mean of
  /// every output channel of every layer, computed on the quantized layers before it, is the float network's up to half a step. One pass,
  /// layer by layer; sums in image order.
  LayerBiases biases() const;
  /// Logits (N, classes) of the images with these biases.
  Tensor<float> logits(const network::Dataset& images, const LayerBiases& biases) const;

 private:
  using Tensors = std::vector<Tensor<float>>;  ///< by node; empty where not computed or no longer needed

  Tensor<float> evaluate(network::NodeId id, const Tensors& values, const LayerBiases& biases) const;
  float round_bias(network::NodeId layer, std::size_t channel, float bias) const;
  void round_carrier(network::NodeId id, Tensor<float>& values) const;
  void correct(network::NodeId layer, std::vector<Tensors>& batches, std::int64_t images, LayerBiases& biases) const;

  const CalibratedState& state_;
  const NetworkNumbers& numbers_;
  const LoweringPlan& plan_;
  std::map<network::NodeId, Tensor<float>> weights_;      ///< by layer, dequantized
  std::vector<std::vector<network::NodeId>> dead_after_;  ///< by position in the order: tensors that no later node reads
};

/// The plan of a calibrated network's numbers.
Result<LoweringPlan> plan_of(const CalibratedNetwork& network, const NetworkNumbers& numbers);

}  // namespace dyad::quantizer
