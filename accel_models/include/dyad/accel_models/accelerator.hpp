/// \file Named accelerators and accelerator files, and the cost models made from them. Every family stands behind this interface.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dyad/accel_models/compat/isca2018.hpp"
#include "dyad/accel_models/document.hpp"
#include "dyad/accel_models/memory.hpp"
#include "dyad/accel_models/technology.hpp"
#include "dyad/accel_models/tensor_core/gpu.hpp"
#include "dyad/accel_models/tiled/machine.hpp"
#include "dyad/base/cost_model.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/units.hpp"
#include "dyad/hwsim/dram_timing.hpp"
#include "dyad/hwsim/trace.hpp"

namespace dyad::accel_models {

/// One of the machine's memories made of banks of a stated size.
struct BankedMemory {
  SramBank bank;
  std::int64_t banks = 1;
  double leakage_mw = 0;  ///< of all banks, scaled as the technology says
};

/// What is built in the middle of the machine.
using Core = std::variant<tiled::Machine, tensor_core::Gpu>;

/// An accelerator as its JSON (schema dyad.accelerator/1) describes it, the same for all tiers.
struct Accelerator {
  std::string name;
  std::string family;  ///< "bit_serial", "tensor_core", "systolic", "bit_fusion", "shift_add"
  Sourced clock_mhz;
  int batch = 1;
  Core core;
  hwsim::DramTiming dram;                                        ///< in cycles of clock_mhz
  std::optional<Sourced> dram_background_mw;                     ///< see Memory
  Sourced dram_energy_pj_per_bit;                                ///< the memory's where it has one, else the technology's or the GPU's
  Technology technology;                                         ///< of a tiled machine; a GPU has its energies with it
  std::optional<BankedMemory> activation_memory, weight_memory;  ///< empty: the technology's energies per bit
  std::optional<isca2018::Energies> isca2018;                    ///< what --compat isca2018 charges
  std::string hash;                                              ///< 16 hex digits over its JSON and its technology: the key of caches
};

/// Names of the built-in accelerators, sorted. Beside them make_cost_model() takes "table:F" (docs/accel_models/table.md).
std::vector<std::string> accelerator_names();
/// The tier that costs come from when none is asked for: kMeasured of a table, else kAnalytic.
Tier default_tier(const std::string& name_or_file);
/// A built-in accelerator by name, or a JSON file. Errors name file and pointer; an unknown name lists the known ones.
Result<Accelerator> load_accelerator(const std::string& name_or_file);
/// Puts another external memory in the place of the accelerator's: timing, energy and background; the hash changes with it.
void set_memory(Accelerator& accelerator, const Memory& memory);
/// The JSON of a built-in accelerator, or of a file.
Result<Document> accelerator_document(const std::string& name_or_file);
/// `place` names the document in errors.
Result<Accelerator> parse_accelerator(std::string_view text, const std::string& place);

enum class DramMode {
  kAsDescribed,  ///< with rows and refresh, where the file describes them
  kIdeal,        ///< fixed latency and bandwidth (`--dram ideal`)
  kUnlimited,    ///< fixed latency, no limit on bandwidth
};

/// A published simulator's conventions instead of the machine's own timing; analytic tier only.
enum class Compat { kNone, kHaq, kIsca2018, kScaleSim };

struct CostOptions {
  std::optional<int> batch;  ///< instead of the accelerator's
  DramMode dram = DramMode::kAsDescribed;
  std::string memory = {};  ///< a preset's name or a file, instead of the accelerator's external memory; empty: its own
  Compat compat = Compat::kNone;
  std::string im2col_layer = {};  ///< of kIsca2018: name of the layer whose rows the host builds; empty: none
  isca2018::Outputs isca2018_outputs = isca2018::Outputs::k32Bit;  ///< of kIsca2018
  std::vector<std::string> weighted_layers = {};  ///< of a table: the network's convolutions and linear layers, in execution order
  std::shared_ptr<hwsim::Trace> trace;            ///< cycle tier: every simulated layer is appended, one after another
};

/// A cost model of that tier. The cycle tier remembers layers that it has simulated (by shape, bits and activity) unless it traces.
/// Error: as load_accelerator; a tier that the family does not have; a batch below 1; a convention that is not about this accelerator.
Result<std::unique_ptr<CostModel>> make_cost_model(const std::string& name_or_file, Tier tier, const CostOptions& options = {});
Result<std::unique_ptr<CostModel>> make_cost_model(const Accelerator& accelerator, Tier tier, const CostOptions& options = {});

}  // namespace dyad::accel_models
