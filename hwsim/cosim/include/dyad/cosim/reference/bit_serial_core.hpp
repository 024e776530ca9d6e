/// \file Reference model of rtl/bit_serial_core.sv: the shell's model with the products of bit-serial operands.
#pragma once

#include <memory>

#include "dyad/cosim/reference/tile_core.hpp"

namespace dyad::cosim::reference {

/// A tile's entries are words of planes: entry = base + word * bits + plane, row r's bits in row r. Registers 8 (words of K), 9 (bits of
/// activations and weights) and bits 2 and 3 of register 1 (signed) say how many there are and what they mean.
class BitSerialOperands final : public CoreArray {
 public:
  std::int64_t job_cycles(const CoreProgram& program) const override {
    return activation_bits(program) * weight_bits(program) * std::int64_t{program.value(8)};
  }
  void multiply(const CoreProgram& program, const TileMemory& activations, std::int64_t activation_base, const TileMemory& weights,
                std::int64_t weight_base, ResultValues& acc, ResultValues& sum) const override {
    const std::int64_t words = program.value(8);
    const auto a = numbers(activations, activation_base, words, activation_bits(program), program.value(1) >> 2 & 1);
    const auto w = numbers(weights, weight_base, words, weight_bits(program), program.value(1) >> 3 & 1);
    acc.clear();
    sum.clear();
    for (const auto& row : a) {
      for (const auto& column : w) {
        std::int64_t dot = 0;
        for (std::size_t k = 0; k < row.size(); ++k) dot += std::int64_t{row[k]} * column[k];
        acc.emplace_back(static_cast<std::uint32_t>(dot));
      }
      std::int64_t total = 0;
      for (const std::int32_t value : row) total += value;
      sum.emplace_back(static_cast<std::uint32_t>(total));
    }
  }

 private:
  static std::int64_t activation_bits(const CoreProgram& program) { return program.value(9) & 31; }
  static std::int64_t weight_bits(const CoreProgram& program) { return program.value(9) >> 8 & 31; }

  /// The numbers of a tile, a vector a row.
  static std::vector<std::vector<std::int32_t>> numbers(const TileMemory& memory, std::int64_t base, std::int64_t words, std::int64_t bits,
                                                        bool is_signed) {
    std::vector<std::vector<std::int32_t>> rows(static_cast<std::size_t>(memory.rows()));
    for (std::int64_t r = 0; r < memory.rows(); ++r) {
      auto& row = rows[static_cast<std::size_t>(r)];
      row.assign(static_cast<std::size_t>(words * memory.word_bits()), 0);
      for (std::int64_t word = 0; word < words; ++word)
        for (std::int64_t plane = 0; plane < bits; ++plane) {
          const PackedBits& from = memory.word(base + word * bits + plane, r);
          const std::int32_t weight = (is_signed && plane == bits - 1 ? -1 : 1) * (std::int32_t{1} << plane);
          for (std::int64_t e = 0; e < from.bits(); ++e)
            if (from.words()[static_cast<std::size_t>(e / 32)] >> e % 32 & 1)
              row[static_cast<std::size_t>(word * memory.word_bits() + e)] += weight;
        }
    }
    return rows;
  }
};

inline TileCore make_bit_serial_core(TileCoreShape shape, std::int64_t depth) {
  shape.activation_word_bits = shape.weight_word_bits = depth;
  shape.activation_rows = shape.rows;
  shape.weight_rows = shape.columns;
  shape.array_latency = 4;
  return TileCore(shape, std::make_shared<BitSerialOperands>());
}

}  // namespace dyad::cosim::reference
