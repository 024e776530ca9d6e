/// \file Cross-layer equalization: weights of neighbouring layers brought to like ranges without changing the network's function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"

namespace dyad::quantizer {

struct EqualizationOptions {
  int passes = 20;           ///< over all pairs, at most
  double tolerance = 1e-3;   ///< stop when a pass changes no factor by more than this
  float clip_margin = 2.0f;  ///< a channel behind ReLU6 stays this far below 6, before and after, or is not scaled
};

/// A layer whose output channels were scaled, and the layer that takes the factors back.
struct EqualizedPair {
  std::string first, second;
  /// Mean over the channels of (r1_i / max r1) (r2_i / max r2), in (0, 1]: what the method raises (equation 8).
  double precision_before = 0, precision_after = 0;
  std::int64_t scaled_channels = 0;
};

struct EqualizationReport {
  std::vector<EqualizedPair> pairs;  ///< execution order
  int passes = 0;
};

/// Scales channel i between two layers by s_i = sqrt(r1_i / r2_i), r1 = max |W1| of the output channel and r2 = max |W2| of the input
/// channel: W1, b1 / s_i and W2 * s_i. Pairs: a convolution, then an activation and pooling that nobody else reads, then one
/// convolution (depthwise too) or fully connected layer. Behind ReLU or nothing the function stays the same exactly but for float
/// rounding; ReLU6 is not homogeneous, so its channels are scaled only where no calibration image brings them near 6.
/// `folded` has weights, no batch norms and its shapes are inferred. Source: Nagel et al. 2019, "Data-Free Quantization Through Weight
/// Equalization and Bias Correction", section 4.1.
Result<EqualizationReport> equalize(network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
                                    const EqualizationOptions& options = {});

}  // namespace dyad::quantizer
