/// \file Reference model of rtl/fusion_core.sv: the shell's model with the products of 2- to 16-bit elements.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "dyad/cosim/reference/fusion_unit.hpp"
#include "dyad/cosim/reference/tile_core.hpp"

namespace dyad::cosim::reference {

/// Widths and signs of a layer's operands; 2, 4, 8 or 16 bits each. 16 bits are two passes of 8.
struct FusionOperandFormat {
  int activation_width = 0, weight_width = 0;  ///< 0: 2 bits, 1: 4, 2: 8, 3: 16
  bool activation_signed = false, weight_signed = false;

  static int bits(int width) { return 2 << width; }
  static int passes(int width) { return width == 3 ? 2 : 1; }
  /// Bits of an element in a pass.
  static int part_bits(int width) { return std::min(bits(width), 8); }
  /// Elements of a unit's 32 bits.
  int elements() const {
    return FusionFormat{std::min(activation_width, 2), std::min(weight_width, 2), activation_signed, weight_signed, 0}.elements();
  }
};

/// Of an activation tile, line 0 of an entry has 32 bits for each row of units; of a weight tile, line r has 32 bits for each column of row
/// r. Registers 8 (words of K), 9 (widths) and bits 2 and 3 of register 1 (signed) say how many there are and what they mean.
class FusionOperands final : public CoreArray {
 public:
  explicit FusionOperands(std::int64_t columns) : columns_(columns) {}

  std::int64_t job_cycles(const CoreProgram& program) const override {
    const FusionOperandFormat f = format(program);
    return std::int64_t{program.value(8)} * f.passes(f.activation_width) * f.passes(f.weight_width);
  }
  void multiply(const CoreProgram& program, const TileMemory& activations, std::int64_t activation_base, const TileMemory& weights,
                std::int64_t weight_base, ResultValues& acc, ResultValues& sum) const override {
    const FusionOperandFormat f = format(program);
    std::vector<std::uint32_t> dots(static_cast<std::size_t>(columns_));
    std::uint32_t total = 0;
    for (std::int64_t word = 0; word < program.value(8); ++word)
      for (std::int64_t unit = 0; unit < weights.rows(); ++unit)
        for (int e = 0; e < f.elements(); ++e) {
          const std::int64_t a = element(activations, activation_base, word, 0, unit, e, f.activation_width, f.activation_signed);
          total += static_cast<std::uint32_t>(a);
          for (std::int64_t c = 0; c < columns_; ++c)
            dots[static_cast<std::size_t>(c)] +=
                static_cast<std::uint32_t>(a * element(weights, weight_base, word, unit, c, e, f.weight_width, f.weight_signed));
        }
    acc.assign(dots.begin(), dots.end());
    sum.assign(1, total);
  }

 private:
  static FusionOperandFormat format(const CoreProgram& program) {
    return {static_cast<int>(program.value(9) & 3), static_cast<int>(program.value(9) >> 8 & 3), (program.value(1) >> 2 & 1) != 0,
            (program.value(1) >> 3 & 1) != 0};
  }
  /// Element `e` of the 32 bits at place `place` of line `line`, put together from its passes.
  static std::int64_t element(const TileMemory& memory, std::int64_t base, std::int64_t word, std::int64_t line, std::int64_t place, int e,
                              int width, bool is_signed) {
    const int passes = FusionOperandFormat::passes(width), part = FusionOperandFormat::part_bits(width);
    std::int64_t value = 0;
    for (int p = 0; p < passes; ++p)
      value |= static_cast<std::int64_t>(memory.word(base + word * passes + p, line).get(place * 32 + e * part, part)) << p * part;
    const std::int64_t span = std::int64_t{1} << FusionOperandFormat::bits(width);
    return is_signed && value >= span / 2 ? value - span : value;
  }
  std::int64_t columns_;
};

/// `shape`'s entries, lanes and roundings; the rest follows from the rows and columns of fusion units.
inline TileCoreShape fusion_core_shape(TileCoreShape shape, std::int64_t rows, std::int64_t columns) {
  shape.rows = shape.activation_rows = 1;
  shape.columns = columns;
  shape.weight_rows = rows;
  shape.activation_word_bits = rows * 32;
  shape.weight_word_bits = columns * 32;
  shape.array_latency = rows + columns + 2;
  shape.parameter_depth = shape.output_tiles = 8 + (shape.array_latency + 16) * shape.lanes / columns;
  return shape;
}

inline TileCore make_fusion_core(const TileCoreShape& shape, std::int64_t rows, std::int64_t columns) {
  return TileCore(fusion_core_shape(shape, rows, columns), std::make_shared<FusionOperands>(columns));
}

}  // namespace dyad::cosim::reference
