/// \file Reference model of rtl/mma_core.sv: the shell's model with the products of whole numbers.
#pragma once

#include <memory>

#include "dyad/cosim/reference/mma_dot.hpp"
#include "dyad/cosim/reference/tile_core.hpp"

namespace dyad::cosim::reference {

/// A tile's entries are words of elements, row r's in row r. Registers 8 (words of K), 9 (width of the elements, MmaFormat::mode) and bits
/// 2 and 3 of register 1 (signed) say how many there are and what they mean.
class MmaOperands final : public CoreArray {
 public:
  std::int64_t job_cycles(const CoreProgram& program) const override { return program.value(8); }
  void multiply(const CoreProgram& program, const TileMemory& activations, std::int64_t activation_base, const TileMemory& weights,
                std::int64_t weight_base, ResultValues& acc, ResultValues& sum) const override {
    const MmaFormat format{static_cast<int>(program.value(9) & 3), (program.value(1) >> 2 & 1) != 0, (program.value(1) >> 3 & 1) != 0};
    const int bits = static_cast<int>(activations.word_bits()), step = format.element_bits();
    acc.clear();
    sum.clear();
    for (std::int64_t r = 0; r < activations.rows(); ++r) {
      for (std::int64_t c = 0; c < weights.rows(); ++c) {
        std::int64_t dot = 0;
        for (std::int64_t word = 0; word < program.value(8); ++word)
          dot += mma_dot_product(activations.word(activation_base + word, r), 0, weights.word(weight_base + word, c), 0, bits, format);
        acc.emplace_back(static_cast<std::uint32_t>(dot));
      }
      std::int64_t total = 0;
      for (std::int64_t word = 0; word < program.value(8); ++word)
        for (int at = 0; at < bits; at += step)
          total += element(activations.word(activation_base + word, r), at, step, format.activation_signed);
      sum.emplace_back(static_cast<std::uint32_t>(total));
    }
  }
};

inline TileCore make_mma_core(TileCoreShape shape, std::int64_t word_bits) {
  shape.activation_word_bits = shape.weight_word_bits = word_bits;
  shape.activation_rows = shape.rows;
  shape.weight_rows = shape.columns;
  shape.array_latency = 4;
  return TileCore(shape, std::make_shared<MmaOperands>());
}

}  // namespace dyad::cosim::reference
