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

/// clamp(sum over sources of requantization(value)), stored in the output's format.
class Epilogue {
 public:
  /// One or two requantizations for `columns` columns; the ratios of each are 1 or `columns`. They must outlive this.
  Epilogue(const SimdKernels& kernels, std::vector<const Requantization*> requantizations, std::int64_t columns, OutputRange range,
           BitWidth output);

  /// Rows of columns [first_column, first_column + columns); out_stride in bytes. first_column is a multiple of 16.
  void apply(std::span<const EpilogueSource> sources, std::int64_t first_column, std::int64_t rows, std::int64_t columns, void* out,
             std::int64_t out_stride) const;

 private:
  struct Columns {
    std::vector<std::int64_t> multiplier, shift, nudge, mask;
  };
  template <typename Out>
  void apply_by_definition(std::span<const EpilogueSource> sources, std::int64_t first_column, std::int64_t rows, std::int64_t columns,
                           void* out, std::int64_t out_stride) const;

  std::vector<const Requantization*> requantizations_;
  std::array<Columns, 2> columns_;
  OutputRange range_;
  Storage storage_;
  std::int64_t zero_point_ = 0;
  Rescale rescale_ = nullptr;  ///< null: a rounding that only the definition does
};

}  // namespace dyad::kernels
