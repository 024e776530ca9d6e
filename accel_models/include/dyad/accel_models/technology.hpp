/// \file Energies of a technology: what an access or an operation costs, each with its source (schema dyad.technology/1).
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "dyad/accel_models/sram.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/units.hpp"

namespace dyad::accel_models {

/// A number and where it comes from.
struct Sourced {
  double value = 0;
  std::string source;
};

struct Technology {
  std::string name;
  Sourced binary_op_energy_pj;           ///< one AND and its share of the popcount tree and accumulator, both inputs half ones
  std::optional<Sourced> mac_energy_pj;  ///< an 8 x 8 bit product and its addition; of machines that multiply whole numbers
  std::optional<Sourced> add_energy_pj;  ///< a 32-bit addition; of machines that shift and add
  Sourced requantize_energy_pj;          ///< one output element through the requantizer
  Sourced sram_read_energy_pj_per_bit;
  Sourced sram_write_energy_pj_per_bit;
  Sourced dram_energy_pj_per_bit;  ///< read or write
  std::optional<SramTable> sram;   ///< of banks by size, for machines that say which theirs are
  Sourced sram_leakage_scale;      ///< of the table's leakage
  Sourced sram_leakage_mw_per_bit;
  Sourced array_leakage_mw_per_lane;  ///< a lane is one binary operation a cycle
};

/// Energy of a binary operation relative to its value at half ones in both operands: switching activity 2 p (1 - p) of the AND
/// gate's output, p = weight_ones * activation_ones, over its value 0.375 at p = 1/4 (independent random bits).
double relative_switching(double weight_ones, double activation_ones);

/// {"value": number >= 0, "source": "..."} under `key`.
Result<Sourced> read_sourced(const JsonReader& reader, std::string_view key);
/// The same: a whole number in [lowest, highest], without its source.
Result<std::int64_t> read_sourced_integer(const JsonReader& reader, std::string_view key, std::int64_t lowest, std::int64_t highest);
/// The same: a number above 0, without its source.
Result<double> read_sourced_positive(const JsonReader& reader, std::string_view key);
/// The same for several keys, which must all be there.
Result<void> read_sourced(const JsonReader& reader, std::initializer_list<std::pair<const char*, Sourced*>> members);
/// `place` names the document in errors.
Result<Technology> parse_technology(std::string_view text, const std::string& place);
/// A built-in technology by name, or a JSON file.
Result<Technology> load_technology(const std::string& name_or_file);

}  // namespace dyad::accel_models
