/// \file A network evaluated step by step with everything rounded as the integer network rounds it; what is learned stays differentiable.
#pragma once

#include <map>
#include <vector>

#include "dyad/base/dyadic.hpp"
#include "dyad/quantizer/lowering_plan.hpp"
#include "torch_network.hpp"

namespace dyad::training {

/// Real values as multiples of a step in a format, straight-through gradients. `step` has one element and its gradient is that of
/// learned step sizes (Esser et al. 2020). `values` keep their memory format.
at::Tensor round_to_format(const at::Tensor& values, const at::Tensor& step, BitWidth format, Rounding rounding);

/// One step size of activations, shared by the layers that read one tensor in one format.
struct InputStep {
  quantizer::ScaledFormat start;
  bool is_learned = true;   ///< not the image's own
  float largest_scale = 0;  ///< a step above it would reach beyond a ReLU6, which the integer network does not cut; 0: any step
  at::Tensor scale;         ///< one element

  void set(float value);
};

/// The numbers of one weighted layer. While `position` is defined its weights are between two integers, else they are `integers`.
struct LearnedLayer {
  network::NodeId id = 0;
  std::size_t input_step = 0;     ///< index of its InputStep
  at::Tensor scale;               ///< of the weights, (K, 1, ...)
  at::Tensor lower;               ///< weight / scale rounded down
  at::Tensor integers;            ///< as floats, PyTorch's shape
  at::Tensor position;            ///< learned: h = clamp(1.2 sigmoid(position) - 0.1, 0, 1) above `lower`
  at::Tensor bias;                ///< (K)
  float lowest = 0, highest = 0;  ///< of the integers

  /// Starts learning at the weight itself: h is its fraction (AdaRound).
  void start_learning(const at::Tensor& weight);
  /// Ends it: every weight goes up where h >= 1/2.
  void finish_learning();
  at::Tensor height() const;  ///< h
};

/// Holds the network, its plan and the current numbers.
class QuantizedSteps {
 public:
  QuantizedSteps(const network::Network& folded, const quantizer::NetworkNumbers& numbers, quantizer::LoweringPlan plan, Rounding rounding);

  const TorchNetwork& network() const { return network_; }
  /// By index in network().layer_names(); empty for a layer that the logits do not depend on.
  std::vector<LearnedLayer>& layers() { return layers_; }
  const std::vector<LearnedLayer>& layers() const { return layers_; }
  std::vector<InputStep>& input_steps() { return input_steps_; }
  const at::Tensor& float_weight(std::size_t layer) const { return network_.layer_weights()[layer]; }

  /// Output of a step, as its readers see it; `images` is used by the input only.
  at::Tensor evaluate(std::size_t step, const std::vector<at::Tensor>& outputs, const at::Tensor& images) const;
  /// The same in float.
  at::Tensor evaluate_float(std::size_t step, const std::vector<at::Tensor>& outputs, const at::Tensor& images) const;
  /// The bias as the integer network holds it: whole accumulator steps.
  at::Tensor rounded_bias(const LearnedLayer& layer) const;

  quantizer::NetworkNumbers numbers() const;

 private:
  void find_input_steps(const network::Network& folded);
  at::Tensor to_plan_step(const at::Tensor& values, const at::Tensor& step) const;

  quantizer::NetworkNumbers start_;
  quantizer::LoweringPlan plan_;
  Rounding rounding_;
  TorchNetwork network_;
  std::vector<LearnedLayer> layers_;
  std::vector<InputStep> input_steps_;
  std::vector<at::Tensor> plan_steps_;  ///< by step: the step of its carrier, or of the sum that an addition makes
  ForwardHooks hooks_;
};

}  // namespace dyad::training
