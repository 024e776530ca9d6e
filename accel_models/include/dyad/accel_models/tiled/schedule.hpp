/// \file How a layer runs on a tiled machine: tiles, order, residency, words and bits. Both tiers start from it.
#pragma once

#include <cstdint>
#include <optional>

#include "dyad/accel_models/tiled/machine.hpp"
#include "dyad/base/cost_model.hpp"
#include "dyad/base/layer_shape.hpp"
#include "dyad/hwsim/dram_timing.hpp"

namespace dyad::accel_models::tiled {

/// Order of the tile loops.
enum class Order {
  kActivationsResident,  ///< activation-outer: a block of activation tiles stays while all weight tiles pass by
  kWeightsResident,      ///< weight-outer: a block of weight tiles stays while all activation tiles pass by
  kStreamed,             ///< long sums: K is cut into chunks, both operands are fetched for every job
  kElementwise,          ///< pooling, addition and the like: one stream through the requantizer lanes
};

/// A layer for a batch as matrix products: `groups` independent ones of (m x k) by (k x n).
/// Narrow groups (depthwise convolution) are packed side by side into one product with a block-diagonal weight matrix.
struct Problem {
  bool weighted = true;
  std::int64_t groups = 1, m = 1, n = 1, k = 1;
  std::int64_t weight_bits = 8, activation_bits = 8, out_bits = 8;
  Packing packing;  ///< of a weighted layer's operands
  std::int64_t tile_rows = 1,
               tile_columns = 1;  ///< of the machine's that a tile uses: fewer only where vectors pass by stationary operands
  std::int64_t word_cycles = 1;   ///< in which a word of K passes through the array
  std::int64_t activation_lines = 1, weight_lines = 1;  ///< in which an entry is written
  std::int64_t activation_elements = 0;                 ///< of one group, read from memory once a pass
  std::int64_t weight_elements = 0;                     ///< of one group
  std::int64_t outputs = 0;                             ///< of the layer for the batch
  std::int64_t residual_bits = 0;                       ///< of an element that the result stage adds to each output; 0: none
  std::int64_t operations = 0;  ///< binary operations (stored w * a bits each MAC), or elements' operations of an elementwise layer
};

Problem make_problem(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Machine& machine);

/// Entries of the activation memory that the residual operand of the whole batch takes.
std::int64_t residual_entries(const Problem& problem, const Machine& machine);
/// A residual is added in the result stage when it leaves at least half of the activation memory to the activations: the layer that
/// made it has left it there. Otherwise, or when no tile of activations fits beside it, the addition is a pass of its own through
/// external memory.
bool can_fuse_residual(const Problem& problem, const Machine& machine);

/// The sequence of jobs of a layer, as three nested loops: blocks, rows (tiles of the streaming operand), tiles of the block.
/// A job multiplies one activation tile with one weight tile.
struct Schedule {
  Order order = Order::kActivationsResident;
  bool resident_is_weights = false;
  bool has_resident = true;
  std::int64_t groups = 1;                                          ///< repetitions of `blocks`
  std::int64_t blocks = 1;                                          ///< blocks of a group
  std::int64_t block_tiles = 1;                                     ///< resident tiles of a block ...
  std::int64_t last_block_tiles = 1;                                ///< ... and of the last block of a group
  std::int64_t rows = 1;                                            ///< streaming tiles that pass by a block
  std::int64_t jobs_per_result = 1;                                 ///< chunks of K
  std::int64_t k_words = 1;                                         ///< words of K in a job of a weighted layer
  std::int64_t job_cycles = 1;                                      ///< W: passes over the words of K, but at least the array's least
  std::int64_t read_bits = 0;                                       ///< that a job reads from both memories
  std::int64_t drain_cycles = 1;                                    ///< results of a job leave the array
  std::int64_t resident_words = 0, stream_words = 0;                ///< cycles to write a tile into its memory
  std::int64_t stream_slots = 1;                                    ///< streaming tiles in flight
  std::int64_t regions = 1;                                         ///< blocks of resident tiles that fit: 2 when double-buffered
  std::int64_t resident_pass_bits = 0, stream_pass_bits = 0;        ///< read from memory in a pass over the operand, whole bursts
  std::int64_t resident_pass_tiles = 1, stream_pass_tiles = 1;      ///< tiles of a pass
  std::int64_t resident_request_bits = 1, stream_request_bits = 1;  ///< unit in which memory is read
  std::int64_t output_bits = 0;                                     ///< of the layer

  std::int64_t group_tiles() const { return (blocks - 1) * block_tiles + last_block_tiles; }
  std::int64_t jobs() const { return groups * group_tiles() * rows; }
  std::int64_t resident_tiles() const { return has_resident ? groups * group_tiles() : 0; }
  std::int64_t stream_tiles() const { return groups * blocks * rows; }
  std::int64_t results() const { return jobs() / jobs_per_result; }
  std::int64_t resident_bits() const { return has_resident ? resident_tiles() / resident_pass_tiles * resident_pass_bits : 0; }
  std::int64_t stream_bits() const { return stream_tiles() / stream_pass_tiles * stream_pass_bits; }
  bool operator==(const Schedule&) const = default;
};

/// Bits of piece `index` when `total` bits are dealt to `pieces` in multiples of `unit` (the last piece takes what is left).
inline std::int64_t piece_bits(std::int64_t total, std::int64_t index, std::int64_t pieces, std::int64_t unit) {
  const auto up_to = [&](std::int64_t count) {
    const auto exact = static_cast<std::int64_t>((static_cast<__int128_t>(total) * count + pieces - 1) / pieces);
    const std::int64_t rounded = (exact + unit - 1) / unit * unit;
    return rounded < total ? rounded : total;
  };
  return up_to(index + 1) - up_to(index);
}

/// Capacity of the write combiner: the output buffer, and what can be in the pipeline between the array and it.
std::int64_t result_buffer_bits(const Schedule& schedule, const Machine& machine, const hwsim::DramTiming& dram);

/// The schedule of a problem in that order, or none when a tile does not fit or the order is not for this problem.
std::optional<Schedule> make_schedule(const Problem& problem, const Machine& machine, const hwsim::DramTiming& dram, Order order);

}  // namespace dyad::accel_models::tiled
