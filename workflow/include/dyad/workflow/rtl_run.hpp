/// \file An integer network through the Verilated core of an accelerator: the integers of the scalar backend and the cycles of the cycle
/// tier.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/units.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/quantizer/integer_network.hpp"
#include "dyad/workflow/evaluate.hpp"
#include "dyad/workflow/progress.hpp"

namespace dyad::workflow {

/// A layer that ran on the core, with what is fused into it. Cycles of all images together.
struct RtlLayer {
  std::string name;
  std::string fused;  ///< the addition or rescaling that ran inside it; empty: none
  Cycles cycles, cycle_tier_cycles;
};

struct RtlRun {
  Evaluation evaluation;
  std::string core;  ///< the build that ran
  Cycles cycles, cycle_tier_cycles;
  std::vector<RtlLayer> layers;
};

/// The first `limit` images (0: all), one after another, layer by layer on the core, in external memory as the accelerator describes it.
/// Weighted layers, pooling and additions run on the core; an addition inside its layer where the accelerator fuses it. Rescaling
/// of a tensor that several layers read is done where the narrow copy is fetched, by the RTL requantizer, and costs nothing (as in
/// `simulate`). Subsampling and flattening are addressing. `waves`: empty, or an FST file that shows the core from the first cycle on.
/// Error: an accelerator without a core in this build; a layer that the core can't run, by name; images that don't fit the network.
Result<RtlRun> run_on_rtl(const quantizer::IntegerNetwork& network, const accel_models::Accelerator& accelerator,
                          const network::Dataset& data, std::int64_t limit, Progress& progress, const std::filesystem::path& waves = {});

}  // namespace dyad::workflow
