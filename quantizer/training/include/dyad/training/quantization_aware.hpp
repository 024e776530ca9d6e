/// \file Quantization-aware training: gradients through rounded weights and activations, ended by an integer network
/// (docs/training/quantization_aware.md). Free of LibTorch; needs the training module at run time.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "dyad/base/bits.hpp"
#include "dyad/quantizer/integer_network.hpp"
#include "dyad/quantizer/lowering.hpp"
#include "dyad/training/training.hpp"

namespace dyad::training {

/// How steps come about and which gradients pass.
enum class QuantizationScheme {
  kLsq,      ///< learned step of each output channel's weights and of each activation tensor (Esser et al., 2020)
  kHawq,     ///< steps from tracked ranges, gradients straight through without masks (HAWQ-V3, Yao et al., 2021)
  kUniform,  ///< normalized weights and learned clipping, equally spaced levels: APoT's uniform twin (Li et al., 2020)
  kApot,     ///< the same with additive powers of two as the levels of the weights
};
std::string_view to_string(QuantizationScheme scheme);
std::optional<QuantizationScheme> scheme_from_name(std::string_view name);

/// Soft labels of a float network: loss = weight * T^2 * KL(softmax(teacher / T) || softmax(student / T)) + (1 - weight) * cross entropy,
/// both means over the batch. HAWQ-V3 uses weight 0.95, T 6.
struct Distillation {
  network::Network teacher;  ///< with weights, of the student's input and classes
  double weight = 0.95;      ///< [0, 1]
  double temperature = 6;    ///< > 0
};

/// Range rules of the kHawq scheme (its defaults).
struct HawqRules {
  double momentum = 0.95;  ///< of an activation's range; -1: running extremes
  double percentile = 0;   ///< of each channel's weights and of activations, for example 99.9; 0: extremes
  std::int64_t fix_batch_norms_after =
      0;  ///< steps after which batch norms keep their statistics (folding); 0: not before the integer epochs
};

struct QuantizationAwareOptions : TrainOptions {
  QuantizationScheme scheme = QuantizationScheme::kLsq;
  BitAssignment bits;      ///< every convolution and fully connected layer, 2 to 8 bits
  int integer_epochs = 1;  ///< the last so many epochs train through the integer network itself, batch norms frozen; 0 to epochs
  std::int64_t calibration_images = 1024;  ///< training images that give the first steps and the formats of wide tensors
  quantizer::LoweringOptions lowering;
  HawqRules hawq;
  std::optional<Distillation> distillation;
  std::filesystem::path integer_out;  ///< .dyad, written at the end; empty: none
};

struct QuantizationAwareResult {
  TrainingResult training;            ///< top-1 of every epoch is that of the integer network
  quantizer::IntegerNetwork network;  ///< of `training.weights`; its top-1 is training.top1
};

/// Fine-tunes a network that has weights. Every epoch is scored by the integer network that its state lowers to, run exactly; what is
/// returned is the network that was scored. Deterministic and resumable as `train`.
Result<QuantizationAwareResult> train_quantized(const network::Network& network, const network::Dataset& train_images,
                                                const network::Dataset& test_images, const network::Normalization& normalization,
                                                const QuantizationAwareOptions& options);

/// int32 logits (N, classes) of an integer network by LibTorch's operations (the forward pass of the integer epochs) on u8 images:
/// a second executor, for checks. A layer whose output is a level set is an Error.
Result<Tensor<std::int32_t>> integer_forward(const quantizer::IntegerNetwork& network, const Tensor<std::uint8_t>& images);

}  // namespace dyad::training
