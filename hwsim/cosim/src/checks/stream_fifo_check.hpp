/// \file Drives a Verilated stream_fifo of 16 bits and its reference model side by side.
#pragma once

#include "dyad/cosim/check.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/stream_fifo.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` beats with random stalls on both sides through a queue of `depth` places, with a reset now and then;
/// validity, readiness, count and data are compared in every cycle.
template <class Model>
Check check_stream_fifo(const CheckOptions& options, std::size_t depth) {
  Check check{"stream_fifo", 0, 0, ""};
  Dut<Model> dut(options.mutant);
  reference::StreamFifo<std::uint16_t> expected(depth);
  Random random(options.seed);
  Willingness offers(options.seed + 1), takes(options.seed + 2);
  dut->in_valid_i = 0;
  dut->out_ready_i = 0;
  dut.reset();
  bool offered = false;
  std::uint16_t beat = 0;
  std::int64_t cycles = 0;
  const std::int64_t most_cycles = 200 * options.cases + 1000;
  constexpr std::uint64_t kCyclesBetweenResets = 5000;
  while (check.cases < options.cases) {
    if (++cycles > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    if (random.below(kCyclesBetweenResets) == 0) {
      dut.reset();
      expected = reference::StreamFifo<std::uint16_t>(depth);
    }
    if (!offered) {
      offered = offers.next();
      beat = static_cast<std::uint16_t>(random.next());
    }
    const bool ready = takes.next();
    dut->in_valid_i = offered;
    dut->in_data_i = beat;
    dut->out_ready_i = ready;
    dut.settle();
    if (dut->in_ready_o != expected.in_ready() || dut->out_valid_o != expected.out_valid() || dut->count_o != expected.count() ||
        (expected.out_valid() && dut->out_data_o != expected.out_data()))
      if (check.mismatch("depth " + std::to_string(depth) + ", cycle " + std::to_string(dut.cycle()) +
                         " since reset: outputs differ from the reference"))
        break;
    check.cases += expected.out_valid() && ready;
    const bool taken = offered && expected.in_ready();
    expected.clock(offered, beat, ready);
    if (taken) offered = false;
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
