/// \file Drives a Verilated apot_pe and its reference side by side.
#pragma once

#include "dyad/cosim/check.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/apot_pe.hpp"

namespace dyad::cosim {

/// `options.cases` inputs; all 2^17 (activation, signedness, code) in an order that mixes them, again from the start after that.
template <class Model>
Check check_apot_pe(const CheckOptions& options) {
  Check check{"apot_pe", 0, 0, ""};
  Dut<Model> dut(options.mutant);
  for (; check.cases < options.cases; ++check.cases) {
    const std::uint64_t input =
        (static_cast<std::uint64_t>(check.cases) + options.seed) * 0x1357Bu & 0x1ffffu;  // an odd factor: a permutation
    const auto activation = static_cast<std::uint8_t>(input), code = static_cast<std::uint8_t>(input >> 8);
    const bool is_signed = input >> 16 & 1;
    dut->in_activation_i = activation;
    dut->in_activation_signed_i = is_signed;
    dut->in_code_i = code;
    dut.settle();
    const std::int32_t expected = reference::apot_product(activation, is_signed, code);
    const std::int32_t got = static_cast<std::int32_t>(dut->out_product_o << 9) >> 9;
    if (got != expected &&
        check.mismatch("activation " + std::to_string(activation) + (is_signed ? " signed" : " unsigned") + ", code " +
                       std::to_string(code) + ": product is " + std::to_string(got) + ", expected " + std::to_string(expected)))
      break;
  }
  return check;
}

}  // namespace dyad::cosim
