/// \file Drives a Verilated word_sequencer and its reference model side by side.
#pragma once

#include "checks/lockstep.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/word_sequencer.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` jobs of 1 to 40 words in 1 to 31 passes, back to back or with gaps; resets in the middle of some. Addresses of 6 bits.
template <class Model>
Check check_word_sequencer(const CheckOptions& options) {
  Check check{"word_sequencer", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  reference::WordSequencer expected;
  reference::WordSequencer::Job job;
  Random random(options.seed);
  Willingness starts(options.seed + 1);
  dut->start_i = 0;
  dut.reset();
  const std::int64_t most_cycles = 1000 * options.cases + 1000;
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
        job.passes = random.between(1, random.below(4) == 0 ? 31 : 2);
      }
      dut->words_i = static_cast<std::uint32_t>(job.words);
      dut->passes_i = static_cast<std::uint8_t>(job.passes);
    }
    const std::uint64_t bases = random.next();
    if (start) {
      job.activation_base = bases & 63;
      job.weight_base = bases >> 6 & 63;
    }
    dut->activation_base_i = bases & 63;
    dut->weight_base_i = bases >> 6 & 63;
    dut->rst_ni = !reset;
    dut->start_i = start;
    dut.settle();

    compare.at(dut.cycle());
    const auto* issue = expected.issue();
    compare.same("issue_o", dut->issue_o, issue != nullptr);
    compare.same("issued_o", dut->issued_o, expected.issued());
    if (issue) {
      compare.same("activation_entry_o", dut->activation_entry_o, issue->activation_entry & 63);
      compare.same("weight_entry_o", dut->weight_entry_o, issue->weight_entry & 63);
      compare.same("first_o", dut->first_o, issue->first);
      compare.same("sum_o", dut->sum_o, issue->sum);
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
