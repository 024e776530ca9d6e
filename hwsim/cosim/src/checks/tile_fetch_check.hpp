/// \file Drives a Verilated tile_fetch and its reference model side by side.
#pragma once

#include "checks/lockstep.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/tile_fetch.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` words of random layers with random stalls of the stream, of the releases and of whoever takes note of free slots.
/// `rows` and `entries` are the parameters of the model. `eager`: in some layers words are offered before their slot was given, which only
/// the ready signal holds back; slots that nobody took note of then add up, beyond what narrow counts hold.
template <class Model>
Check check_tile_fetch(const CheckOptions& options, std::int64_t rows = 8, std::int64_t entries = 64, bool eager = true) {
  Check check{"tile_fetch", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  reference::TileFetch expected(rows);
  reference::TileFetch::Layer layer;
  Random random(options.seed);
  Willingness offers(options.seed + 1), releases(options.seed + 2), notes(options.seed + 3);
  const auto count = [&](std::int64_t most) { return random.between(1, most); };
  dut->start_i = dut->in_valid_i = dut->release_i = dut->slots_ready_i = 0;
  dut.reset();
  std::int64_t words_left = 0, given = 0;
  bool waits = true;
  const std::int64_t most_cycles = 400 * options.cases + 100'000;
  while (check.cases < options.cases && !compare.stop()) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    const bool reset = random.below(5000) == 0;
    const bool start = !reset && words_left == 0 && random.below(3) == 0;
    if (start) {
      layer = {};
      layer.words = random.coin() ? count(3) : count(4 * rows);
      const std::int64_t tile_entries = (layer.words + rows - 1) / rows;
      layer.tile_stride = tile_entries;
      layer.slot_tiles = count(std::min<std::int64_t>(7, entries / tile_entries));
      layer.last_slot_tiles = count(layer.slot_tiles);
      layer.group_slots = count(3);
      layer.slot_stride = layer.slot_tiles * tile_entries;
      layer.slots = random.below(12) == 0 ? 0 : count(std::min<std::int64_t>(5, entries / layer.slot_stride));
      words_left = layer.slots == 0 ? 0 : count(300);
      waits = !eager || random.coin();
      dut->words_i = static_cast<std::uint32_t>(layer.words);
      dut->tile_stride_i = static_cast<std::uint8_t>(layer.tile_stride);
      dut->slot_stride_i = static_cast<std::uint8_t>(layer.slot_stride);
      dut->slots_i = static_cast<std::uint16_t>(layer.slots);
      dut->slot_tiles_i = static_cast<std::uint16_t>(layer.slot_tiles);
      dut->last_slot_tiles_i = static_cast<std::uint16_t>(layer.last_slot_tiles);
      dut->group_slots_i = static_cast<std::uint16_t>(layer.group_slots);
    }
    const bool in_valid = !start && words_left > 0 && (!waits || given > expected.filled()) && offers.next();
    const bool release = !start && expected.full() > 0 && releases.next();
    const bool slots_ready = notes.next();
    dut->rst_ni = !reset;
    dut->start_i = start;
    dut->in_valid_i = in_valid;
    dut->release_i = release;
    dut->slots_ready_i = slots_ready;
    dut.settle();

    compare.at(dut.cycle());
    const bool taken = in_valid && expected.in_ready();
    compare.same("in_ready_o", dut->in_ready_o, expected.in_ready());
    compare.same("write_o", dut->write_o, taken);
    if (taken) {
      compare.same("write_entry_o", dut->write_entry_o, expected.entry());
      compare.same("write_row_o", dut->write_row_o, expected.row());
    }
    compare.same("tile_done_o", dut->tile_done_o, expected.tile_done());
    compare.same("slots_valid_o", dut->slots_valid_o, expected.slots_valid());
    if (expected.slots_valid()) compare.same("slots_o", dut->slots_o, expected.slots());
    check.cases += taken;

    words_left -= taken;
    if (slots_ready) given += expected.slots();
    if (reset || start) given = 0;
    if (reset) {
      expected.reset();
      words_left = 0;
    } else if (start) {
      expected.start(layer);
    } else {
      expected.clock(in_valid, release, slots_ready);
    }
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
