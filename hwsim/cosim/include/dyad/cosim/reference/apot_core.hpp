/// \file Reference model of rtl/apot_core.sv: the shell's model with the products of activations and weight codes.
#pragma once

#include <memory>

#include "dyad/cosim/reference/apot_dot.hpp"
#include "dyad/cosim/reference/tile_core.hpp"

namespace dyad::cosim::reference {

/// A tile's entries are words of 8-bit elements, row r's in row r. Registers 8 (words of activations), 9 (words of codes for each) and bit
/// 2 of register 1 (activations are signed) say how many there are and what they mean.
class ApotOperands final : public CoreArray {
 public:
  std::int64_t job_cycles(const CoreProgram& program) const override { return std::int64_t{program.value(8)} * passes(program); }
  void multiply(const CoreProgram& program, const TileMemory& activations, std::int64_t activation_base, const TileMemory& weights,
                std::int64_t weight_base, ResultValues& acc, ResultValues& sum) const override {
    const bool is_signed = program.value(1) >> 2 & 1;
    const int bits = static_cast<int>(activations.word_bits());
    acc.clear();
    sum.clear();
    for (std::int64_t r = 0; r < activations.rows(); ++r) {
      for (std::int64_t c = 0; c < weights.rows(); ++c) {
        std::int64_t dot = 0;
        for (std::int64_t word = 0; word < program.value(8); ++word)
          for (std::int64_t pass = 0; pass < passes(program); ++pass)
            dot += apot_dot_product(activations.word(activation_base + word, r), 0, is_signed,
                                    weights.word(weight_base + word * passes(program) + pass, c), 0, bits);
        acc.emplace_back(static_cast<std::uint32_t>(dot));
      }
      std::int64_t total = 0;
      for (std::int64_t word = 0; word < program.value(8); ++word)
        for (int at = 0; at < bits; at += 8)
          total +=
              apot_product(static_cast<std::uint8_t>(activations.word(activation_base + word, r).get(at, 8)), is_signed, *apot_code(1));
      sum.emplace_back(static_cast<std::uint32_t>(total));
    }
  }

 private:
  static std::int64_t passes(const CoreProgram& program) { return program.value(9) & 31; }
};

inline TileCore make_apot_core(TileCoreShape shape, std::int64_t word_bits) {
  shape.activation_word_bits = shape.weight_word_bits = word_bits;
  shape.activation_rows = shape.rows;
  shape.weight_rows = shape.columns;
  shape.array_latency = 4;
  return TileCore(shape, std::make_shared<ApotOperands>());
}

}  // namespace dyad::cosim::reference
