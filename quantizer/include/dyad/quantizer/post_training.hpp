/// \file Post-training quantization: calibrates a float network once, then makes integer networks at any mix of bits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/integer_network.hpp"
#include "dyad/quantizer/lowering.hpp"

namespace dyad::quantizer {

/// How the step of each output channel's weights is found (docs/quantizer/post_training.md).
enum class WeightRule { kMinMax, kMse, kPower3 };

struct PostTrainingOptions : LoweringOptions {
  WeightRule weights = WeightRule::kPower3;
  std::string activations = "mse";  ///< observer: minmax, average, percentile, mse, kl
  bool bias_correction = true;
  int residual_bits = 16;  ///< format of tensors that several consumers read
  /// Levels of the weights and of the layers' inputs below 8 bits; 8 bits stay uniform, and so do pixels (docs/quantizer/apot.md).
  LevelScheme weight_levels = LevelScheme::kUniform;
  LevelScheme activation_levels = LevelScheme::kUniform;  ///< kUniform or kApot
};

/// A folded network with the statistics that its quantization needs.
class CalibratedNetwork {
 public:
  /// Folds batch norms and observes every tensor on the images.
  static Result<CalibratedNetwork> calibrate(const network::Network& network, const network::Dataset& images,
                                             const network::Normalization& normalization, const PostTrainingOptions& options);
  CalibratedNetwork(CalibratedNetwork&&) noexcept;
  CalibratedNetwork& operator=(CalibratedNetwork&&) noexcept;
  ~CalibratedNetwork();

  const network::Network& folded() const;
  const PostTrainingOptions& options() const;
  /// The images that it was calibrated on, in the order in which they were seen.
  const network::Dataset& images() const;
  const network::Normalization& normalization() const;
  /// Convolutions and fully connected layers, in execution order.
  const std::vector<network::NodeId>& layers() const;
  /// Symmetric per output channel at 2 to 8 bits.
  QuantizedWeights quantize_weights(network::NodeId layer, int bits) const;
  /// Step and signedness of a layer's input at 2 to 8 bits. The network's input has the exact range of u8 pixels at 8 bits.
  float input_scale(network::NodeId layer, int bits) const;
  BitWidth input_format(network::NodeId layer, int bits) const;
  /// Both, and the levels of the scheme: `scale` is then that of one unit.
  const ScaledFormat& input(network::NodeId layer, int bits) const;
  /// The wide format of every node's tensor, by node.
  const std::vector<ScaledFormat>& carriers() const;
  /// The numbers at these bits, biases not corrected; every weighted layer must be in the assignment and nothing else.
  Result<NetworkNumbers> numbers(const BitAssignment& assignment) const;
  /// The integer network at these bits; every weighted layer must be in the assignment. Bias-corrected when the options say so.
  Result<IntegerNetwork> quantize(const BitAssignment& assignment) const;

 private:
  struct State;
  friend struct PostTrainingAccess;  // the parts of post-training quantization in src/
  explicit CalibratedNetwork(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// `WxAy` for every layer but the first convolution and the last fully connected one, which stay 8-bit unless `all_layers`.
BitAssignment uniform_assignment(const network::Network& network, LayerBits bits, bool all_layers);

}  // namespace dyad::quantizer
