/// \file Drives a Verilated stream_skid of 16 bits and its reference model side by side.
#pragma once

#include "dyad/cosim/check.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/stream_skid.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` beats with random stalls on both sides; validity, readiness and data are compared in every cycle.
template <class Model>
Check check_stream_skid(const CheckOptions& options) {
  Check check{"stream_skid", 0, 0, ""};
  Dut<Model> dut(options.mutant);
  reference::StreamSkid<std::uint16_t> expected;
  Random random(options.seed);
  Willingness offers(options.seed + 1), takes(options.seed + 2);
  dut->in_valid_i = 0;
  dut->out_ready_i = 0;
  dut.reset();
  bool offered = false;
  std::uint16_t beat = 0;
  const std::int64_t most_cycles = 200 * options.cases + 1000;
  while (check.cases < options.cases) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
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
    if (dut->in_ready_o != expected.in_ready() || dut->out_valid_o != expected.out_valid() ||
        (expected.out_valid() && dut->out_data_o != expected.out_data()))
      if (check.mismatch("cycle " + std::to_string(dut.cycle()) + ": outputs differ from the reference")) break;
    check.cases += expected.out_valid() && ready;
    const bool taken = offered && expected.in_ready();
    expected.clock(offered, beat, ready);
    if (taken) offered = false;
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
