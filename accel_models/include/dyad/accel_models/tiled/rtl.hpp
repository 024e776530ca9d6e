/// \file The rtl tier of tiled machines: a layer through the Verilated core, with the integers and the cycles of the cycle tier.
#pragma once

#include "dyad/accel_models/tiled/layer_data.hpp"
#include "dyad/cosim/core.hpp"

namespace dyad::accel_models::tiled {

/// The build of the family's core that is this machine (its memories may be larger); Error: there is none, with those that are.
Result<cosim::CoreShape> core_for(const Machine& machine);

/// Runs `data`'s layer on a core made from core_for(machine); its output() is complete afterwards.
/// Error: a layer that LayerData::supported_by_rtl() refuses, or a rounding that the core was not built with.
Result<cosim::CoreResult> run_on_core(cosim::CoreSimulation& core, LayerData& data, const Machine& machine, const hwsim::DramTiming& dram,
                                      const cosim::CoreStalls& stalls = {});

}  // namespace dyad::accel_models::tiled
