/// \file External memories: what an accelerator's "dram" says, and the built-in presets (schema dyad.memory/1).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dyad/accel_models/technology.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"
#include "dyad/hwsim/dram_timing.hpp"

namespace dyad::accel_models {

struct Memory {
  std::string name;                          ///< of the preset or its file; empty: described in the accelerator itself
  hwsim::DramTiming timing;                  ///< in cycles of the accelerator's clock
  std::optional<Sourced> energy_pj_per_bit;  ///< read or write, instead of the technology's
  /// Standby and refresh of the whole memory, charged as "idle" for the time in which its buses do not transfer (docs/hwsim/dram.md).
  /// Empty: not known, and not counted.
  std::optional<Sourced> background_mw;
};

/// Names of the built-in memories, sorted.
std::vector<std::string> memory_names();
/// A built-in memory by name, or a JSON file. Errors name file and pointer; an unknown name lists the known ones.
Result<Memory> load_memory(const std::string& name_or_file, double clock_mhz);
/// `place` names the document in errors.
Result<Memory> parse_memory(std::string_view text, const std::string& place, double clock_mhz);
/// The object "dram" of an accelerator: its numbers, or {"preset": name or file, ...} with keys of dyad.memory/1 that override the
/// preset's. A file is looked for beside the document at `place` first.
Result<Memory> read_dram(const JsonReader& reader, double clock_mhz, const std::string& place);

}  // namespace dyad::accel_models
