/// \file Float evaluation of a calibrated network with some of its tensors rounded to integers: what a choice of bits does to the logits.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/post_training.hpp"

namespace dyad::quantizer {

/// One layer with its weights, its input, or both quantized to 2 to 8 bits; everything else stays float.
struct LayerProbe {
  network::NodeId layer = 0;  ///< one of CalibratedNetwork::layers()
  std::optional<int> weight_bits;
  std::optional<int> input_bits;
};

/// Distance of quantized from float logits over a set of images.
struct LogitsError {
  double mse = 0;  ///< mean over images and classes of the squared difference
  double kl = 0;   ///< mean over images of KL(softmax(float) || softmax(quantized)), in nats
};

/// The error of each probe on the images, in the order of `probes`. The float tensors before the probed layer are computed once and
/// shared; only what depends on the layer is evaluated again. Parallel over images; the result does not depend on the number of threads.
Result<std::vector<LogitsError>> probe_errors(const CalibratedNetwork& network, const network::Dataset& images,
                                              std::span<const LayerProbe> probes);

/// Float logits (N, classes) of the folded network.
Tensor<float> evaluate_float(const CalibratedNetwork& network, const network::Dataset& images);
/// Logits (N, classes) with every weighted layer at its bits of the assignment, carriers at the options' residual bits,
/// biases corrected when the options say so: the float twin of the integer network of `quantize`.
Result<Tensor<float>> evaluate_quantized(const CalibratedNetwork& network, const BitAssignment& assignment, const network::Dataset& images);

/// Mean squared difference and mean KL divergence of two sets of logits (N, classes).
LogitsError logits_error(const Tensor<float>& reference, const Tensor<float>& quantized);
/// Percent of images whose largest logit (the first among equals) is at the label.
double top1_percent(const Tensor<float>& logits, std::span<const std::int32_t> labels);

}  // namespace dyad::quantizer
