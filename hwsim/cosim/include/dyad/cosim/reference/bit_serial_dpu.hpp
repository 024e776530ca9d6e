/// \file Reference model of rtl/bit_serial_dpu.sv.
#pragma once

#include <optional>

#include "dyad/cosim/packed_bits.hpp"
#include "dyad/cosim/reference/array_pipeline.hpp"

namespace dyad::cosim::reference {

/// Positions from the offsets on, `depth` of them, where both words have a 1.
std::uint32_t count_common_ones(const PackedBits& a, std::int64_t a_offset, const PackedBits& b, std::int64_t b_offset, int depth);

/// One dot-product unit: acc = (first ? 0 : shift ? 2 * acc : acc) +- count of common ones, modulo 2^32.
class BitSerialDpu {
 public:
  static constexpr int kLatency = 3;  ///< a pair of cycle t is part of acc() from cycle t + kLatency on

  struct Inputs {
    bool reset = false, valid = false, first = false, shift = false, negate = false;
    PackedBits activations, weights;
  };

  explicit BitSerialDpu(int depth) : depth_(depth) {}
  std::uint32_t acc() const { return pipeline_.acc()[0]; }
  void clock(const Inputs& in);

 private:
  int depth_;
  ArrayPipeline<kLatency - 1> pipeline_{1, 0};
};

}  // namespace dyad::cosim::reference
