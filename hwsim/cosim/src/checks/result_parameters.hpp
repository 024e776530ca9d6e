/// \file Random configurations of the result stage, for its own check and for those of the cores.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "dyad/base/random.hpp"
#include "dyad/cosim/average_reciprocal.hpp"
#include "dyad/cosim/packed_bits.hpp"
#include "dyad/cosim/reference/result_stage.hpp"

namespace dyad::cosim {

/// Bits of a column's parameters at the port.
constexpr std::int64_t kColumnBits = 124;

inline PackedBits packed_columns(const std::vector<reference::ResultStage::Column>& columns) {
  PackedBits bits(static_cast<std::int64_t>(columns.size()) * kColumnBits);
  std::int64_t at = 0;
  const auto put = [&](int width, std::int64_t value) {
    bits.set(at, width, static_cast<std::uint64_t>(value));
    at += width;
  };
  for (const auto& column : columns) {
    put(32, column.bias);
    put(16, column.weight_zero_point);
    put(32, column.multiplier);
    put(6, column.shift);
    put(32, column.other_multiplier);
    put(6, column.other_shift);
  }
  return bits;
}

/// |multiplier| < 2^31, shift 0 to 62.
inline void random_ratio(std::int32_t& multiplier, int& shift, Random& random) {
  if (random.below(16) == 0) {
    multiplier = static_cast<std::int32_t>(random.between(-INT32_MAX, INT32_MAX));
    shift = static_cast<int>(random.between(0, 62));
  } else {
    multiplier = static_cast<std::int32_t>(random.between(1 << 30, INT32_MAX));
    shift = static_cast<int>(random.between(30, 44));
  }
}

/// Zero point and bounds of 1- to 32-bit outputs, and an operation.
inline void random_result_layer(reference::ResultStage::Layer& layer, Random& random) {
  using Operation = reference::ResultStage::Operation;
  layer.operation = static_cast<Operation>(random.below(4));
  const int bits = static_cast<int>(random.below(3) == 0 ? random.between(1, 32) : 8);
  const std::int64_t span = std::int64_t{1} << bits;
  const std::int64_t lowest = random.coin() ? 0 : -span / 2;
  layer.lowest = static_cast<std::int32_t>(std::max<std::int64_t>(lowest, INT32_MIN));
  layer.highest = static_cast<std::int32_t>(std::min<std::int64_t>(lowest + span - 1, INT32_MAX));
  layer.zero_point = static_cast<std::int32_t>(random.between(layer.lowest, layer.highest));
  layer.count = random.coin() ? random.between(1, 64) : random.between(1, 65535);
  layer.requantize_average = random.coin();
  random_ratio(layer.average_multiplier, layer.average_shift, random);
}

/// Parameters whose results mostly fall between the bounds, extremes now and then.
inline reference::ResultStage::Column random_column(Random& random) {
  reference::ResultStage::Column column;
  column.bias = static_cast<std::int32_t>(random.below(16) == 0 ? random.between(INT32_MIN, INT32_MAX) : random.between(-100'000, 100'000));
  column.weight_zero_point = static_cast<std::int32_t>(random.coin()          ? 0
                                                       : random.below(8) == 0 ? random.between(-32768, 32767)
                                                                              : random.between(-128, 255));
  random_ratio(column.multiplier, column.shift, random);
  random_ratio(column.other_multiplier, column.other_shift, random);
  return column;
}

/// The layer's inputs of a result_stage.
template <class Dut>
void drive_result_layer(Dut& dut, const reference::ResultStage::Layer& layer) {
  dut->operation_i = static_cast<std::uint8_t>(layer.operation);
  dut->other_is_here_i = layer.other_is_here;
  dut->half_rate_i = layer.half_rate;
  dut->zero_point_i = static_cast<std::uint32_t>(layer.zero_point);
  dut->lowest_i = static_cast<std::uint32_t>(layer.lowest);
  dut->highest_i = static_cast<std::uint32_t>(layer.highest);
  dut->requantize_average_i = layer.requantize_average;
  dut->average_multiplier_i = static_cast<std::uint32_t>(layer.average_multiplier);
  dut->average_shift_i = static_cast<std::uint8_t>(layer.average_shift);
  const AverageReciprocal reciprocal = average_reciprocal(layer.count, layer.average_rounding).value();
  dut->reciprocal_i = reciprocal.multiplier;
  dut->reciprocal_shift_i = static_cast<std::uint8_t>(reciprocal.shift);
  dut->average_offset_i = reciprocal.offset;
  dut->average_negative_offset_i = reciprocal.negative_offset;
}

}  // namespace dyad::cosim
