/// \file Corner-heavy vectors for RTL: ties, saturation edges, extreme multipliers and shifts. The shares are in docs/workflow/vectors.md.
#pragma once

#include "dyad/workflow/vectors.hpp"

namespace dyad::workflow {

/// What the module under test can hold; the defaults are those of rtl/dyadic_requantizer.sv.
struct VectorRequest {
  VectorOp op = VectorOp::kRequantize;  ///< kRequantize, kResidualAdd or kAveragePool
  Rounding rounding = Rounding::kHalfUp;
  AverageRounding average_rounding = AverageRounding::kHalfUp;
  BitWidth out{8, true};
  BitWidth in{16, true};          ///< average_pool: of the values
  int acc_bits = 32;              ///< 8 to 32
  int multiplier_bits = 32;       ///< 8 to 32, signed
  int most_shift = 62;            ///< 8 to 62
  bool zero_points = true;        ///< false: all are 0
  std::int64_t most_window = 64;  ///< average_pool: values in a window
  std::int64_t cases = 10'000;
  std::uint64_t seed = 1;
};

/// One operation a case. The same for the same request on every machine; expected values by the definition in base/dyadic.hpp.
/// An Error when the request contradicts itself.
Result<VectorFile> generate_vectors(const VectorRequest& request);

}  // namespace dyad::workflow
