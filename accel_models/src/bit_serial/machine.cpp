#include "dyad/accel_models/bit_serial/machine.hpp"

#include <nlohmann/json.hpp>

namespace dyad::accel_models::bit_serial {
namespace {

Result<std::int64_t> sourced_integer(const JsonReader& reader, std::string_view key, std::int64_t lowest, std::int64_t highest) {
  DYAD_CHECK(reader.sourced_number(key));
  DYAD_TRY(const JsonReader node, reader.member(key));
  return node.integer("value", lowest, highest);
}

}  // namespace

Result<Machine> read_machine(const JsonReader& reader) {
  Machine machine;
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
  return machine;
}

}  // namespace dyad::accel_models::bit_serial
