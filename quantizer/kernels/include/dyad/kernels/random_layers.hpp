/// \file Layers that every backend must compute alike: random ones over every operation, format, rounding and window, biased toward
/// extremes, and the hardest ones. The tests and `dyad verify kernels` draw from here.
#pragma once

#include <string>
#include <vector>

#include "dyad/base/integer_layer.hpp"

namespace dyad::kernels {

/// A layer and tensors to run it on; accumulators fit int32 by construction.
struct RandomLayer {
  IntegerLayer layer;
  std::vector<IntegerTensor> inputs;

  std::vector<const IntegerTensor*> pointers() const;
  /// A tensor of the output's shape and format.
  IntegerTensor output() const;
};

/// The same layer for the same (seed, index) on every machine.
RandomLayer random_layer(std::uint64_t seed, std::uint64_t index);

/// A square convolution of a constant image (its padding too) and constant weights, batch 2.
RandomLayer constant_conv(std::int64_t extent, std::int64_t in, std::int64_t out, int kernel, BitWidth input, std::int32_t a, std::int8_t w,
                          bool requantize);
/// constant_conv at both ends of every operand, with channels on both sides of every tile. 255 * -128 everywhere is where
/// 16-bit saturation (vpmaddubsw) goes wrong: 4 * 255 * 128 = 130,560.
std::vector<RandomLayer> extreme_convs();
/// For each rounding: every product that a requantizer can meet around a tie, one ratio a channel, every shift.
std::vector<RandomLayer> tie_layers();

/// "random 1/7 (conv) 1x9x9x3 -> 4x4x16": what a failing test prints.
std::string describe(const IntegerLayer& layer);

}  // namespace dyad::kernels
