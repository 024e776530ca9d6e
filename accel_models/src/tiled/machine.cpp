#include "dyad/accel_models/tiled/machine.hpp"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "dyad/accel_models/technology.hpp"

namespace dyad::accel_models::tiled {
namespace {

/// Bits of an operand of a cell that holds weights or activations.
constexpr std::int64_t kCellBits = 8;

/// The smallest of the widths that holds `bits`.
std::int64_t stored_bits(std::int64_t bits, std::initializer_list<std::int64_t> widths) {
  for (const std::int64_t width : widths)
    if (bits <= width) return width;
  throw InternalError("operands of " + std::to_string(bits) + " bits on a machine that does not take them");
}

}  // namespace

std::string_view family_of(Operands operands) {
  switch (operands) {
    case Operands::kBitPlanes: return "bit_serial";
    case Operands::kElements: return "tensor_core";
    case Operands::kColumns:
    case Operands::kStationaryWeights:
    case Operands::kStationaryActivations: return "systolic";
    case Operands::kBricks: return "bit_fusion";
    case Operands::kCodes: return "shift_add";
  }
  throw InternalError("operands without a name");
}

std::string_view core_key(Operands operands) {
  switch (operands) {
    case Operands::kBitPlanes: return "bit_serial";
    case Operands::kElements: return "mma_core";
    case Operands::kColumns: return "systolic_core";
    case Operands::kBricks: return "fusion_core";
    case Operands::kCodes: return "apot_core";
    case Operands::kStationaryWeights: return "weight_stationary";
    case Operands::kStationaryActivations: return "input_stationary";
  }
  throw InternalError("operands without a name");
}

std::int64_t Machine::activation_lines() const {
  if (given_activation_lines > 0) return given_activation_lines;
  switch (operands) {
    case Operands::kColumns: return 1;
    case Operands::kStationaryActivations: return depth / kCellBits;
    default: return rows;
  }
}

std::int64_t Machine::weight_lines() const {
  if (given_weight_lines > 0) return given_weight_lines;
  switch (operands) {
    case Operands::kColumns: return 1;
    case Operands::kBricks: return depth / 32;
    case Operands::kStationaryWeights: return depth / kCellBits;
    default: return columns;
  }
}

std::int64_t Machine::largest_bits() const {
  switch (operands) {
    case Operands::kBitPlanes:
    case Operands::kBricks: return 16;
    case Operands::kColumns: return depth;
    default: return 8;
  }
}

Packing Machine::packing(std::int64_t weight_bits, std::int64_t activation_bits) const {
  Packing p;
  switch (operands) {
    case Operands::kBitPlanes:
      p.elements = depth;
      p.activation_entries = (activation_bits + activation_slice - 1) / activation_slice;
      p.weight_entries = (weight_bits + weight_slice - 1) / weight_slice;
      p.cycles = p.activation_entries * p.weight_entries;
      p.activation_element_bits = p.activation_entries * activation_slice;
      p.weight_element_bits = p.weight_entries * weight_slice;
      break;
    case Operands::kElements:
      p.activation_element_bits = p.weight_element_bits = stored_bits(std::max(weight_bits, activation_bits), {1, 4, 8});
      p.elements = depth / p.weight_element_bits;
      break;
    case Operands::kColumns: p.activation_element_bits = p.weight_element_bits = depth; break;
    case Operands::kBricks: {
      p.activation_element_bits = stored_bits(activation_bits, {2, 4, 8, 16});
      p.weight_element_bits = stored_bits(weight_bits, {2, 4, 8, 16});
      p.activation_entries = p.activation_element_bits == 16 ? 2 : 1;
      p.weight_entries = p.weight_element_bits == 16 ? 2 : 1;
      p.cycles = p.activation_entries * p.weight_entries;
      const std::int64_t bricks =
          std::min<std::int64_t>(p.activation_element_bits, 8) * std::min<std::int64_t>(p.weight_element_bits, 8) / 4;
      p.elements = depth / 32 * (16 / bricks);
      break;
    }
    case Operands::kCodes:
      // Sign and up to four magnitude bits are two powers of two (APoT with k = 2); up to six are three or four.
      p.weight_entries = p.cycles = weight_bits <= 5 ? 1 : 2;
      p.elements = depth / 8;
      p.activation_element_bits = 8;
      p.weight_element_bits = 8 * p.weight_entries;
      break;
    case Operands::kStationaryWeights:
    case Operands::kStationaryActivations:
      p.elements = depth / kCellBits;
      p.activation_element_bits = p.weight_element_bits = kCellBits;
      break;
  }
  return p;
}

std::int64_t Machine::lanes(const Packing& p) const {
  const std::int64_t products = p.elements * p.activation_element_bits * p.weight_element_bits;
  if (operands == Operands::kStationaryWeights || operands == Operands::kBricks) return columns * products / p.cycles;
  if (operands == Operands::kStationaryActivations) return rows * products;
  return rows * columns * products / p.cycles;
}

std::int64_t Machine::lanes() const {
  const std::int64_t bits = std::min<std::int64_t>(8, largest_bits());
  return lanes(packing(bits, bits));
}

std::optional<std::vector<std::uint8_t>> shift_codes(std::int32_t weight, std::int64_t count) {
  const auto single = [](std::int32_t value) -> std::optional<std::uint8_t> {
    const auto magnitude = static_cast<std::uint32_t>(value < 0 ? -std::int64_t{value} : value);
    if (magnitude == 0) return std::uint8_t{0};
    const int high = std::bit_width(magnitude) - 1, low = std::countr_zero(magnitude);
    if (std::popcount(magnitude) > 2 || high > 14 || (low != high && low > 6)) return std::nullopt;
    return static_cast<std::uint8_t>((value < 0 ? 0x80 : 0) | (high + 1) << 3 | (low == high ? 0 : low + 1));
  };
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(count), 0);
  if (const auto one = single(weight)) {
    codes[0] = *one;
    return codes;
  }
  if (count < 2) return std::nullopt;
  // Any code beside which the rest has one; the smallest sufficient magnitudes first.
  for (int high = 0; high <= 8; ++high)
    for (int low = -1; low < std::min(high, 7); ++low)
      for (const int sign : {1, -1}) {
        const std::int32_t value = sign * ((1 << high) + (low < 0 ? 0 : 1 << low));
        const auto rest = single(weight - value);
        if (!rest) continue;
        codes[0] = *rest;
        codes[1] = *single(value);
        return codes;
      }
  return std::nullopt;
}

Result<Machine> read_machine(const JsonReader& reader, Operands operands) {
  Machine machine;
  machine.operands = operands;
  DYAD_TRY(machine.rows, read_sourced_integer(reader, "rows", 1, 65536));
  DYAD_TRY(machine.columns, read_sourced_integer(reader, "columns", 1, 65536));
  DYAD_TRY(machine.depth, read_sourced_integer(reader, "depth_bits", 1, 65536));
  DYAD_TRY(machine.activation_entries, read_sourced_integer(reader, "activation_entries", 1, std::int64_t{1} << 24));
  DYAD_TRY(machine.weight_entries, read_sourced_integer(reader, "weight_entries", 1, std::int64_t{1} << 24));
  DYAD_TRY(machine.pipeline_cycles, read_sourced_integer(reader, "pipeline_cycles", 0, 1000));
  DYAD_TRY(machine.requantizer_lanes, read_sourced_integer(reader, "requantizer_lanes", 1, 65536));
  DYAD_TRY(machine.output_port_bits, read_sourced_integer(reader, "output_port_bits", 1, 65536));
  DYAD_TRY(machine.output_buffer_bits, read_sourced_integer(reader, "output_buffer_bits", 1, std::int64_t{1} << 32));
  DYAD_TRY(machine.queue_depth, read_sourced_integer(reader, "queue_depth", 1, kMaxQueueDepth));
  if (operands == Operands::kBitPlanes) {
    if (reader.has("activation_slice_bits")) {
      DYAD_TRY(machine.activation_slice, read_sourced_integer(reader, "activation_slice_bits", 1, 16));
    }
    if (reader.has("weight_slice_bits")) {
      DYAD_TRY(machine.weight_slice, read_sourced_integer(reader, "weight_slice_bits", 1, 16));
    }
  }
  if (reader.has("activation_lines")) {
    DYAD_TRY(machine.given_activation_lines, read_sourced_integer(reader, "activation_lines", 1, 65536));
  }
  if (reader.has("weight_lines")) {
    DYAD_TRY(machine.given_weight_lines, read_sourced_integer(reader, "weight_lines", 1, 65536));
  }
  DYAD_CHECK(reader.finish());
  const auto wrong = [&](const char* key, std::string expected, std::string hint) -> Result<Machine> {
    DYAD_TRY(const JsonReader node, reader.member(key));
    DYAD_TRY(const JsonReader value, node.member("value"));
    return value.error(std::move(expected), std::move(hint));
  };
  // Depths first: lines are counted from them.
  const std::int64_t unit = operands == Operands::kBricks ? 32 : operands == Operands::kBitPlanes || operands == Operands::kColumns ? 1 : 8;
  if (machine.depth % unit != 0) return wrong("depth_bits", "expected a multiple of " + std::to_string(unit), "for example 128");
  if (operands == Operands::kColumns && machine.depth > 15)
    return wrong("depth_bits", "expected 1 to 15", "the bits of an element, for example 8");
  if (machine.activation_entry_bits() % machine.activation_lines() != 0)
    return wrong("activation_lines", "expected a divisor of rows * depth_bits", "lines of equal length");
  if (machine.weight_entry_bits() % machine.weight_lines() != 0)
    return wrong("weight_lines", "expected a divisor of columns * depth_bits", "lines of equal length");
  return machine;
}

}  // namespace dyad::accel_models::tiled
