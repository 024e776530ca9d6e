/// \file Geometry of a tiled machine: an array of dot-product units between two tile memories, whatever the family's units are.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"

namespace dyad::accel_models::tiled {

/// What a word of a tile memory holds. It makes the family: the same machine otherwise (docs/accel_models/tiled.md).
enum class Operands {
  kBitPlanes,  ///< bit-serial: a slice of 1 bit or more of `depth` elements
  kElements,   ///< tensor core: elements of 8, 4 or 1 bits, both operands alike
  kColumns,    ///< output-stationary systolic array: one element of `depth` bits, a line holds those of all rows
  kBricks,     ///< depth / 32 x columns fusion units of 32 bits, in elements of 2, 4 or 8 bits, 16 by passes; `rows` vectors pass by
  kCodes,      ///< shift-add units: activations of 8 bits, weights as codes of a sign and two powers of two, by passes
  kStationaryWeights,      ///< systolic array of depth / 8 x columns cells that hold weights; `rows` vectors of activations pass by
  kStationaryActivations,  ///< systolic array of depth / 8 x rows cells that hold activations; `columns` vectors of weights pass by
};
constexpr Operands kAllOperands[] = {Operands::kBitPlanes,
                                     Operands::kElements,
                                     Operands::kColumns,
                                     Operands::kBricks,
                                     Operands::kCodes,
                                     Operands::kStationaryWeights,
                                     Operands::kStationaryActivations};

/// How many words and cycles operands of given bits take.
struct Packing {
  std::int64_t elements = 1;                                          ///< of K in a word of K
  std::int64_t activation_entries = 1, weight_entries = 1;            ///< memory entries of a word of K
  std::int64_t cycles = 1;                                            ///< passes of a word of K through the array
  std::int64_t activation_element_bits = 1, weight_element_bits = 1;  ///< as stored: the operand's bits or more
  bool operator==(const Packing&) const = default;
};

/// rows x columns dot-product units; each takes a word of `depth` bits (of a slice: `depth` elements) of an activation row and of a weight
/// column a cycle. An entry of the activation memory is one word of each of the `rows` rows; weights likewise with columns.
struct Machine {
  Operands operands = Operands::kBitPlanes;
  std::int64_t rows = 1;                                            ///< Dm: output pixels in a tile
  std::int64_t columns = 1;                                         ///< Dn: output channels in a tile
  std::int64_t depth = 64;                                          ///< Dk: bits of each operand that a dot-product unit takes a cycle
  std::int64_t activation_slice = 1, weight_slice = 1;              ///< bit-serial: bits of an element that a unit takes a cycle
  std::int64_t activation_entries = 2;                              ///< capacity / (rows * word bits)
  std::int64_t weight_entries = 2;                                  ///< capacity / (columns * word bits)
  std::int64_t given_activation_lines = 0, given_weight_lines = 0;  ///< cycles in which an entry is written; 0: as the family does
  std::int64_t pipeline_cycles = 1;                                 ///< from a tile's last operands to its accumulators
  std::int64_t requantizer_lanes = 1;                               ///< results, or elements of pooling and addition, a cycle
  std::int64_t output_port_bits = 64;                               ///< bits that leave the requantizer a cycle
  std::int64_t output_buffer_bits = 4096;  ///< between requantizer and external memory; at least two requests are built
  std::int64_t queue_depth = 8;            ///< tiles of the streaming operand in flight: depth of the token queues; <= kMaxQueueDepth

  std::int64_t activation_word_bits() const { return depth * activation_slice; }
  std::int64_t weight_word_bits() const { return depth * weight_slice; }
  std::int64_t activation_entry_bits() const { return rows * activation_word_bits(); }
  std::int64_t weight_entry_bits() const { return columns * weight_word_bits(); }
  /// Words that are written into a memory one a cycle: lines of an entry.
  std::int64_t activation_lines() const;
  std::int64_t weight_lines() const;
  std::int64_t activation_line_bits() const { return activation_entry_bits() / activation_lines(); }
  std::int64_t weight_line_bits() const { return weight_entry_bits() / weight_lines(); }
  /// A job takes at least so many cycles: a skewed array must have captured the one before.
  std::int64_t least_job_cycles() const { return operands == Operands::kColumns ? rows + columns - 1 : 1; }
  /// Largest bits of an operand of a weighted layer.
  std::int64_t largest_bits() const;
  /// 1 to largest_bits() bits of each operand.
  Packing packing(std::int64_t weight_bits, std::int64_t activation_bits) const;

  /// One-bit products of stored bits a cycle, at most ...
  std::int64_t lanes(const Packing& packing) const;
  /// ... and at the bits with most of them.
  std::int64_t lanes() const;
  std::int64_t sram_bits() const { return activation_entries * activation_entry_bits() + weight_entries * weight_entry_bits(); }
  bool operator==(const Machine&) const = default;
};

constexpr std::int64_t kMaxQueueDepth = 16;

/// The accelerator family that has these operands.
std::string_view family_of(Operands operands);
/// Key of the object in an accelerator's JSON that describes a machine with these operands: the name of its RTL core where it has one, but
/// "bit_serial".
std::string_view core_key(Operands operands);
/// Reads that object; every number is {value, source}.
Result<Machine> read_machine(const JsonReader& reader, Operands operands);

/// The codes whose values sum to a weight, `count` of them (the last ones may be 0); none when there are no such.
/// A code is rtl/apot_pe.sv's: sign, a power of two up to 2^14 and one up to 2^6, each or both absent.
std::optional<std::vector<std::uint8_t>> shift_codes(std::int32_t weight, std::int64_t count);

}  // namespace dyad::accel_models::tiled
