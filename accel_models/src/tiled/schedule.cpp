#include "dyad/accel_models/tiled/schedule.hpp"

#include <algorithm>

#include "dyad/base/ceil_div.hpp"
#include "elementwise.hpp"

namespace dyad::accel_models::tiled {
namespace {

std::int64_t drain_cycles(const Machine& machine, const Problem& p) {
  const std::int64_t results = p.weighted ? p.tile_rows * p.tile_columns : machine.rows * machine.columns,
                     requantized = p.residual_bits > 0 ? 2 * results : results;
  return std::max(ceil_div(requantized, machine.requantizer_lanes),
                  ceil_div(results * std::max(p.out_bits, p.residual_bits), machine.output_port_bits));
}

/// Whole requests, but small ones where the tiles that may be in flight are small, so that four requests can be on their way.
void choose_requests(Schedule& s, const hwsim::DramTiming& dram) {
  const auto unit = [&](std::int64_t tiles, std::int64_t pass_bits, std::int64_t pass_tiles) {
    return std::clamp(dram.whole_bursts(tiles * (pass_bits / pass_tiles) / 4), dram.burst_bits, dram.request_bits);
  };
  s.resident_request_bits = unit(s.block_tiles, s.resident_pass_bits, s.resident_pass_tiles);
  s.stream_request_bits = unit(s.stream_slots, s.stream_pass_bits, s.stream_pass_tiles);
}

Schedule elementwise(const Problem& p, const Machine& machine, const hwsim::DramTiming& dram) {
  Schedule s;
  s.order = Order::kElementwise;
  s.has_resident = false;
  const std::int64_t tile = machine.rows * machine.columns;
  s.rows = ceil_div(p.outputs, tile);
  // The lanes take one operation of as many results as there are lanes in a cycle: the last ones of a tile leave lanes idle.
  const std::int64_t steps = p.operations / p.outputs, turns = ceil_div(ceil_div(p.outputs, s.rows), machine.requantizer_lanes);
  s.job_cycles = turns * steps;
  s.drain_cycles = drain_cycles(machine, p);
  // Where every element is an operand once, elements are stored as the lanes take them; else as they come.
  const bool once = p.activation_elements == p.operations;
  const std::int64_t elements = once ? s.job_cycles * machine.requantizer_lanes : ceil_div(p.activation_elements, s.rows);
  s.stream_words = ceil_div(elements * p.activation_bits, machine.activation_line_bits());
  s.stream_slots =
      std::clamp<std::int64_t>(machine.activation_entries * machine.activation_lines() / s.stream_words, 1, machine.queue_depth);
  s.stream_pass_tiles = s.rows;
  s.stream_pass_bits = dram.whole_bursts(p.activation_elements * p.activation_bits);
  s.output_bits = p.outputs * p.out_bits;
  choose_requests(s, dram);
  return s;
}

}  // namespace

std::int64_t residual_entries(const Problem& p, const Machine& machine) {
  return ceil_div(p.outputs * p.residual_bits, machine.activation_entry_bits());
}

bool can_fuse_residual(const Problem& p, const Machine& machine) { return 2 * residual_entries(p, machine) <= machine.activation_entries; }

Problem make_problem(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Machine& machine) {
  Problem p;
  p.weight_bits = bits.weight;
  p.activation_bits = bits.activation;
  p.out_bits = bits.out;
  p.outputs = batch * layer.output_count();
  p.weighted = layer.is_weighted();
  if (!p.weighted) {
    const ElementwiseWork work = elementwise_work(layer);
    p.activation_elements = batch * work.inputs;
    p.operations = p.outputs * work.operations;
    return p;
  }
  p.packing = machine.packing(bits.weight, bits.activation);
  const std::int64_t groups = layer.groups, group_outputs = layer.out_channels / groups, reduction = layer.reduction();
  std::int64_t packed = 1;
  if (groups > 1) packed = std::max<std::int64_t>(1, std::min({machine.columns / group_outputs, p.packing.elements / reduction, groups}));
  p.groups = ceil_div(groups, packed);
  p.m = batch * layer.out_h * layer.out_w;
  p.n = packed * group_outputs;
  p.k = packed * reduction;
  const bool vectors_of_rows = machine.operands == Operands::kStationaryWeights || machine.operands == Operands::kBricks,
             vectors_of_columns = machine.operands == Operands::kStationaryActivations;
  p.tile_rows = vectors_of_rows ? std::min(machine.rows, p.m) : machine.rows;
  p.tile_columns = vectors_of_columns ? std::min(machine.columns, p.n) : machine.columns;
  p.activation_lines = vectors_of_rows ? p.tile_rows : machine.activation_lines();
  p.weight_lines = vectors_of_columns ? p.tile_columns : machine.weight_lines();
  p.word_cycles = machine.operands == Operands::kBricks ? p.packing.cycles * p.tile_rows : p.packing.cycles;
  // Cells take the next stationary operands in while vectors pass by the ones before, a line a cycle.
  if (machine.operands == Operands::kStationaryWeights) p.word_cycles = std::max(p.tile_rows, p.weight_lines);
  if (vectors_of_columns) p.word_cycles = std::max(p.tile_columns, p.activation_lines);
  // The fetch stage builds rows of the lowered matrix on the fly: an element is read once a pass, and none that no output needs.
  const std::int64_t elements = std::min(layer.input_count(), layer.out_h * layer.out_w * reduction * groups);
  p.activation_elements = ceil_div(batch * elements, p.groups);
  p.weight_elements = ceil_div(layer.weight_count(), p.groups);
  p.operations = batch * layer.macs() * p.packing.weight_element_bits * p.packing.activation_element_bits;
  if (layer.adds_residual) p.residual_bits = bits.out;
  return p;
}

std::int64_t result_buffer_bits(const Schedule& s, const Machine& machine, const hwsim::DramTiming& dram) {
  const std::int64_t pipeline = ((machine.pipeline_cycles + 2) / s.drain_cycles + 2) * (s.output_bits / s.results() + 1);
  return std::max(machine.output_buffer_bits, 2 * dram.request_bits) + pipeline;
}

std::optional<Schedule> make_schedule(const Problem& p, const Machine& machine, const hwsim::DramTiming& dram, Order order) {
  if (!p.weighted) {
    if (order != Order::kElementwise) return std::nullopt;
    return elementwise(p, machine, dram);
  }
  if (order == Order::kElementwise) return std::nullopt;

  const std::int64_t m_tiles = ceil_div(p.m, machine.rows), n_tiles = ceil_div(p.n, machine.columns);
  std::int64_t words = ceil_div(p.k, p.packing.elements);  // words of K in a tile
  const std::int64_t activation_word = p.packing.activation_entries, weight_word = p.packing.weight_entries;
  const std::int64_t activation_entries = machine.activation_entries - residual_entries(p, machine);
  if (activation_entries < activation_word) return std::nullopt;
  Schedule s;
  s.order = order;
  s.groups = p.groups;
  s.output_bits = p.outputs * p.out_bits;
  s.drain_cycles = drain_cycles(machine, p);
  const std::int64_t activation_bits = dram.whole_bursts(p.activation_elements * p.activation_bits);
  const std::int64_t weight_bits = dram.whole_bursts(p.weight_elements * p.weight_bits);

  const auto set_words = [&] {
    s.k_words = words;
    s.job_cycles = std::max(p.word_cycles * words, machine.least_job_cycles());
    s.read_bits = words * p.packing.cycles * (p.tile_rows * machine.activation_word_bits() + p.tile_columns * machine.weight_word_bits());
  };

  if (order == Order::kStreamed) {
    const auto fitting = [&](std::int64_t buffers) {
      return std::min({words, activation_entries / (buffers * activation_word), machine.weight_entries / (buffers * weight_word)});
    };
    std::int64_t chunk = fitting(2);
    if (chunk == 0) chunk = fitting(1);
    if (chunk == 0) return std::nullopt;
    s.jobs_per_result = ceil_div(words, chunk);
    words = ceil_div(words, s.jobs_per_result);
    s.jobs_per_result = ceil_div(ceil_div(p.k, p.packing.elements), words);
    s.blocks = m_tiles * n_tiles * s.jobs_per_result;
    s.resident_words = p.activation_lines * activation_word * words;
    s.stream_words = p.weight_lines * weight_word * words;
    s.stream_slots = std::min(machine.queue_depth, machine.weight_entries / (weight_word * words));
    s.regions = std::min<std::int64_t>(2, activation_entries / (activation_word * words));
    s.resident_pass_tiles = m_tiles * s.jobs_per_result;
    s.stream_pass_tiles = n_tiles * s.jobs_per_result;
    s.resident_pass_bits = activation_bits;
    s.stream_pass_bits = weight_bits;
    set_words();
    choose_requests(s, dram);
    return s;
  }

  const std::int64_t activation_slots = activation_entries / (activation_word * words);
  const std::int64_t weight_slots = machine.weight_entries / (weight_word * words);
  if (activation_slots == 0 || weight_slots == 0) return std::nullopt;
  s.resident_is_weights = order == Order::kWeightsResident;
  const std::int64_t resident = s.resident_is_weights ? n_tiles : m_tiles;
  const std::int64_t slots = s.resident_is_weights ? weight_slots : activation_slots;
  if (p.groups == 1 && resident <= slots) {
    s.block_tiles = s.last_block_tiles = resident;  // all of it stays
  } else {
    s.regions = slots >= 2 ? 2 : 1;
    const std::int64_t region = slots / s.regions;
    s.block_tiles = ceil_div(resident, ceil_div(resident, region));
    s.blocks = ceil_div(resident, s.block_tiles);
    s.last_block_tiles = resident - (s.blocks - 1) * s.block_tiles;
  }
  s.rows = s.resident_is_weights ? m_tiles : n_tiles;
  const std::int64_t activation_words = p.activation_lines * activation_word * words, weight_words = p.weight_lines * weight_word * words;
  s.resident_words = s.resident_is_weights ? weight_words : activation_words;
  s.stream_words = s.resident_is_weights ? activation_words : weight_words;
  s.stream_slots = std::min(machine.queue_depth, s.resident_is_weights ? activation_slots : weight_slots);
  s.resident_pass_tiles = resident;
  s.stream_pass_tiles = s.rows;
  s.resident_pass_bits = s.resident_is_weights ? weight_bits : activation_bits;
  s.stream_pass_bits = s.resident_is_weights ? activation_bits : weight_bits;
  set_words();
  choose_requests(s, dram);
  return s;
}

}  // namespace dyad::accel_models::tiled
