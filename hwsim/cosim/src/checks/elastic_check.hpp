/// \file What checks of pipelined stream modules share: ports of any width, and the comparison of every cycle with a reference model.
#pragma once

#include <cstdint>
#include <string>

#include "dyad/cosim/check.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// Puts the low `bits` bits of a signed value on a port.
template <class Port>
void put(Port& port, std::int64_t value, int bits) {
  port = static_cast<Port>(static_cast<std::uint64_t>(value) & (~std::uint64_t{0} >> (64 - bits)));
}
/// The signed value of the `bits` bits of a port.
template <class Port>
std::int64_t signed_value(Port port, int bits) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(port) << (64 - bits)) >> (64 - bits);
}

/// Offers options.cases beats to model and reference. Blocks of 256 cycles: three at full speed, one with random stalls on both sides.
/// next() makes a beat, drive(beat) puts it on the ports, data() reads the output, text(beat) describes one. Counts taken beats; ends when
/// the reference is empty and eight more cycles brought nothing.
template <class Model, class Reference, class Next, class Drive, class Data, class Text>
void compare_stream(Check& check, const CheckOptions& options, Dut<Model>& dut, Reference& expected, Next next, Drive drive, Data data,
                    Text text) {
  Willingness offers(options.seed + 1), takes(options.seed + 2);
  dut->in_valid_i = 0;
  dut->out_ready_i = 0;
  auto beat = next();
  std::int64_t left = options.cases;  // beats that were not taken yet
  drive(beat);
  dut.reset();
  bool offered = false;
  for (int idle = 0; idle < 8; idle = left == 0 && expected.empty() ? idle + 1 : 0) {
    const bool stalls = ((dut.cycle() >> 8) & 3) == 3;
    if (!offered && left > 0) offered = !stalls || offers.next();
    const bool ready = !stalls || takes.next();
    dut->in_valid_i = offered;
    dut->out_ready_i = ready;
    dut.settle();
    const bool in_ready = expected.in_ready(ready), out_valid = expected.out_valid();
    if (dut->in_ready_o != in_ready || dut->out_valid_o != out_valid || (out_valid && data() != expected.out_data())) {
      const std::string at = "cycle " + std::to_string(dut.cycle()) + ", " + std::to_string(check.cases) + " beats taken" + ": ";
      const std::string what = dut->in_ready_o != in_ready ? "in_ready_o is " + std::to_string(int{dut->in_ready_o})
                               : dut->out_valid_o != out_valid
                                   ? "out_valid_o is " + std::to_string(int{dut->out_valid_o})
                                   : "out_data_o is " + std::to_string(data()) + ", expected " + std::to_string(expected.out_data());
      if (check.mismatch(at + what + "; offered: " + text(beat))) return;
    }
    const bool taken = offered && in_ready;
    expected.clock(offered, beat, ready);
    dut.clock();
    if (taken) {
      ++check.cases;
      offered = false;
      if (--left > 0) beat = next();
      drive(beat);
    }
  }
}

}  // namespace dyad::cosim
