/// \file Reference model of rtl/bit_serial_array.sv, and the order in which bit planes are presented to it.
#pragma once

#include "dyad/cosim/reference/bit_serial_dpu.hpp"

namespace dyad::cosim::reference {

/// One step of a bit-serial product.
struct PlanePair {
  int activation, weight;  ///< plane numbers, 0 is the lowest
  bool shift;              ///< first pair of a diagonal other than the first: the accumulators double before it
};

/// All pairs of planes: diagonals activation + weight from the highest to 0, inside a diagonal the activation plane from high to low.
std::vector<PlanePair> plane_order(int activation_bits, int weight_bits);

/// Whether products of two planes are subtracted: exactly one of them is the sign plane of a signed operand.
inline bool plane_pair_negative(const PlanePair& pair, int activation_bits, bool activation_signed, int weight_bits, bool weight_signed) {
  return (activation_signed && pair.activation == activation_bits - 1) != (weight_signed && pair.weight == weight_bits - 1);
}

/// rows x columns dot-product units and a sum of activations for each row.
class BitSerialArray {
 public:
  static constexpr int kLatency = 4;

  struct Inputs {
    bool reset = false, valid = false, first = false, shift = false, negate = false, sum = false, sum_negate = false, capture = false;
    PackedBits activations, weights;  ///< rows * depth and columns * depth bits
  };

  BitSerialArray(int rows, int columns, int depth)
      : rows_(rows),
        columns_(columns),
        depth_(depth),
        pipeline_(static_cast<std::size_t>(rows * columns), static_cast<std::size_t>(rows)) {}
  int rows() const { return rows_; }
  int columns() const { return columns_; }
  int word_bits() const { return depth_; }

  bool out_valid() const { return pipeline_.out_valid(); }
  const std::vector<std::uint32_t>& out_acc() const { return pipeline_.out_acc(); }
  const std::vector<std::uint32_t>& out_sum() const { return pipeline_.out_sum(); }
  void clock(const Inputs& in);

 private:
  int rows_, columns_, depth_;
  ArrayPipeline<kLatency - 1> pipeline_;
};

}  // namespace dyad::cosim::reference
