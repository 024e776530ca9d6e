/// \file Drives a Verilated dyadic_requantizer and its reference model side by side.
#pragma once

#include "checks/elastic_check.hpp"
#include "dyad/cosim/requantizer_cases.hpp"

namespace dyad::cosim {

/// `options.cases` beats of RequantizerCases; validity, readiness and data are compared in every cycle.
template <class Model, Rounding kRounding, int kAcc = 32, int kMultiplier = 32, int kOut = 32>
Check check_dyadic_requantizer(const CheckOptions& options) {
  Check check{"dyadic_requantizer", 0, 0, ""};
  Dut<Model> dut(options.mutant);
  reference::DyadicRequantizer expected(kRounding);
  RequantizerCases cases(options.seed, options.cases, kRounding, {kAcc, kMultiplier, kOut});
  const auto drive = [&](const reference::RequantizerBeat& beat) {
    put(dut->in_acc_i, beat.acc, kAcc);
    put(dut->in_multiplier_i, beat.multiplier, kMultiplier);
    put(dut->in_shift_i, beat.shift, 6);
    put(dut->in_zero_point_i, beat.zero_point, 32);
    put(dut->in_lowest_i, beat.lowest, kOut);
    put(dut->in_highest_i, beat.highest, kOut);
  };
  const auto text = [](const reference::RequantizerBeat& beat) {
    return "acc " + std::to_string(beat.acc) + ", multiplier " + std::to_string(beat.multiplier) + ", shift " + std::to_string(beat.shift) +
           ", zero point " + std::to_string(beat.zero_point) + ", bounds " + std::to_string(beat.lowest) + " " +
           std::to_string(beat.highest);
  };
  compare_stream(
      check, options, dut, expected, [&] { return cases.next(); }, drive, [&] { return signed_value(dut->out_data_o, kOut); }, text);
  return check;
}

}  // namespace dyad::cosim
