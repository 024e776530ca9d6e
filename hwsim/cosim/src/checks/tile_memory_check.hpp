/// \file Drives a Verilated tile_memory and its reference model side by side.
#pragma once

#include "checks/lockstep.hpp"
#include "checks/port_bits.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/tile_memory.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` reads among random writes, at times of the same entry in the same cycle. The other arguments are the model's parameters.
template <class Model>
Check check_tile_memory(const CheckOptions& options, std::int64_t rows, std::int64_t word_bits, std::int64_t entries) {
  Check check{"tile_memory", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  reference::TileMemory expected(rows, word_bits, entries);
  Random random(options.seed);
  Willingness writes(options.seed + 1), reads(options.seed + 2);
  PackedBits word(word_bits);
  const std::int64_t most_cycles = 400 * options.cases + 100'000;
  while (check.cases < options.cases && !compare.stop()) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    const bool write = writes.next(), read = reads.next();
    const std::int64_t write_entry = random.between(0, entries - 1), row = random.between(0, rows - 1);
    const std::int64_t read_entry = random.below(4) == 0 ? write_entry : random.between(0, entries - 1);
    for (std::int64_t at = 0; at < word_bits; at += 32)
      word.set(at, static_cast<int>(std::min<std::int64_t>(32, word_bits - at)), random.next());
    dut->write_i = write;
    dut->write_entry_i = static_cast<std::uint8_t>(write_entry);
    dut->write_row_i = static_cast<std::uint8_t>(row);
    set_port(dut->write_data_i, word);
    dut->read_i = read;
    dut->read_entry_i = static_cast<std::uint8_t>(read_entry);
    dut.settle();

    compare.at(dut.cycle());
    for (std::int64_t r = 0; r < rows; ++r) {
      const PackedBits& shown = expected.read_data()[static_cast<std::size_t>(r)];
      for (std::int64_t bit = 0; bit < shown.bits(); ++bit) {
        const std::int64_t at = r * word_bits + bit;
        const std::uint64_t got = port_word(dut->read_data_o, static_cast<std::size_t>(at / 32)) >> at % 32 & 1;
        if (got == shown.get(bit, 1)) continue;
        compare.differ("bit " + std::to_string(bit) + " of row " + std::to_string(r) + " is wrong");
        break;
      }
    }
    check.cases += read;
    if (read) expected.read(read_entry);
    if (write) expected.write(write_entry, row, word);
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
