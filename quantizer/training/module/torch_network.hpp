/// \file A network as LibTorch tensors: forward over the graph in (N, C, H, W), parameters under PyTorch's names.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dyad/network/network.hpp"
#include "torch_headers.hpp"

namespace dyad::training {

enum class ParameterKind { kWeight, kBias, kGamma, kBeta, kRunningMean, kRunningVariance };

struct Parameter {
  std::string name;  ///< "layer1.0.conv1.weight"
  ParameterKind kind;
  at::Tensor value;  ///< PyTorch's shape: (K, C / groups, R, S), fully connected (K, C), else (K)
  bool is_trained() const { return kind != ParameterKind::kRunningMean && kind != ParameterKind::kRunningVariance; }
};

/// What quantization-aware training puts between the operations of a forward pass; each may be empty.
/// Layers are indices into TorchNetwork::layer_names().
struct ForwardHooks {
  std::function<at::Tensor(std::size_t layer, const at::Tensor& weight)> weight;          ///< the weight that the layer uses
  std::function<at::Tensor(std::size_t layer, const at::Tensor& input)> input;            ///< the input that it reads
  std::function<at::Tensor(const network::Node& node, const at::Tensor& output)> output;  ///< what readers of any node see
  std::function<at::Tensor(std::size_t layer, const at::Tensor& bias)> bias;              ///< the bias that a layer with one adds
  double batch_norm_momentum = 0.1;                                                       ///< share of the batch in new running statistics
};

/// Holds a copy of the network. forward() in inference mode may be called from several threads at once.
class TorchNetwork {
 public:
  /// Parameters are the network's, zero where it has none. Trained ones require gradients.
  explicit TorchNetwork(const network::Network& network);

  /// Logits (N, classes) of images (N, C, H, W). A softmax at the end is left out. `training`: batch norms use the batch's
  /// statistics and update the running ones as PyTorch does (momentum 0.1, unbiased variance).
  at::Tensor forward(const at::Tensor& images, bool training, const ForwardHooks& hooks = {}) const;

  /// Parts of the graph: steps are the nodes in execution order up to the logits; a node behind them has none.
  std::size_t steps() const { return steps_.size(); }
  std::optional<std::size_t> step_of(network::NodeId id) const;
  const network::Node& step_node(std::size_t step) const { return steps_[step].node; }
  network::NodeId step_id(std::size_t step) const { return steps_[step].id; }
  const std::vector<std::size_t>& step_inputs(std::size_t step) const { return steps_[step].inputs; }
  /// Of a weighted step, its index in layer_names().
  std::size_t step_layer(std::size_t step) const { return steps_[step].layer; }
  /// Output of one step (not the input) in inference mode; `outputs`, by step, holds what it reads. The `output` hook is not called.
  at::Tensor evaluate_step(std::size_t step, const std::vector<at::Tensor>& outputs, const ForwardHooks& hooks = {}) const {
    return evaluate(steps_[step], outputs, false, hooks);
  }

  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// Weights of convolutions and fully connected layers, in execution order.
  const std::vector<at::Tensor>& layer_weights() const { return layer_weights_; }
  const std::vector<std::string>& layer_names() const { return layer_names_; }

  /// Random start: weights normal with variance 2 / fan-in (He et al. 2015), last layer's 1 / fan-in; gamma 1, the rest 0.
  void initialize(std::uint64_t seed);

 private:
  struct Step {
    network::Node node;  ///< its numbers are dropped
    network::NodeId id = 0;
    std::vector<std::size_t> inputs;
    at::Tensor weight, bias, running_mean, running_variance;
    std::size_t layer = 0;           ///< of a weighted step, its index in layer_names()
    std::vector<std::size_t> freed;  ///< steps whose output nobody reads after this one
  };
  at::Tensor evaluate(const Step& step, const std::vector<at::Tensor>& outputs, bool training, const ForwardHooks& hooks) const;
  at::Tensor add_parameter(const std::string& name, ParameterKind kind, at::Tensor value);

  std::vector<Step> steps_;  ///< execution order; inputs are indices of steps
  std::size_t output_ = 0;
  std::vector<Parameter> parameters_;
  std::vector<at::Tensor> layer_weights_;
  std::vector<std::string> layer_names_;
};

/// (N, H, W, C) values as an (N, C, H, W) tensor that shares them; the values must outlive it.
at::Tensor as_images(const float* values, const Shape& shape);

/// Numbers of a PyTorch-shaped tensor, row-major.
Tensor<float> to_dyad(const at::Tensor& tensor);

}  // namespace dyad::training
