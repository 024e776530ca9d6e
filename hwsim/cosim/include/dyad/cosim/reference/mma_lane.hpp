/// \file Reference model of rtl/mma_lane.sv.
#pragma once

#include <cstdint>

#include "dyad/cosim/reference/mma_dot.hpp"

namespace dyad::cosim::reference {

/// Sum of the products of the elements of two bytes.
inline std::int64_t mma_lane_sum(std::uint8_t activation, std::uint8_t weight, const MmaFormat& format) {
  PackedBits a(8), w(8);
  a.set(0, 8, activation);
  w.set(0, 8, weight);
  return mma_dot_product(a, 0, w, 0, 8, format);
}

}  // namespace dyad::cosim::reference
