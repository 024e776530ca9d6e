/// \file Drives a Verilated core_program and its reference model side by side.
#pragma once

#include "checks/lockstep.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/core_program.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` program beats: all registers, numbers of registers that do not exist, and runs of layers that are done after any time.
template <class Model>
Check check_core_program(const CheckOptions& options) {
  Check check{"core_program", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  reference::CoreProgram expected;
  Random random(options.seed);
  Willingness offers(options.seed + 1), dones(options.seed + 2);
  dut->prog_valid_i = dut->done_i = 0;
  dut.reset();
  std::uint64_t beat = 0;
  bool offered = false;
  const std::int64_t most_cycles = 1000 * options.cases + 100'000;
  while (check.cases < options.cases && !compare.stop()) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    // No beat is sent during reset.
    const bool reset = !offered && random.below(2000) == 0;
    if (!reset && !offered && (offered = offers.next())) {
      const std::uint64_t kind = random.below(16);
      const std::uint64_t index = kind == 0 ? 0 : kind == 1 ? 32 + random.below(224) : 1 + random.below(31);
      beat = index << 32 | (random.next() & 0xffffffff);
    }
    const bool done = dones.next();
    dut->rst_ni = !reset;
    dut->prog_valid_i = offered;
    dut->prog_data_i = beat;
    dut->done_i = done;
    dut.settle();

    compare.at(dut.cycle());
    compare.same("prog_ready_o", dut->prog_ready_o, expected.prog_ready());
    compare.same("running_o", dut->running_o, expected.running());
    compare.same("start_o", dut->start_o, expected.start(offered, beat));
    for (std::size_t i = 1; i < reference::CoreProgram::kRegisters; ++i)
      if (expected.at(i)) compare.same("registers_o", dut->registers_o[i], *expected.at(i));

    const bool taken = offered && expected.prog_ready();
    check.cases += taken;
    if (reset) {
      expected.reset();
    } else {
      expected.clock(offered, beat, done);
      if (taken) offered = false;
    }
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
