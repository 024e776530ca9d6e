/// \file Drives a Verilated apot_dot and its reference model side by side.
#pragma once

#include "checks/array_check.hpp"
#include "dyad/cosim/reference/apot_dot.hpp"

namespace dyad::cosim {

/// `options.cases` pairs with random gaps, signedness and resets; the accumulator is compared in every cycle.
template <class Model>
Check check_apot_dot(const CheckOptions& options, int word_bits) {
  return compare_dot<Model>("apot_dot", options, reference::ApotDot(word_bits), word_bits,
                            [](Dut<Model>& dut, reference::ApotDot::Inputs& in, Random& random) {
                              in.activation_signed = random.coin();
                              fill_operands(in.activations, 8, random);
                              fill_operands(in.weights, 8, random);
                              dut->in_activation_signed_i = in.activation_signed;
                            });
}

}  // namespace dyad::cosim
