/// \file A network with one HMQ for each weight and each layer input: what is trained, what it costs, and the integers at the end.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hmq_quantizer.hpp"
#include "radam.hpp"
#include "torch_network.hpp"

namespace dyad::training {

/// How one forward pass quantizes.
struct HmqPass {
  bool is_hard = false;    ///< the chosen bits, each with its likeliest threshold
  double temperature = 1;  ///< of a mixed pass
  std::uint64_t seed = 1;
  std::int64_t step = 0;  ///< names the noise of this pass
};

class HmqNetwork {
 public:
  /// `folded` has no batch norms; `layers` are its weighted layers in execution order. All references must outlive this.
  HmqNetwork(const network::Network& folded, const std::vector<HmqLayer>& layers, const std::vector<HmqTarget>& targets,
             const HmqOptions& options);

  /// Statistics of the float network's layer inputs on one batch; at least one before start().
  void observe(const at::Tensor& images);
  /// Fixes the largest thresholds and sets the logits.
  void start();

  /// Probabilities to learn from.
  at::Tensor float_probabilities(const at::Tensor& images) const;
  at::Tensor forward(const at::Tensor& images, const HmqPass& pass) const;
  /// Cost of the network by target under the probabilities without noise, differentiable in the logits.
  std::vector<at::Tensor> expected_costs() const;
  std::vector<HmqProbabilities> probabilities() const;

  /// HmqActivations::kRule: the bits of activations at a compression of the largest tensor.
  void set_rule_bits(double compression);
  /// Bits of the final phase; they must be among each layer's choices.
  Result<void> choose(const BitAssignment& assignment);

  std::size_t size() const { return layers_.size(); }
  /// Weights, factors and biases first, two tensors of logits a layer behind them.
  std::vector<RAdamTensor> trained_tensors() const;
  /// Keeps factors positive; after every step.
  void limit_factors();

  std::vector<HmqTrainedLayer> layers() const;

 private:
  struct Layer {
    HmqLayer options;
    quantizer::HmqSpace weight_space, input_space;
    double weight_maximum = 1, input_maximum = 1;
    double tracked = 0;          ///< moving maximum of the input
    std::vector<float> samples;  ///< of the input
    at::Tensor values;           ///< weights over `initial_factor`
    at::Tensor factor;           ///< (K, 1, ...) from 1, times initial_factor
    at::Tensor initial_factor;
    at::Tensor bias;  ///< undefined where the network has none
    at::Tensor weight_logits, input_logits;
    std::optional<std::size_t> rule_bits;  ///< index into activation_bits
    std::optional<LayerBits> chosen;
  };
  at::Tensor quantized_weight(std::size_t index, const HmqPass& pass) const;
  at::Tensor quantized_input(std::size_t index, const at::Tensor& input, const HmqPass& pass) const;
  quantizer::HmqChoice weight_choice(const Layer& layer) const;
  quantizer::HmqChoice input_choice(const Layer& layer) const;
  at::Tensor input_marginal(const Layer& layer) const;
  double balance() const;

  const std::vector<HmqTarget>& targets_;
  const HmqOptions& options_;
  TorchNetwork teacher_, network_;
  std::vector<Layer> layers_;
};

}  // namespace dyad::training
