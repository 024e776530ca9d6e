#include "dyad/accel_models/tiled/rtl.hpp"

#include <algorithm>
#include <bit>

#include "dyad/base/ceil_div.hpp"
#include "dyad/cosim/average_reciprocal.hpp"

namespace dyad::accel_models::tiled {
namespace {

/// What result_stage does with a result.
enum class Operation : std::uint32_t { kRequantize = 0, kAdd = 1, kAverage = 2, kSaturate = 3 };

Operation operation_of(const LayerData& data) {
  const LayerOperands& operands = data.operands();
  if (operands.addition || operands.layer->op == IntegerOp::kAdd) return Operation::kAdd;
  if (operands.layer->op == IntegerOp::kAveragePool) return Operation::kAverage;
  return data.result_parameters().requantizes ? Operation::kRequantize : Operation::kSaturate;
}

/// element_lanes' operation: sum, maximum, two operands.
std::uint32_t element_operation(const LayerData& data) {
  switch (data.operands().layer->op) {
    case IntegerOp::kAdd: return 2;
    case IntegerOp::kMaxPool: return 1;
    default: return 0;
  }
}

Result<void> check_layer(const LayerData& data, const Machine& machine, const cosim::CoreShape& shape) {
  DYAD_CHECK(data.supported_by_rtl());
  const IntegerLayer& layer = *data.operands().layer;
  const auto refuse = [&](std::string message, std::string hint) {
    return Error{"layer '" + layer.name + "'", std::move(message), std::move(hint)};
  };
  const Operation operation = operation_of(data);
  const Rounding rounding = data.result_parameters().rounding;
  if ((operation == Operation::kRequantize || operation == Operation::kAdd || data.operands().narrowing) && rounding != shape.rounding)
    return refuse("rounds " + std::string(to_string(rounding)) + ", but the core '" + shape.name + "' was built with " +
                      std::string(to_string(shape.rounding)),
                  "quantize with --rounding " + std::string(to_string(shape.rounding)));
  if (!data.is_elementwise()) return {};
  if (operation == Operation::kAverage && layer.average_rounding != shape.average_rounding)
    return refuse("averages with rounding " + std::string(to_string(layer.average_rounding)) + ", for which the core '" + shape.name +
                      "' was not built",
                  "quantize with --average-rounding half_up");
  if (operation == Operation::kAverage) {
    const auto reciprocal = cosim::average_reciprocal(data.steps(), layer.average_rounding);
    const BitWidth input = layer.inputs[0];
    const std::int64_t largest = std::max(-input.lowest(), input.highest()) * data.steps();
    if (!reciprocal || largest > reciprocal->largest_sum)
      return refuse("its sums of up to " + std::to_string(largest) + " are more than the core divides exactly",
                    "run it on another backend");
  }
  const std::int64_t bits = data.problem().activation_bits;
  if (bits != 8 && bits != 16 && bits != 32)
    return refuse("has elements of " + std::to_string(bits) + " bits; the elementwise lanes take 8, 16 or 32", "run it on another backend");
  if (machine.activation_entry_bits() % (machine.requantizer_lanes * bits) != 0)
    return refuse("an entry of the activation memory does not hold whole slices of its elements", "run it on another backend");
  const std::int64_t entries = ceil_div(data.schedule().stream_words, machine.activation_lines());
  if (entries * data.schedule().stream_slots > machine.activation_entries)
    return refuse("its tiles do not fit into the activation memory", "use a machine with more activation_entries");
  return {};
}

/// Register 9: docs/rtl/<core>.md.
std::uint32_t operand_formats(const Machine& machine, const Problem& p) {
  switch (machine.operands) {
    case Operands::kBitPlanes: return static_cast<std::uint32_t>(p.activation_bits | p.weight_bits << 8);
    case Operands::kElements: return p.packing.activation_element_bits == 8 ? 0 : p.packing.activation_element_bits == 4 ? 1 : 2;
    case Operands::kColumns: return 0;
    case Operands::kCodes: return static_cast<std::uint32_t>(p.packing.weight_entries);
    case Operands::kBricks: {
      const auto code = [](std::int64_t bits) { return static_cast<std::uint32_t>(std::bit_width(static_cast<std::uint64_t>(bits)) - 2); };
      return code(p.packing.activation_element_bits) | code(p.packing.weight_element_bits) << 8;
    }
    case Operands::kStationaryWeights:
    case Operands::kStationaryActivations: break;  // no core has them
  }
  throw InternalError("operands without a name");
}

std::vector<cosim::CoreRegister> registers_of(const LayerData& data, const Machine& machine) {
  const Schedule& s = data.schedule();
  const Problem& p = data.problem();
  const ResultParameters result = data.result_parameters();
  const auto word = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  const bool elementwise = data.is_elementwise();

  std::uint32_t flags = 0;
  flags |= word(s.resident_is_weights) << 0 | word(!elementwise) << 1;
  flags |= word(data.activations_signed()) << 2 | word(!elementwise && data.weights_signed()) << 3;
  flags |= word(data.operands().addition != nullptr) << 4;
  const IntegerLayer* const narrowing = data.operands().narrowing;
  flags |= word(narrowing && operation_of(data) == Operation::kAverage) << 5;
  flags |= static_cast<std::uint32_t>(operation_of(data)) << 6 | element_operation(data) << 8;
  flags |= (p.activation_bits == 32 ? 2u : p.activation_bits == 16 ? 1u : 0u) << 10 | word(data.activations_signed()) << 12;
  if (elementwise) flags |= word(data.activations_signed(data.operands().inputs.size() > 1 ? 1 : 0)) << 13;

  const std::int64_t stream_lines = s.resident_is_weights || elementwise ? machine.activation_lines() : machine.weight_lines();
  const std::int64_t resident_lines = s.resident_is_weights ? machine.weight_lines() : machine.activation_lines();
  const std::int64_t resident_stride = elementwise ? 0 : s.resident_words / resident_lines;
  const std::int64_t stream_stride = ceil_div(s.stream_words, stream_lines);

  std::vector<cosim::CoreRegister> r{
      {1, flags},
      {2, word(s.groups * s.blocks)},
      {3, word(s.blocks)},
      {4, word(s.block_tiles)},
      {5, word(s.last_block_tiles)},
      {6, word(s.rows)},
      {7, word(s.jobs_per_result)},
      {8, word(elementwise ? 0 : s.k_words)},
      {9, elementwise ? 0 : operand_formats(machine, p)},
      {10, word(s.drain_cycles)},
      {11, word(s.resident_words)},
      {12, word(s.stream_words)},
      {13, word(s.stream_slots) | word(s.regions) << 16},
      {14, word(resident_stride)},
      {15, word(stream_stride)},
      {16, word(s.block_tiles * resident_stride)},
      {17, word(result.zero_point)},
      {18, word(result.lowest)},
      {19, word(result.highest)},
  };
  if (elementwise) {
    const std::int64_t outputs = ceil_div(p.outputs, s.rows);
    r.push_back({24, word(data.steps())});
    r.push_back({25, word(machine.activation_entry_bits() / (machine.requantizer_lanes * p.activation_bits))});
    r.push_back({26, word(ceil_div(outputs, machine.requantizer_lanes))});
    const auto reciprocal = cosim::average_reciprocal(data.steps(), data.operands().layer->average_rounding);
    DYAD_EXPECT(reciprocal, "a window that check_layer refuses");
    r.push_back({20, reciprocal->multiplier});
    r.push_back({21, word(reciprocal->shift)});
    r.push_back({22, word(reciprocal->offset) | word(reciprocal->negative_offset) << 16});
    const Dyadic ratio = data.channel_parameters(0).ratio;
    r.push_back({27, word(ratio.multiplier)});
    r.push_back({28, word(ratio.shift)});
  }
  return r;
}

}  // namespace

Result<cosim::CoreShape> core_for(const Machine& machine) {
  const std::string module = machine.operands == Operands::kBitPlanes ? "bit_serial_core" : std::string(core_key(machine.operands));
  std::string known;
  for (const cosim::CoreShape& shape : cosim::core_shapes()) {
    if (!shape.name.starts_with(module)) continue;
    if (machine.activation_slice == 1 && machine.weight_slice == 1 && shape.rows == machine.rows && shape.columns == machine.columns &&
        shape.activation_word_bits == machine.activation_line_bits() && shape.weight_word_bits == machine.weight_line_bits() &&
        shape.activation_entries >= machine.activation_entries && shape.weight_entries >= machine.weight_entries &&
        shape.lanes == machine.requantizer_lanes && shape.output_latency <= machine.pipeline_cycles)
      return shape;
    known += (known.empty() ? "" : ", ") + shape.name;
  }
  return Error{"rtl", "no build of " + module + " has the geometry of this accelerator",
               known.empty() ? "none is built" : "built are: " + known};
}

Result<cosim::CoreResult> run_on_core(cosim::CoreSimulation& core, LayerData& data, const Machine& machine, const hwsim::DramTiming& dram,
                                      const cosim::CoreStalls& stalls) {
  DYAD_CHECK(check_layer(data, machine, core.shape()));
  const Schedule& s = data.schedule();
  const bool elementwise = data.is_elementwise();
  cosim::CoreLayer layer;
  layer.registers = registers_of(data, machine);
  layer.stream_is_weights = !s.resident_is_weights && !elementwise;

  cosim::OperandFeed stream, resident;
  stream.tiles = s.stream_tiles();
  stream.words = s.stream_words;
  stream.bits = [&](std::int64_t tile) {
    return piece_bits(s.stream_pass_bits, tile % s.stream_pass_tiles, s.stream_pass_tiles, s.stream_request_bits);
  };
  stream.lines = [&](std::int64_t tile) { return elementwise ? data.element_lines(tile) : data.tile_lines(data.stream_tile(tile)); };
  resident.tiles = s.resident_tiles();
  resident.words = s.resident_words;
  resident.slot_tiles = s.block_tiles;
  resident.group_slots = s.blocks;
  resident.last_slot_tiles = s.last_block_tiles;
  resident.bits = [&](std::int64_t tile) {
    return piece_bits(s.resident_pass_bits, tile % s.resident_pass_tiles, s.resident_pass_tiles, s.resident_request_bits);
  };
  resident.lines = [&](std::int64_t tile) { return data.tile_lines(data.resident_tile(tile)); };
  (layer.stream_is_weights ? layer.weights : layer.activations) = stream;
  (layer.stream_is_weights ? layer.activations : layer.weights) = resident;

  layer.results = s.results();
  layer.has_residual = data.operands().addition != nullptr;
  layer.pipeline_cycles = machine.pipeline_cycles;
  layer.output_buffer_bits = result_buffer_bits(s, machine, dram);
  layer.result_bits = [&](std::int64_t result) { return piece_bits(s.output_bits, result, s.results(), 1); };
  const auto job_of = [&](std::int64_t result) { return (result + 1) * s.jobs_per_result - 1; };
  layer.parameters = [&](std::int64_t result, std::int64_t column) {
    // Elementwise layers have one ratio; their results are not in the order of columns.
    const ChannelParameters p = elementwise ? data.channel_parameters(0) : data.column_parameters(data.job(job_of(result)), column);
    return cosim::ColumnParameters{p.bias,        p.weight_zero_point, p.ratio.multiplier, p.other_ratio.multiplier,
                                   p.ratio.shift, p.other_ratio.shift};
  };
  layer.residual = [&](std::int64_t result) { return data.residual_operands(data.job(job_of(result))); };
  layer.store = [&](std::int64_t result, std::span<const std::int32_t> values) { data.store(job_of(result), values); };
  return core.run(layer, dram, stalls);
}

}  // namespace dyad::accel_models::tiled
