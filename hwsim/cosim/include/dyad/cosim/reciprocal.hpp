/// \file The exact reciprocal with which rtl/average_pool.sv divides.
#pragma once

#include <bit>
#include <cstdint>

#include "dyad/base/dyadic.hpp"

namespace dyad::cosim {

struct Reciprocal {
  std::uint64_t multiplier = 0;
  int shift = 0;
};

/// ceil(2^shift / d) with shift = 40 + ceil(log2 d), d = 2 count (half_up, half_away), count (floor) or 100 count (hawq). With it,
/// floor(x * multiplier / 2^shift) = floor(x / d) for all 0 <= x < 2^40. count from 1 to 65,535.
/// Source: Granlund and Montgomery, Division by Invariant Integers using Multiplication, PLDI 1994, theorem 4.2.
constexpr Reciprocal reciprocal_of(std::int64_t count, AverageRounding rounding) {
  const auto d = static_cast<std::uint64_t>(count) *
                 (rounding == AverageRounding::kFloor ? 1 : rounding == AverageRounding::kHawq ? 100 : 2);
  const int shift = 40 + std::bit_width(d - 1);
  return {static_cast<std::uint64_t>(((static_cast<__uint128_t>(1) << shift) + d - 1) / d), shift};
}

/// The parameter Rounding of rtl/average_pool.sv.
constexpr int average_rounding_parameter(AverageRounding rounding) {
  switch (rounding) {
    case AverageRounding::kHalfUp: return 0;
    case AverageRounding::kHalfAway: return 1;
    case AverageRounding::kFloor: return 2;
    case AverageRounding::kHawq: return 3;
  }
  return 0;
}

}  // namespace dyad::cosim
