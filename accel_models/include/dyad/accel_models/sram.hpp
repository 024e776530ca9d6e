/// \file Energy and leakage of an SRAM bank by its size and ports, from a published table (schema dyad.sram/1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad::accel_models {

struct SramBank {
  std::int64_t bytes = 0;
  int ports = 0;
  double read_energy_pj_per_bit = 0, write_energy_pj_per_bit = 0;
  double leakage_mw = 0;  ///< of the bank
};

struct SramTable {
  std::string name, source;
  std::int64_t port_bits = 0;    ///< width of a port
  std::vector<SramBank> points;  ///< by ports, then bytes

  /// A bank of that size: a published point, or interpolated on the logarithms of size and value between its two neighbours with as many
  /// ports. Error: no point has so many ports, or the size lies outside of the points that do.
  Result<SramBank> bank(std::int64_t bytes, int ports) const;
};

/// A built-in table by name, or a JSON file.
Result<SramTable> load_sram_table(const std::string& name_or_file);
/// `place` names the document in errors.
Result<SramTable> parse_sram_table(std::string_view text, const std::string& place);

}  // namespace dyad::accel_models
