/// \file A network in training with rounded weights and layer inputs, and the integer network that its state means.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dyad/quantizer/lowering.hpp"
#include "dyad/training/quantization_aware.hpp"
#include "fake_quantizers.hpp"
#include "integer_forward.hpp"
#include "torch_network.hpp"
#include "training_loop.hpp"
#include "weight_quantizer.hpp"

namespace dyad::training {

class QuantizedNetwork {
 public:
  /// Calibrates the first steps. Errors: a layer without bits, an operation without an integer form, batch norms that can't be folded.
  static Result<std::unique_ptr<QuantizedNetwork>> create(const network::Network& network, const network::Dataset& calibration_images,
                                                          const network::Normalization& normalization,
                                                          const QuantizationAwareOptions& options);

  /// Weights, batch norms, steps, ranges; names are PyTorch's, then "<layer>.weight_step" and "<layer>.input_step".
  const std::vector<StateTensor>& state() const { return state_; }
  /// From now on batch norms, steps and ranges keep their values (true), or not.
  void freeze(bool frozen);
  /// Batch norms use running statistics and leave them as they are (HAWQ-V3's folding), while everything else is trained.
  void fix_batch_norms(bool fixed) { fixed_ = fixed; }
  /// Logits in training mode: fake-quantized weights and inputs, batch norms live unless frozen.
  at::Tensor forward(const at::Tensor& images);
  /// Steps stay above zero.
  void after_step();
  /// The integer network of the state. Wide tensors get twice the largest magnitude that the calibration images reach.
  Result<quantizer::IntegerNetwork> lower() const;
  /// The numbers that layer i of a lowered network has now, differentiable in weights and biases. `lowered` is lower()'s; a channel
  /// whose integers lowering had to change keeps them.
  IntegerForward::Trained integers_of(const quantizer::IntegerNetwork& lowered) const;

 private:
  struct Layer {
    std::string name;
    std::string batch_norm;  ///< name of the one behind it, or empty
    std::size_t input = 0;   ///< index in inputs_
    LayerBits bits;
    WeightQuantizer quantizer;
  };
  struct Input {
    BitWidth format;
    at::Tensor step;        ///< of one number; kHawq: follows from `range`
    at::Tensor range;       ///< kHawq: lowest and highest, tracked; else undefined
    bool is_fixed = false;  ///< the image: its step is not learned
  };
  struct Folding {
    at::Tensor factor, bias;  ///< (K): what the weights are multiplied with, and the folded bias
  };

  QuantizedNetwork(const network::Network& network, const network::Normalization& normalization, const QuantizationAwareOptions& options);
  Result<void> calibrate(const network::Dataset& images);
  /// Running statistics anew, the mean over the calibration batches: normalized weights give sums of another size.
  void restart_batch_norms();
  void for_calibration_batches(const std::function<void(const at::Tensor& images, std::int64_t batch)>& body) const;
  Result<network::Network> current_network() const;
  Folding folding_of(const Layer& layer) const;
  at::Tensor parameter(const std::string& name) const;  ///< undefined when there is none
  at::Tensor quantized_input(std::size_t layer, const at::Tensor& x) const;
  static float step_of(const Input& input);
  void track(const Input& input, const at::Tensor& x) const;
  ForwardHooks hooks() const;
  Result<std::vector<quantizer::ScaledFormat>> carriers(const network::Network& folded, const quantizer::NetworkNumbers& numbers) const;

  const network::Network network_;
  const network::Normalization normalization_;
  const QuantizationAwareOptions& options_;
  TorchNetwork torch_;
  std::map<std::string, at::Tensor> parameters_;
  std::vector<Layer> layers_;  ///< as TorchNetwork::layer_names()
  std::vector<Input> inputs_;
  std::vector<StateTensor> state_;
  std::vector<bool> trains_, trains_frozen_;  ///< by state tensor: is it trained with live and with frozen batch norms
  std::vector<float> calibration_;            ///< normalized images (N, H, W, C)
  Shape calibration_shape_;
  quantizer::ScaledFormat image_;  ///< wide format of the input
  bool frozen_ = false, fixed_ = false;
};

}  // namespace dyad::training
