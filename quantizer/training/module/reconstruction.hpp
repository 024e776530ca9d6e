/// \file AdaRound and block reconstruction (docs/quantizer/reconstruction.md).
#pragma once

#include "dyad/training/reconstruction.hpp"

namespace dyad::training {

/// Options are checked and complete (threads >= 1, 1 <= images <= those of the data set).
Result<Reconstruction> learn_numbers(const network::Network& folded, const network::Dataset& images,
                                     const network::Normalization& normalization, const quantizer::NetworkNumbers& numbers,
                                     const ReconstructionOptions& options);

/// Logits (N, classes) with these numbers, all rounded.
Result<Tensor<float>> quantized_logits(const network::Network& folded, const network::Dataset& images,
                                       const network::Normalization& normalization, const quantizer::NetworkNumbers& numbers,
                                       Rounding rounding);

}  // namespace dyad::training
