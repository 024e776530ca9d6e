/// \file The cycle tier of tiled machines: the stages of the machine simulated clock-accurately in SystemC.
#pragma once

#include <cstdint>

#include "dyad/accel_models/tiled/layer_data.hpp"
#include "dyad/accel_models/tiled/schedule.hpp"
#include "dyad/hwsim/trace.hpp"

namespace dyad::accel_models::tiled {

struct CycleResult {
  std::int64_t cycles = 0;             ///< until the last result is acknowledged by the external memory
  std::int64_t array_busy_cycles = 0;  ///< cycles in which a job is computed
  std::int64_t dram_read_bits = 0, dram_write_bits = 0;
  std::int64_t dram_busy_cycles = 0;
  std::int64_t sram_write_bits = 0, sram_read_bits = 0;
};

/// Simulates a schedule from reset to the last acknowledgement. Timing contract: docs/accel_models/tiled.md.
/// With a trace, its origin is moved behind this simulation.
/// With `data`, made for this schedule and machine, a job's accumulators are computed when it hands them over and results are stored when
/// their drain ends; data->output() is complete afterwards. Timing does not depend on it.
CycleResult simulate(const Schedule& schedule, const Machine& machine, const hwsim::DramTiming& dram, hwsim::Trace* trace = nullptr,
                     LayerData* data = nullptr);

}  // namespace dyad::accel_models::tiled
