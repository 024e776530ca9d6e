/// \file Drives a Verilated residual_adder and its reference model side by side.
#pragma once

#include <algorithm>
#include <tuple>

#include "checks/elastic_check.hpp"
#include "dyad/cosim/reference/residual_adder.hpp"
#include "dyad/cosim/requantizer_cases.hpp"

namespace dyad::cosim {

/// Beats of RequantizerCases (corners, ties, random) with a second operand: at random, the first one again, or its negative; a quarter of
/// the bounds stand at, next to or just beyond the sum.
class ResidualCases {
 public:
  ResidualCases(std::uint64_t seed, std::int64_t count, Rounding rounding, RequantizerWidths widths)
      : main_(seed, count, rounding, widths),
        identity_(seed + 1000, 0, rounding, widths),
        random_(seed + 2000),
        rounding_(rounding),
        widths_(widths) {}

  reference::ResidualBeat next() {
    const reference::RequantizerBeat main = main_.next(), other = identity_.next();
    reference::ResidualBeat beat{
        main.acc, {main.multiplier, main.shift}, other.acc, {other.multiplier, other.shift}, main.zero_point, main.lowest, main.highest};
    const std::uint64_t kind = random_.next();
    if ((kind & 7) < 2) {
      beat.identity = main.acc;
      beat.identity_ratio = {(kind & 1) ? main.multiplier : -main.multiplier, main.shift};
    }
    if (((kind >> 3) & 3) == 0) {
      const std::int64_t top = std::int64_t{1} << (widths_.out - 1);
      const std::int64_t y = std::clamp(reference::residual_sum(beat, rounding_), -top, top - 1);
      const auto near = [&](std::uint64_t draw) {
        return static_cast<std::int32_t>(std::clamp(y + static_cast<std::int64_t>(draw % 5) - 2, -top, top - 1));
      };
      std::tie(beat.lowest, beat.highest) = std::minmax({near((kind >> 8) & 255), near((kind >> 16) & 255)});
    }
    return beat;
  }

 private:
  RequantizerCases main_, identity_;
  Random random_;
  Rounding rounding_;
  RequantizerWidths widths_;
};

/// `options.cases` beats of ResidualCases; validity, readiness and data are compared in every cycle.
template <class Model, Rounding kRounding, int kAcc = 32, int kMultiplier = 32, int kOut = 32>
Check check_residual_adder(const CheckOptions& options) {
  Check check{"residual_adder", 0, 0, ""};
  Dut<Model> dut(options.mutant);
  reference::ResidualAdder expected(kRounding);
  ResidualCases cases(options.seed, options.cases, kRounding, {kAcc, kMultiplier, kOut});
  const auto drive = [&](const reference::ResidualBeat& beat) {
    put(dut->in_main_i, beat.main, kAcc);
    put(dut->in_main_multiplier_i, beat.main_ratio.multiplier, kMultiplier);
    put(dut->in_main_shift_i, beat.main_ratio.shift, 6);
    put(dut->in_identity_i, beat.identity, kAcc);
    put(dut->in_identity_multiplier_i, beat.identity_ratio.multiplier, kMultiplier);
    put(dut->in_identity_shift_i, beat.identity_ratio.shift, 6);
    put(dut->in_zero_point_i, beat.zero_point, 32);
    put(dut->in_lowest_i, beat.lowest, kOut);
    put(dut->in_highest_i, beat.highest, kOut);
  };
  const auto text = [](const reference::ResidualBeat& beat) {
    const auto operand = [](std::int32_t value, Dyadic ratio) {
      return std::to_string(value) + " * " + std::to_string(ratio.multiplier) + " / 2^" + std::to_string(ratio.shift);
    };
    return operand(beat.main, beat.main_ratio) + " + " + operand(beat.identity, beat.identity_ratio) + " + " +
           std::to_string(beat.zero_point) + ", bounds " + std::to_string(beat.lowest) + " " + std::to_string(beat.highest);
  };
  compare_stream(
      check, options, dut, expected, [&] { return cases.next(); }, drive, [&] { return signed_value(dut->out_data_o, kOut); }, text);
  return check;
}

}  // namespace dyad::cosim
