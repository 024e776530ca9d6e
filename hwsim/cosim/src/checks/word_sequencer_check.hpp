/// \file Drives a Verilated word_sequencer and its reference model side by side.
#pragma once

#include "checks/lockstep.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/word_sequencer.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` jobs of 1 to 40 words in 1 to 31 passes of each operand, back to back or with gaps; resets in the middle of some.
/// Addresses of `address_bits` bits, jobs of at least `least_cycles`.
template <class Model>
Check check_word_sequencer(const CheckOptions& options, int address_bits = 6, std::int64_t least_cycles = 1) {
  Check check{"word_sequencer", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  reference::WordSequencer expected(least_cycles);
  const std::uint64_t mask = (std::uint64_t{1} << address_bits) - 1;
  reference::WordSequencer::Job job;
  Random random(options.seed);
  Willingness starts(options.seed + 1);
  dut->start_i = 0;
  dut.reset();
  bool running = false;  // a job that was not issued yet
  const std::int64_t most_cycles = 1000 * options.cases + 200'000;
  while (check.cases < options.cases && !compare.stop()) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    const bool reset = random.below(2000) == 0;
    const bool start = !reset && expected.issued() && starts.next();
    if (start) {
      // The configuration is that of a layer: it changes only when nothing is being issued.
      if (!expected.issue()) {
        job.words = random.between(1, random.coin() ? 3 : 40);
        job.activation_passes = random.between(1, random.below(8) == 0 ? 31 : 2);
        job.weight_passes = random.between(1, random.below(8) == 0 ? 31 : 2);
      }
      dut->words_i = static_cast<std::uint32_t>(job.words);
      dut->activation_passes_i = static_cast<std::uint8_t>(job.activation_passes);
      dut->weight_passes_i = static_cast<std::uint8_t>(job.weight_passes);
    }
    const std::uint64_t bases = random.next();
    if (start) {
      job.activation_base = static_cast<std::int64_t>(bases & mask);
      job.weight_base = static_cast<std::int64_t>(bases >> 8 & mask);
    }
    dut->activation_base_i = static_cast<std::uint8_t>(bases & mask);
    dut->weight_base_i = static_cast<std::uint8_t>(bases >> 8 & mask);
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
      compare.same("activation_pass_o", dut->activation_pass_o, issue->activation_pass);
      compare.same("weight_pass_o", dut->weight_pass_o, issue->weight_pass);
      compare.same("first_o", dut->first_o, issue->first);
      compare.same("sum_o", dut->sum_o, issue->sum);
    }
    if (running && expected.issued()) ++check.cases;
    running = start || (running && !reset && !expected.issued());
    if (reset)
      expected.reset();
    else
      expected.clock(start ? &job : nullptr);
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
