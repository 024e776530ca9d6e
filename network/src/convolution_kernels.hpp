// Innermost loops of float convolution, one set for each instruction set, chosen at run time.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace dyad::network {

/// A tile of neighbouring output pixels times a panel of output channels. The products of one output are summed in the order
/// (tap, input channel), starting from the bias, so the result does not depend on the tile's place or size.
struct ConvolutionTile {
  const float* const* pixels = nullptr;  ///< (taps, rows): where the window's tap begins for each pixel
  std::int64_t taps = 0;
  std::int64_t offset = 0;         ///< added to every pixel pointer, in elements
  std::int64_t channels = 0;       ///< input channels read at each tap
  const float* weights = nullptr;  ///< (taps, channels, panel), padded with zeros to whole vectors
  const float* bias = nullptr;     ///< (panel)
  float* out = nullptr;            ///< first output channel of the first pixel
  std::int64_t out_stride = 0;     ///< elements from one output pixel to the next
  std::int64_t out_channels = 0;   ///< channels to store: 1 to the panel's
};

using ConvolutionKernel = void (*)(const ConvolutionTile&);

constexpr int kMaxTileRows = 8;
constexpr int kMaxPanelVectors = 2;

struct ConvolutionKernels {
  std::string_view name;  ///< "avx512", "avx2" or "baseline"
  int lanes;              ///< floats in a vector
  int max_rows;           ///< pixels of the largest tile
  bool fused;             ///< multiply-add with one rounding
  /// dense[rows - 1][vectors - 1]: every output channel sums all input channels.
  ConvolutionKernel dense[kMaxTileRows][kMaxPanelVectors];
  /// depthwise[rows - 1]: output channel c sums taps of input channel c; weights (taps, channels), any number of channels.
  ConvolutionKernel depthwise[kMaxTileRows];
};

/// Those that this processor runs, fastest first; the last is `baseline`, which every processor runs.
std::span<const ConvolutionKernels* const> convolution_kernels();

}  // namespace dyad::network
