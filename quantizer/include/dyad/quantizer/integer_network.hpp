/// \file An integer-only network: layers in execution order, tensors by index, and its file format (.dyad).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/integer_layer.hpp"
#include "dyad/base/result.hpp"

namespace dyad::quantizer {

/// How u8 pixels become the first integers: q = clamp(rhe((u8 / 255 - mean[c]) / stddev[c] / scale)), by table [channel][u8].
struct InputQuantization {
  std::int64_t height = 0, width = 0, channels = 0;
  BitWidth format{8, true};
  float scale = 0;
  std::vector<float> mean, stddev;
  Tensor<std::int32_t> table;  ///< (channels, 256), made from the above; the file stores it, so kernels never compute floats

  /// Fills `table`: ((v / 255 - mean) / stddev) * (1 / scale) in float32, ties to even, saturated.
  void make_table();
};

/// Layer i writes tensor i + 1; tensor 0 is the quantized input. The last layer writes the int32 logits.
struct IntegerNetwork {
  std::string name;
  InputQuantization input;
  std::vector<IntegerLayer> layers;
  std::vector<std::vector<int>> inputs;  ///< tensor indices that each layer reads
  std::vector<double> output_scales;     ///< real value of one step of each logit: 1 or classes
  BitAssignment assignment;              ///< bits of every weighted layer

  std::int64_t classes() const { return layers.back().shape.out_channels; }
};

/// Checks everything that a backend relies on: formats, geometry, indices, sizes of weights and ratios, multipliers and shifts.
/// `place` names the network in errors, which point to "<place>:/layers/<index>/...".
Result<void> validate(const IntegerNetwork& network, const std::string& place);

/// Bounds of every partial sum of one output channel's accumulator, in any order of summation, over all inputs of the layer's
/// format, or of its level set.
struct AccumulatorBounds {
  std::int64_t lowest = 0, highest = 0;
};
/// For kConv (one per output channel) and kAveragePool (one: the window's sum); empty for other operations.
std::vector<AccumulatorBounds> accumulator_bounds(const IntegerLayer& layer);

/// Proves from the weights that no accumulator can leave int32 whatever the input; an Error names the first layer that could.
Result<void> prove_no_overflow(const IntegerNetwork& network);

/// .dyad: safetensors whose header's metadata holds the schema dyad.integer_network/2 (docs/quantizer/integer_network.md).
Result<void> save(const IntegerNetwork& network, const std::filesystem::path& file);
Result<IntegerNetwork> load_integer_network(const std::filesystem::path& file);

}  // namespace dyad::quantizer
