/// \file A copy of images with their padding written out, in the element type that a convolution kernel multiplies.
#pragma once

#include <vector>

#include "dyad/base/integer_layer.hpp"
#include "simd_kernels.hpp"

namespace dyad::kernels {

/// (padded H, padded W, C) per image. kBytes4: a + 128 of signed inputs, unsigned ones as they are. kWords2: int16.
class PaddedInput {
 public:
  PaddedInput(const IntegerLayer& layer, Packing packing);

  std::int64_t element_bytes() const { return packing_ == Packing::kBytes4 ? 1 : 2; }
  std::int64_t row_bytes() const { return width_ * channels_ * element_bytes(); }
  std::int64_t image_bytes() const { return height_ * row_bytes(); }
  /// Bytes from an image's start to the window of every output position, row by row.
  std::vector<std::int64_t> position_offsets() const;
  /// What is added to every element: 128 for signed inputs in kBytes4.
  std::int32_t offset() const { return offset_; }
  /// The tensor's own bytes serve: nothing to convert or pad.
  bool is_input_itself() const { return itself_; }
  /// Copies images [first, first + count) to `buffer`, which it resizes so that 64 bytes past the end can be read.
  void copy(const IntegerTensor& input, std::int64_t first, std::int64_t count, std::vector<std::uint8_t>& buffer) const;

 private:
  const LayerShape& shape_;
  Packing packing_;
  std::int64_t height_, width_, channels_;
  std::int32_t offset_, padding_;
  bool itself_;
};

}  // namespace dyad::kernels
