/// \file Requantization of int32 rows as the SIMD kernels take it: ratios spread over columns, ties as a nudge and a mask.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "dyad/base/integer_layer.hpp"
#include "layer_checks.hpp"
#include "simd_kernels.hpp"

namespace dyad::kernels {

/// int32 rows that an epilogue reads; readable up to a multiple of 16 columns.
struct EpilogueSource {
  const std::int32_t* values;
  std::int64_t stride;  ///< elements between rows
};

/// clamp(sum over sources of requantization(value)), or its level where the output has levels, stored in the output's format.
class Epilogue {
 public:
  /// One or two requantizations of `layer` for `columns` columns; the ratios of each are 1 or `columns`. They must outlive this.
  /// The range is output_range() at the sum of their zero points.
  Epilogue(const SimdKernels& kernels, const IntegerLayer& layer, std::vector<const Requantization*> requantizations, std::int64_t columns);

  /// Rows of columns [first_column, first_column + columns); out_stride in bytes. first_column is a multiple of 16.
  void apply(std::span<const EpilogueSource> sources, std::int64_t first_column, std::int64_t rows, std::int64_t columns, void* out,
             std::int64_t out_stride) const;

 private:
  struct Columns {
    std::vector<std::int64_t> multiplier, shift, nudge, mask;
  };
  void rescale(std::span<const EpilogueSource> sources, std::int64_t first_column, std::int64_t rows, std::int64_t columns, void* out,
               std::int64_t out_stride) const;
  template <typename Out>
  void apply_by_definition(std::span<const EpilogueSource> sources, std::int64_t first_column, std::int64_t rows, std::int64_t columns,
                           void* out, std::int64_t out_stride) const;

  std::vector<const Requantization*> requantizations_;
  std::array<Columns, 2> columns_;
  OutputRange range_;
  LevelTable levels_;  ///< empty: the output is uniform
  Storage output_;     ///< of the output
  Storage storage_;    ///< of what the rescaling writes: the output, or half steps of a level
  std::int64_t zero_point_ = 0;
  Rescale rescale_ = nullptr;  ///< null: a rounding that only the definition does
};

}  // namespace dyad::kernels
