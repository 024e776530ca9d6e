/// \file The cycle tier of GPUs: SMs with their CTAs, L2 and DRAM simulated in SystemC. Calibrated cycle-level, never cycle-accurate.
#pragma once

#include <cstdint>

#include "dyad/accel_models/tensor_core/plan.hpp"
#include "dyad/hwsim/trace.hpp"

namespace dyad::accel_models::tensor_core {

struct CycleResult {
  std::int64_t cycles = 0;          ///< from the first launch to the last acknowledged write
  std::int64_t compute_cycles = 0;  ///< in which an SM computes a step or an epilogue, mean over the SMs that run CTAs
  std::int64_t l2_bits = 0, dram_read_bits = 0, dram_write_bits = 0;
};

/// Simulates a plan's kernels, one after another. Timing contract: docs/accel_models/tensor_core.md.
/// With a trace, its origin is moved behind this simulation.
CycleResult simulate(const LayerPlan& plan, const MemoryTiming& memory, hwsim::Trace* trace = nullptr);

}  // namespace dyad::accel_models::tensor_core
