/// \file Drives a Verilated bit_serial_dpu and its reference model side by side.
#pragma once

#include "checks/array_check.hpp"
#include "dyad/cosim/reference/bit_serial_dpu.hpp"

namespace dyad::cosim {

/// `options.cases` pairs with random gaps, controls and resets; the accumulator is compared in every cycle.
template <class Model>
Check check_bit_serial_dpu(const CheckOptions& options, int depth) {
  return compare_dot<Model>("bit_serial_dpu", options, reference::BitSerialDpu(depth), depth,
                            [depth](Dut<Model>& dut, reference::BitSerialDpu::Inputs& in, Random& random) {
                              in.shift = random.below(3) == 0;
                              in.negate = random.below(3) == 0;
                              fill_operands(in.activations, random.coin() ? depth : 8, random);
                              fill_operands(in.weights, random.coin() ? depth : 8, random);
                              dut->in_shift_i = in.shift;
                              dut->in_negate_i = in.negate;
                            });
}

}  // namespace dyad::cosim
