/// \file From a folded network and a number for everything that rounds to an integer network. Post-training quantization, trained
/// quantization and imported checkpoints all end here.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/dyadic.hpp"
#include "dyad/base/level_set.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/integer_network.hpp"

namespace dyad::quantizer {

/// An integer format with its step: real value = integer * scale. With levels the integers are those of the set, `format` is
/// level_format(levels, ...) and the step is that of one unit: the clipping threshold over the largest magnitude.
struct ScaledFormat {
  BitWidth format;
  float scale = 1;
  LevelSet levels = {};
  bool operator==(const ScaledFormat&) const = default;
};

/// Integers (K, R, S, C / groups) and one step per output channel.
struct QuantizedWeights {
  Tensor<std::int8_t> values;
  std::vector<float> scales;
  LevelSet levels = {};                        ///< not uniform: every integer is a level with its sign
  std::vector<std::int32_t> zero_points = {};  ///< one per output channel, subtracted from its integers; empty: zero
};

/// The numbers of one convolution or fully connected layer.
struct LayerNumbers {
  LayerBits bits;
  QuantizedWeights weights;  ///< two's complement of `bits.weight`; levels have `bits.weight` - 1 magnitude bits
  std::vector<float> bias;   ///< one real number per output channel
  ScaledFormat input;        ///< of the tensor that it reads; layers that read one tensor may differ
};

/// Everything that rounding needs beside the graph.
struct NetworkNumbers {
  std::map<network::NodeId, LayerNumbers> layers;  ///< every convolution and fully connected layer
  std::vector<ScaledFormat> carriers;              ///< by node: the wide format of its tensor where several kinds of reader want it
};

/// How integers are rounded.
struct LoweringOptions {
  Rounding rounding = Rounding::kHalfUp;
  RequantizationForm form = RequantizationForm::kNormalized;
  AverageRounding average = AverageRounding::kHalfUp;
  /// Ratios in float64, and what the rounding of a bias leaves in the offsets of the requantization behind it. `rounding` is kHalfUp or
  /// kFloor.
  bool exact_affine = false;
};

/// The integer network. `folded` has no batch norms left and its shapes are inferred; its own weights are not read.
/// A tensor of levels is decided by one floor rounding to half steps (base/level_set.hpp), whatever the rounding of the others.
/// A channel whose weights are so small that its bias would not fit gets a coarser step. Errors name an operation without an integer
/// form, a layer whose ratios don't fit, or one whose accumulator could overflow.
Result<IntegerNetwork> lower(const network::Network& folded, const network::Normalization& normalization, const NetworkNumbers& numbers,
                             const LoweringOptions& options);

}  // namespace dyad::quantizer
