/// \file Reference models of rtl/systolic_array.sv, one for each dataflow.
#pragma once

#include "dyad/cosim/packed_bits.hpp"
#include "dyad/cosim/reference/delayed_results.hpp"

namespace dyad::cosim::reference {

struct SystolicSize {
  int rows = 1, columns = 1, activation_width = 8, weight_width = 8;

  /// Cycles from a capture, or from a word of activations, to its result.
  int latency() const { return rows + columns + 1; }
  /// Captures of the output stationary array are at least so many cycles apart.
  int capture_distance() const { return rows + columns - 1; }
};

/// Accumulators in place; operands pass by.
class OutputStationaryArray {
 public:
  struct Inputs {
    bool reset = false, valid = false, first = false, capture = false, activation_signed = false, weight_signed = false;
    PackedBits activations, weights;  ///< rows * activation_width and columns * weight_width bits
  };

  /// A reset makes all sums 0, so that a job may go without a first word after it.
  static constexpr bool kResetsSums = true;

  explicit OutputStationaryArray(const SystolicSize& size);
  std::int64_t activation_bits() const { return std::int64_t{size_.rows} * size_.activation_width; }
  std::int64_t weight_bits() const { return std::int64_t{size_.columns} * size_.weight_width; }
  const SystolicSize& size() const { return size_; }
  /// A capture in this cycle is far enough from the one before.
  bool can_capture() const { return since_capture_ >= size_.capture_distance(); }

  bool out_valid() const { return results_.out_valid(); }
  const std::vector<std::uint32_t>& out_acc() const { return results_.out_acc(); }
  const std::vector<std::uint32_t>& out_sum() const { return results_.out_sum(); }
  void clock(const Inputs& in);

 private:
  SystolicSize size_;
  ArrayResult sums_;
  DelayedResults results_;
  int since_capture_;
};

/// Weights in place, in two sets; activations and partial sums pass by.
class WeightStationaryArray {
 public:
  struct Inputs {
    bool reset = false, valid = false, first = false, load = false, activation_signed = false, weight_signed = false;
    int load_row = 0;
    PackedBits activations, weights;  ///< rows * activation_width and columns * weight_width bits
  };

  explicit WeightStationaryArray(const SystolicSize& size);
  const SystolicSize& size() const { return size_; }
  /// The weights of every row were loaded since reset; before that the first vector has none to use.
  bool loaded() const;

  bool out_valid() const { return results_.out_valid(); }
  const std::vector<std::uint32_t>& out_acc() const { return results_.out_acc(); }
  const std::vector<std::uint32_t>& out_sum() const { return results_.out_sum(); }
  void clock(const Inputs& in);

 private:
  SystolicSize size_;
  std::vector<PackedBits> loaded_, used_;  // by row
  std::vector<bool> row_loaded_;
  DelayedResults results_;
};

}  // namespace dyad::cosim::reference
