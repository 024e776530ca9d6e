/// \file Drives a Verilated bit_plane_sequencer and its reference model side by side.
#pragma once

#include "checks/lockstep.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/bit_plane_sequencer.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` jobs of 1 to 16 bits on either side and 1 to 6 words, back to back or with gaps; resets in the middle of some.
/// `address_bits`: both address parameters of the model.
template <class Model>
Check check_bit_plane_sequencer(const CheckOptions& options, int address_bits = 6) {
  Check check{"bit_plane_sequencer", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  reference::BitPlaneSequencer expected;
  reference::BitPlaneSequencer::Job job;
  Random random(options.seed);
  Willingness starts(options.seed + 1);
  dut->start_i = 0;
  dut.reset();
  const std::uint64_t mask = (std::uint64_t{1} << address_bits) - 1;
  while (check.cases < options.cases && !compare.stop()) {
    const bool reset = random.below(5000) == 0;
    const bool start = !reset && expected.issued() && starts.next();
    if (start) {
      // The configuration is that of a layer: it changes only when nothing is being issued.
      if (!expected.issue()) {
        const int most = random.below(8) == 0 ? 16 : 8;
        job.words = random.between(1, random.coin() ? 1 : 6);
        job.activation_bits = static_cast<int>(random.between(1, most));
        job.weight_bits = static_cast<int>(random.between(1, most));
        job.activation_signed = random.coin();
        job.weight_signed = random.coin();
      }
      job.activation_base = static_cast<std::int64_t>(random.next() & mask);
      job.weight_base = static_cast<std::int64_t>(random.next() & mask);
      dut->words_i = static_cast<std::uint32_t>(job.words);
      dut->activation_bits_i = static_cast<std::uint8_t>(job.activation_bits);
      dut->weight_bits_i = static_cast<std::uint8_t>(job.weight_bits);
      dut->activation_signed_i = job.activation_signed;
      dut->weight_signed_i = job.weight_signed;
      dut->activation_base_i = static_cast<std::uint8_t>(job.activation_base);
      dut->weight_base_i = static_cast<std::uint8_t>(job.weight_base);
    } else {
      dut->activation_base_i = static_cast<std::uint8_t>(random.next() & mask);
      dut->weight_base_i = static_cast<std::uint8_t>(random.next() & mask);
    }
    dut->rst_ni = !reset;
    dut->start_i = start;
    dut.settle();

    compare.at(dut.cycle());
    const auto* issue = expected.issue();
    compare.same("issue_o", dut->issue_o, issue != nullptr);
    compare.same("issued_o", dut->issued_o, expected.issued());
    if (issue) {
      compare.same("activation_entry_o", dut->activation_entry_o, static_cast<std::uint64_t>(issue->activation_entry) & mask);
      compare.same("weight_entry_o", dut->weight_entry_o, static_cast<std::uint64_t>(issue->weight_entry) & mask);
      compare.same("first_o", dut->first_o, issue->first);
      if (!issue->first) compare.same("shift_o", dut->shift_o, issue->shift);
      compare.same("negate_o", dut->negate_o, issue->negate);
      compare.same("sum_o", dut->sum_o, issue->sum);
      if (issue->sum) compare.same("sum_negate_o", dut->sum_negate_o, issue->sum_negate);
      check.cases += expected.issued();
    }
    if (reset)
      expected.reset();
    else
      expected.clock(start ? &job : nullptr);
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
