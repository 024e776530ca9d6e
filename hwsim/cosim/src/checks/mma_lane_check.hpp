/// \file Drives a Verilated mma_lane and its reference side by side.
#pragma once

#include "dyad/cosim/check.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/mma_lane.hpp"

namespace dyad::cosim {

/// `options.cases` inputs; all 2^20 (two bytes, signedness of each, mode) in an order that mixes them, again from the start after that.
template <class Model>
Check check_mma_lane(const CheckOptions& options) {
  Check check{"mma_lane", 0, 0, ""};
  Dut<Model> dut(options.mutant);
  for (; check.cases < options.cases; ++check.cases) {
    const std::uint64_t input =
        (static_cast<std::uint64_t>(check.cases) + options.seed) * 0x9357Bu & 0xfffffu;  // an odd factor: a permutation
    const auto activation = static_cast<std::uint8_t>(input), weight = static_cast<std::uint8_t>(input >> 8);
    const reference::MmaFormat format{static_cast<int>(input >> 18), (input >> 16 & 1) != 0, (input >> 17 & 1) != 0};
    dut->in_mode_i = static_cast<std::uint8_t>(format.mode);
    dut->in_activation_signed_i = format.activation_signed;
    dut->in_weight_signed_i = format.weight_signed;
    dut->in_activation_i = activation;
    dut->in_weight_i = weight;
    dut.settle();
    const std::int64_t expected = reference::mma_lane_sum(activation, weight, format);
    const std::int32_t got = static_cast<std::int32_t>(dut->out_sum_o << 13) >> 13;
    if (got != expected &&
        check.mismatch("mode " + std::to_string(format.mode) + ", bytes " + std::to_string(activation) + " and " + std::to_string(weight) +
                       ": sum is " + std::to_string(got) + ", expected " + std::to_string(expected)))
      break;
  }
  return check;
}

}  // namespace dyad::cosim
