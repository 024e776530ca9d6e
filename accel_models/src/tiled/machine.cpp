#include "dyad/accel_models/tiled/machine.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dyad::accel_models::tiled {
namespace {

Result<std::int64_t> sourced_integer(const JsonReader& reader, std::string_view key, std::int64_t lowest, std::int64_t highest) {
  DYAD_CHECK(reader.sourced_number(key));
  DYAD_TRY(const JsonReader node, reader.member(key));
  return node.integer("value", lowest, highest);
}

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
    case Operands::kColumns: return "systolic";
    case Operands::kBricks: return "bit_fusion";
  }
  throw InternalError("operands without a name");
}

std::string_view core_key(Operands operands) {
  switch (operands) {
    case Operands::kBitPlanes: return "bit_serial";
    case Operands::kElements: return "mma_core";
    case Operands::kColumns: return "systolic_core";
    case Operands::kBricks: return "fusion_core";
  }
  throw InternalError("operands without a name");
}

Packing Machine::packing(std::int64_t weight_bits, std::int64_t activation_bits) const {
  Packing p;
  switch (operands) {
    case Operands::kBitPlanes:
      p.elements = depth;
      p.activation_entries = activation_bits;
      p.weight_entries = weight_bits;
      p.cycles = activation_bits * weight_bits;
      p.activation_element_bits = activation_bits;
      p.weight_element_bits = weight_bits;
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
  }
  return p;
}

std::int64_t Machine::lanes(const Packing& p) const {
  return rows * columns * p.elements * p.activation_element_bits * p.weight_element_bits / p.cycles;
}

std::int64_t Machine::lanes() const {
  const std::int64_t bits = std::min<std::int64_t>(8, largest_bits());
  return lanes(packing(bits, bits));
}

Result<Machine> read_machine(const JsonReader& reader, Operands operands) {
  Machine machine;
  machine.operands = operands;
  DYAD_TRY(machine.rows, sourced_integer(reader, "rows", 1, 1024));
  DYAD_TRY(machine.columns, sourced_integer(reader, "columns", 1, 1024));
  DYAD_TRY(machine.depth, sourced_integer(reader, "depth_bits", 1, 65536));
  DYAD_TRY(machine.activation_entries, sourced_integer(reader, "activation_entries", 1, std::int64_t{1} << 24));
  DYAD_TRY(machine.weight_entries, sourced_integer(reader, "weight_entries", 1, std::int64_t{1} << 24));
  DYAD_TRY(machine.pipeline_cycles, sourced_integer(reader, "pipeline_cycles", 0, 1000));
  DYAD_TRY(machine.requantizer_lanes, sourced_integer(reader, "requantizer_lanes", 1, 65536));
  DYAD_TRY(machine.output_port_bits, sourced_integer(reader, "output_port_bits", 1, 65536));
  DYAD_TRY(machine.output_buffer_bits, sourced_integer(reader, "output_buffer_bits", 1, std::int64_t{1} << 32));
  DYAD_TRY(machine.queue_depth, sourced_integer(reader, "queue_depth", 1, kMaxQueueDepth));
  DYAD_CHECK(reader.finish());
  const auto wrong = [&](const char* key, std::string expected, std::string hint) -> Result<Machine> {
    DYAD_TRY(const JsonReader node, reader.member(key));
    DYAD_TRY(const JsonReader value, node.member("value"));
    return value.error(std::move(expected), std::move(hint));
  };
  if (operands == Operands::kElements && machine.depth % 8 != 0) return wrong("depth_bits", "expected a multiple of 8", "for example 128");
  if (operands == Operands::kColumns && machine.depth > 15)
    return wrong("depth_bits", "expected 1 to 15", "the bits of an element, for example 8");
  if (operands == Operands::kBricks && machine.depth % 32 != 0)
    return wrong("depth_bits", "expected a multiple of 32", "32 bits a fusion unit");
  if (operands == Operands::kBricks && machine.rows != 1)
    return wrong("rows", "expected 1", "the rows of fusion units sum up: depth_bits / 32");
  return machine;
}

}  // namespace dyad::accel_models::tiled
