/// \file How one layer's weights become integers in training, by scheme.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/training/quantization_aware.hpp"
#include "fake_quantizers.hpp"

namespace dyad::training {

/// Integers and their steps: weight as the layer uses it = integers * steps[k].
struct WeightIntegers {
  at::Tensor integers;  ///< (K, ...) float32, differentiable in the weight
  at::Tensor steps;     ///< (K)
};

class WeightQuantizer {
 public:
  WeightQuantizer() = default;
  /// `first_steps` (K) are used by kLsq only. A batch norm behind the layer absorbs the deviation that the normalized schemes divide by;
  /// without one it is multiplied back. In these schemes layers of more bits than APoT has (8-bit first and last layers) follow kHawq.
  WeightQuantizer(QuantizationScheme scheme, int bits, double percentile, bool has_batch_norm, const std::vector<float>& first_steps);

  /// Learned numbers with their names: "weight_step" (K) of LSQ, "weight_alpha" (1) of the normalized schemes.
  std::vector<std::pair<std::string, at::Tensor>> learned() const;
  /// The weight that the layer uses in training, differentiable in the weight and in what is learned.
  at::Tensor quantize(const at::Tensor& weight) const;
  /// Its integers; what is learned counts as constant.
  WeightIntegers integers(const at::Tensor& weight) const;
  /// Mean and deviation of the weights don't matter.
  bool is_normalized() const { return scheme_ == QuantizationScheme::kUniform || scheme_ == QuantizationScheme::kApot; }
  /// Bits of a two's complement format that holds every integer.
  int stored_bits() const;

 private:
  /// Weights in steps with the scheme's gradients, unrounded but saturated; `step` (K or 1) may be differentiable.
  struct Scaled {
    at::Tensor values, step, passed;  ///< passed: what saturation cut off, when its gradient passes all the same; else undefined
  };
  Scaled scaled(const at::Tensor& weight) const;
  at::Tensor rounded(const Scaled& s) const;
  at::Tensor nearest(const at::Tensor& values) const;

  QuantizationScheme scheme_ = QuantizationScheme::kLsq;
  int bits_ = 8;
  double percentile_ = 0;
  bool has_batch_norm_ = false;
  Levels levels_;
  at::Tensor learned_;
  at::Tensor numerators_, midpoints_;  ///< kApot: levels from 0, and the middles between them
};

}  // namespace dyad::training
