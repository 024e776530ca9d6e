/// \file Drives a Verilated element_sequencer and its reference model side by side.
#pragma once

#include "checks/lockstep.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/element_sequencer.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` jobs, back to back or with gaps; resets in the middle of some. `address_bits` and `group_bits` are the model's
/// parameters.
template <class Model>
Check check_element_sequencer(const CheckOptions& options, int address_bits = 6, int group_bits = 4) {
  Check check{"element_sequencer", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  reference::ElementSequencer expected;
  reference::ElementSequencer::Job job;
  Random random(options.seed);
  Willingness starts(options.seed + 1);
  dut->start_i = 0;
  dut.reset();
  constexpr std::int64_t kLongest = 50'000;
  const std::uint64_t mask = (std::uint64_t{1} << address_bits) - 1;
  while (check.cases < options.cases && !compare.stop()) {
    const bool reset = job.steps < kLongest && random.below(5000) == 0;
    const bool repeats = expected.issue() != nullptr;  // back to back, with the same configuration
    const bool start = !reset && expected.issued() && !(repeats && job.steps == kLongest) && starts.next();
    if (start && !repeats) {
      job.groups = random.between(1, std::int64_t{1} << group_bits);
      job.steps = random.between(1, random.coin() ? 2 : 9);
      job.entry_slices = random.between(1, 8);
      // All bits of the counter of slices, once in each run and seldom later.
      if (check.cases == 0 || random.below(1000) == 0) job = {.groups = 1, .steps = kLongest, .entry_slices = 40'000, .base = 0};
      dut->groups_i = static_cast<std::uint8_t>(job.groups);
      dut->steps_i = static_cast<std::uint32_t>(job.steps);
      dut->entry_slices_i = static_cast<std::uint16_t>(job.entry_slices);
    }
    job.base = static_cast<std::int64_t>(random.next() & mask);
    dut->base_i = static_cast<std::uint8_t>(job.base);
    dut->rst_ni = !reset;
    dut->start_i = start;
    dut.settle();

    compare.at(dut.cycle());
    const auto* issue = expected.issue();
    compare.same("issue_o", dut->issue_o, issue != nullptr);
    compare.same("issued_o", dut->issued_o, expected.issued());
    compare.same("read_o", dut->read_o, issue && issue->read);
    if (issue) {
      if (issue->read) compare.same("entry_o", dut->entry_o, static_cast<std::uint64_t>(issue->entry) & mask);
      compare.same("first_o", dut->first_o, issue->first);
      compare.same("last_o", dut->last_o, issue->last);
      compare.same("group_o", dut->group_o, issue->group);
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
