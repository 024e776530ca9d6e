/// \file What rtl/average_divider.sv needs to divide by a count: the exact reciprocal, the offsets of the rounding, and the sums it is for.
#pragma once

#include <cstdint>
#include <optional>

#include "dyad/base/dyadic.hpp"

namespace dyad::cosim {

/// round(sum / count) as (dividend * multiplier) >> shift. For a dividend x in [0, 2^31) the quotient is floor(x / count) exactly:
/// multiplier * count = 2^shift + e with 0 <= e < count <= 2^(shift - 31), so x * e < 2^shift (docs/rtl/average_divider.md).
struct AverageReciprocal {
  std::uint32_t multiplier = 0;       ///< ceil(2^shift / count)
  int shift = 31;                     ///< 31 + ceil(log2(count))
  std::uint16_t offset = 0;           ///< half modes: floor(count / 2); hawq: floor(count / 100)
  std::uint16_t negative_offset = 0;  ///< hawq: max(1, ceil(count / 100))
  std::int64_t largest_sum = 0;       ///< the result equals integer_average for every sum of this magnitude or less
};

constexpr std::int64_t kLargestAverageCount = 65536;

/// The reciprocal for windows of `count` elements; nothing unless 1 <= count <= 65536.
/// kHawq is a float32 division in software: largest_sum is where its rounding first shows, found by trying every sum at which a result
/// changes (at most 2^24, where float32 stops holding integers).
std::optional<AverageReciprocal> average_reciprocal(std::int64_t count, AverageRounding rounding);

}  // namespace dyad::cosim
