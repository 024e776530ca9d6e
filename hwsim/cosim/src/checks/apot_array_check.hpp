/// \file Drives a Verilated apot_array and its reference model side by side.
#pragma once

#include "checks/array_check.hpp"
#include "dyad/cosim/reference/apot_array.hpp"

namespace dyad::cosim {

/// Pairs of random activations and codes.
class ApotArrayStimulus : public ArrayStimulus<reference::ApotArray> {
 public:
  explicit ApotArrayStimulus(std::uint64_t seed) : random_(seed) {}

  void next(reference::ApotArray::Inputs& in, bool restart) {
    in.first = restart || random_.below(16) == 0;
    in.activation_signed = random_.coin();
    in.sum = random_.coin();
    fill_operands(in.activations, 8, random_);
    fill_operands(in.weights, 8, random_);
  }
  template <class Model>
  void drive(Dut<Model>& dut, const reference::ApotArray::Inputs& in) const {
    dut->in_first_i = in.first;
    dut->in_activation_signed_i = in.activation_signed;
    dut->in_sum_i = in.sum;
    set_port(dut->in_activations_i, in.activations);
    set_port(dut->in_weights_i, in.weights);
  }

 private:
  Random random_;
};

/// `options.cases` captured results; every output is compared in every cycle.
template <class Model>
Check check_apot_array(const CheckOptions& options, int rows, int columns, int word_bits) {
  return compare_array<Model>("apot_array", options, reference::ApotArray(rows, columns, word_bits), ApotArrayStimulus(options.seed));
}

}  // namespace dyad::cosim
