/// \file Reference model of rtl/systolic_core.sv: the shell's model with the products of elements, one step of K after another.
#pragma once

#include <algorithm>
#include <memory>

#include "dyad/cosim/reference/systolic_array.hpp"
#include "dyad/cosim/reference/tile_core.hpp"

namespace dyad::cosim::reference {

/// An entry of a tile is one element of each vector, vector 0 lowest. Registers 8 (elements of K) and bits 2 and 3 of register 1 (signed)
/// say how many there are and what they mean.
class SystolicOperands final : public CoreArray {
 public:
  explicit SystolicOperands(const SystolicSize& size) : size_(size) {}

  std::int64_t job_cycles(const CoreProgram& program) const override {
    return std::max<std::int64_t>(program.value(8), size_.capture_distance());
  }
  void multiply(const CoreProgram& program, const TileMemory& activations, std::int64_t activation_base, const TileMemory& weights,
                std::int64_t weight_base, ResultValues& acc, ResultValues& sum) const override {
    const bool activation_signed = program.value(1) >> 2 & 1, weight_signed = program.value(1) >> 3 & 1;
    std::vector<std::int64_t> dots(static_cast<std::size_t>(size_.rows * size_.columns)), sums(static_cast<std::size_t>(size_.rows));
    for (std::int64_t k = 0; k < program.value(8); ++k) {
      std::size_t cell = 0;
      for (int r = 0; r < size_.rows; ++r) {
        const std::int64_t a = element(activations.word(activation_base + k, 0), r, size_.activation_width, activation_signed);
        sums[static_cast<std::size_t>(r)] += a;
        for (int c = 0; c < size_.columns; ++c)
          dots[cell++] += a * element(weights.word(weight_base + k, 0), c, size_.weight_width, weight_signed);
      }
    }
    acc.clear();
    sum.clear();
    for (const std::int64_t dot : dots) acc.emplace_back(static_cast<std::uint32_t>(dot));
    for (const std::int64_t total : sums) sum.emplace_back(static_cast<std::uint32_t>(total));
  }

 private:
  static std::int64_t element(const PackedBits& entry, int index, int width, bool is_signed) {
    const std::int64_t at = std::int64_t{index} * width;
    return is_signed ? entry.get_signed(at, width) : static_cast<std::int64_t>(entry.get(at, width));
  }
  SystolicSize size_;
};

/// `shape`'s entries, lanes and roundings; the rest follows from `size`.
inline TileCoreShape systolic_core_shape(TileCoreShape shape, const SystolicSize& size) {
  shape.rows = size.rows;
  shape.columns = size.columns;
  shape.activation_rows = shape.weight_rows = 1;
  shape.activation_word_bits = std::int64_t{size.rows} * size.activation_width;
  shape.weight_word_bits = std::int64_t{size.columns} * size.weight_width;
  shape.array_latency = size.latency();
  shape.parameter_depth = shape.output_tiles = 8 + (shape.array_latency + 16) * shape.lanes / (shape.rows * shape.columns);
  return shape;
}

inline TileCore make_systolic_core(const TileCoreShape& shape, const SystolicSize& size) {
  return TileCore(systolic_core_shape(shape, size), std::make_shared<SystolicOperands>(size));
}

}  // namespace dyad::cosim::reference
