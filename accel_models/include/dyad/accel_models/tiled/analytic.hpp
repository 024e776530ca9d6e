/// \file The analytic tier of tiled machines: cycles of a layer in closed form, without allocation.
#pragma once

#include <cstdint>
#include <optional>

#include "dyad/accel_models/tiled/schedule.hpp"

namespace dyad::accel_models::tiled {

/// What a layer does to the machine; equal in both tiers but for the first two.
struct Counts {
  std::int64_t cycles = 0;
  std::int64_t stall_cycles = 0;                                       ///< cycles in which the array has no job to compute
  std::int64_t compute_cycles = 0;                                     ///< jobs * job_cycles
  std::int64_t binary_operations = 0;                                  ///< one-bit products of the stored bits of real operands
  std::int64_t requantized = 0;                                        ///< elements through the requantizer lanes
  std::int64_t sram_read_bits = 0, sram_write_bits = 0;                ///< of both memories ...
  std::int64_t weight_sram_read_bits = 0, weight_sram_write_bits = 0;  ///< ... and those of the weight memory among them
  std::int64_t residual_bits = 0;  ///< written to and read from the activation memory for a fused addition
  std::int64_t dram_read_bits = 0, dram_write_bits = 0;
};

enum class Bottleneck { kCompute, kWeightFetch, kActivationFetch, kOutput, kFill };
std::string_view to_string(Bottleneck bottleneck);

struct Estimate {
  Schedule schedule;
  Counts counts;
  Bottleneck bottleneck = Bottleneck::kCompute;
};

/// Cycles that each resource would take if no other one ever made it wait. An operand's fetch takes its transfers or the writing of its
/// tiles, the output its transfers or the drains, whichever is longer; the one bus carries all three.
struct ResourceCycles {
  double compute = 0, weight_fetch = 0, activation_fetch = 0, output = 0, memory_bus = 0;
};
ResourceCycles resource_cycles(const Schedule& schedule, const hwsim::DramTiming& dram);

/// Everything but cycles and stalls.
Counts count_accesses(const Problem& problem, const Schedule& schedule, const Machine& machine, const hwsim::DramTiming& dram);

/// Cycles of one schedule. Exact (equal to the cycle tier) when the memory's bandwidth is unlimited.
/// Formulas: docs/accel_models/tiled.md.
std::int64_t schedule_cycles(const Schedule& schedule, const Machine& machine, const hwsim::DramTiming& dram);

/// The order of least cycles (the first one on a tie) with its cost; none when not even a chunk of a tile fits into the memories.
std::optional<Estimate> estimate(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Machine& machine,
                                 const hwsim::DramTiming& dram);

/// The resource that would take longest alone: "fill" when even that is under half of the cycles.
Bottleneck find_bottleneck(const Schedule& schedule, const hwsim::DramTiming& dram, std::int64_t cycles);

}  // namespace dyad::accel_models::tiled
