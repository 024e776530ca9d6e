/// \file Quantization-aware training: epochs with live batch norms, then epochs through the integer network
/// (docs/training/quantization_aware.md).
#pragma once

#include "dyad/training/quantization_aware.hpp"

namespace dyad::training {

/// Options are checked and complete (threads >= 1).
Result<QuantizationAwareResult> run_quantized_training(const network::Network& network, const network::Dataset& train_images,
                                                       const network::Dataset& test_images, const network::Normalization& normalization,
                                                       const QuantizationAwareOptions& options);

/// int32 logits (N, classes) of the images.
Tensor<std::int32_t> run_integer_forward(const quantizer::IntegerNetwork& network, const Tensor<std::uint8_t>& images);

}  // namespace dyad::training
