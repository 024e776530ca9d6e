/// \file Reference model of rtl/fusion_array.sv.
#pragma once

#include "dyad/cosim/packed_bits.hpp"
#include "dyad/cosim/reference/delayed_results.hpp"
#include "dyad/cosim/reference/fusion_unit.hpp"

namespace dyad::cosim::reference {

/// rows x columns fusion units: one output row, `columns` dot products, and the sum of the activations.
class FusionArray {
 public:
  /// Cycles from a capture to its result.
  static constexpr int latency(int rows, int columns) { return rows + columns + 2; }

  struct Inputs {
    bool reset = false, valid = false, first = false, sum = false, capture = false;
    FusionFormat format;
    PackedBits activations, weights;  ///< rows * 32 bits, and rows * columns * 32 bits: word r * columns + c
  };

  FusionArray(int rows, int columns)
      : rows_(rows),
        columns_(columns),
        sums_{std::vector<std::uint32_t>(static_cast<std::size_t>(columns)), {0}},
        results_(latency(rows, columns), static_cast<std::size_t>(columns), 1) {}
  std::int64_t activation_bits() const { return std::int64_t{rows_} * 32; }
  std::int64_t weight_bits() const { return std::int64_t{rows_} * columns_ * 32; }
  bool can_capture() const { return true; }

  bool out_valid() const { return results_.out_valid(); }
  const std::vector<std::uint32_t>& out_acc() const { return results_.out_acc(); }
  const std::vector<std::uint32_t>& out_sum() const { return results_.out_sum(); }
  void clock(const Inputs& in);

 private:
  int rows_, columns_;
  ArrayResult sums_;
  DelayedResults results_;
};

}  // namespace dyad::cosim::reference
