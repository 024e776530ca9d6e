/// \file Drives a Verilated mma_dot and its reference model side by side.
#pragma once

#include "checks/array_check.hpp"
#include "dyad/cosim/reference/mma_dot.hpp"

namespace dyad::cosim {

/// `options.cases` pairs with random gaps, formats and resets; the accumulator is compared in every cycle.
template <class Model>
Check check_mma_dot(const CheckOptions& options, int word_bits) {
  return compare_dot<Model>("mma_dot", options, reference::MmaDot(word_bits), word_bits,
                            [](Dut<Model>& dut, reference::MmaDot::Inputs& in, Random& random) {
                              in.format.mode = static_cast<int>(random.below(4));
                              in.format.activation_signed = random.coin();
                              in.format.weight_signed = random.coin();
                              fill_operands(in.activations, 8, random);
                              fill_operands(in.weights, 8, random);
                              dut->in_mode_i = static_cast<std::uint8_t>(in.format.mode);
                              dut->in_activation_signed_i = in.format.activation_signed;
                              dut->in_weight_signed_i = in.format.weight_signed;
                            });
}

}  // namespace dyad::cosim
