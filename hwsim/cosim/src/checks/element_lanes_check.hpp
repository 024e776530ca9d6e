/// \file Drives a Verilated element_lanes and its reference model side by side.
#pragma once

#include "checks/lockstep.hpp"
#include "checks/port_bits.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/element_lanes.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` slices with gaps and captures at every distance; widths, signedness and operation change when nothing is under way.
/// The other arguments are the parameters of the model.
template <class Model>
Check check_element_lanes(const CheckOptions& options, std::int64_t lanes, std::int64_t groups, std::int64_t entry_bits) {
  Check check{"element_lanes", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  reference::ElementLanes expected(lanes, groups);
  reference::ElementLanes::Inputs in;
  PackedBits entry(entry_bits);
  Random random(options.seed);
  Willingness offers(options.seed + 1);
  dut->in_valid_i = dut->in_capture_i = 0;
  dut.reset();
  std::int64_t quiet = 4;                        // cycles since the last slice or capture
  std::int64_t slices_left = 0, steps_left = 0;  // of the entry; of the result
  bool begun = false, changing = true;
  const std::int64_t most_cycles = 400 * options.cases + 100'000;
  while (check.cases < options.cases && !compare.stop()) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    const bool reset = random.below(3000) == 0;
    if (steps_left == 0 && random.below(200) == 0) changing = true;
    if (changing && quiet >= 4) {
      changing = false;
      in.operation = static_cast<reference::ElementLanes::Operation>(random.below(3));
      in.element_bits = 8 << random.below(3);
      in.first_signed = random.coin();
      in.other_signed = random.coin();
      slices_left = 0;
    }
    in.valid = !changing && offers.next();
    if (in.valid) {
      in.entry = slices_left == 0 || random.below(16) == 0;
      if (in.entry) {
        for (std::int64_t at = 0; at < entry_bits; at += 32)
          entry.set(at, 32, random.below(4) == 0 ? (random.coin() ? 0x80808080u : 0x7fffff7fu) : random.next());
        slices_left = entry_bits / (lanes * in.element_bits);
      }
      in.first = steps_left == 0;
      if (in.first) {
        steps_left = in.operation == reference::ElementLanes::Operation::kTwoOperands ? random.between(1, 2) : random.between(1, 4);
        in.group = random.between(0, groups - 1);
      }
      in.last = steps_left == 1;
    } else {
      in.entry = random.coin();
      in.first = random.coin();
      in.last = random.coin();
    }
    in.capture = begun && random.below(6) == 0;
    in.data = &entry;
    dut->rst_ni = !reset;
    dut->operation_i = static_cast<std::uint8_t>(in.operation);
    dut->element_bits_i = in.element_bits == 8 ? 0 : in.element_bits == 16 ? 1 : 2;
    dut->element_signed_i = static_cast<std::uint8_t>(in.first_signed | in.other_signed << 1);
    dut->in_valid_i = in.valid;
    dut->in_entry_i = in.entry;
    dut->in_first_i = in.first;
    dut->in_last_i = in.last;
    dut->in_group_i = static_cast<std::uint8_t>(in.valid ? in.group : 0);
    set_port(dut->in_data_i, entry);
    dut->in_capture_i = in.capture;
    dut.settle();

    compare.at(dut.cycle());
    compare.same("out_valid_o", dut->out_valid_o, expected.out_valid());
    for (std::size_t i = 0; i < expected.out_main().size(); ++i) {
      if (expected.out_main()[i]) compare.same("out_main_o", port_word(dut->out_main_o, i), *expected.out_main()[i]);
      if (expected.out_other()[i]) compare.same("out_other_o", port_word(dut->out_other_o, i), *expected.out_other()[i]);
    }
    check.cases += in.valid && !reset;
    if (reset) {
      expected.reset();
      steps_left = slices_left = 0;
      changing = true;
    } else {
      expected.clock(in);
      if (in.valid) {
        --steps_left;
        --slices_left;
        begun = true;
      }
    }
    quiet = in.valid || in.capture || reset ? 0 : quiet + 1;
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
