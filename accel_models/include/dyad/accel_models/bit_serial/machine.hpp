/// \file Geometry of a bit-serial matrix multiplier in the manner of BISMO: an array of dot-product units between two tile memories.
#pragma once

#include <cstdint>

#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"

namespace dyad::accel_models::bit_serial {

/// rows x columns dot-product units; each takes `depth` bits of an activation row and of a weight column a cycle (AND, popcount,
/// shift and accumulate). One entry of the activation memory is one bit plane of `depth` elements of each of the `rows` rows;
/// weights likewise with columns.
struct Machine {
  std::int64_t rows = 1;                   ///< Dm: output pixels in a tile
  std::int64_t columns = 1;                ///< Dn: output channels in a tile
  std::int64_t depth = 64;                 ///< Dk: bits a dot-product unit takes a cycle
  std::int64_t activation_entries = 2;     ///< capacity / (rows * depth bits)
  std::int64_t weight_entries = 2;         ///< capacity / (columns * depth bits)
  std::int64_t pipeline_cycles = 1;        ///< from a tile's last operands to its accumulators
  std::int64_t requantizer_lanes = 1;      ///< results, or elements of pooling and addition, a cycle
  std::int64_t output_port_bits = 64;      ///< bits that leave the requantizer a cycle
  std::int64_t output_buffer_bits = 4096;  ///< between requantizer and external memory; at least two requests are built
  std::int64_t queue_depth = 8;            ///< tiles of the streaming operand in flight: depth of the token queues; <= kMaxQueueDepth

  std::int64_t lanes() const { return rows * columns * depth; }
  std::int64_t sram_bits() const { return (activation_entries * rows + weight_entries * columns) * depth; }
  bool operator==(const Machine&) const = default;
};

constexpr std::int64_t kMaxQueueDepth = 16;

/// Reads the object under "bit_serial"; every number is {value, source}.
Result<Machine> read_machine(const JsonReader& reader);

}  // namespace dyad::accel_models::bit_serial
