/// \file Reference model of rtl/apot_array.sv.
#pragma once

#include "dyad/cosim/reference/apot_dot.hpp"

namespace dyad::cosim::reference {

/// rows x columns dot-product units of 8-bit activations and weight codes, and a sum of activations for each row.
class ApotArray {
 public:
  static constexpr int kLatency = 4;

  struct Inputs {
    bool reset = false, valid = false, first = false, activation_signed = false, sum = false, capture = false;
    PackedBits activations, weights;  ///< rows * word_bits and columns * word_bits bits
  };

  ApotArray(int rows, int columns, int word_bits)
      : rows_(rows),
        columns_(columns),
        word_bits_(word_bits),
        pipeline_(static_cast<std::size_t>(rows * columns), static_cast<std::size_t>(rows)) {}
  int rows() const { return rows_; }
  int columns() const { return columns_; }
  int word_bits() const { return word_bits_; }

  bool out_valid() const { return pipeline_.out_valid(); }
  const std::vector<std::uint32_t>& out_acc() const { return pipeline_.out_acc(); }
  const std::vector<std::uint32_t>& out_sum() const { return pipeline_.out_sum(); }
  void clock(const Inputs& in);

 private:
  int rows_, columns_, word_bits_;
  ArrayPipeline<kLatency - 1> pipeline_;
};

}  // namespace dyad::cosim::reference
