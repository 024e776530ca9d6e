/// \file The analytic tier of GPUs: cycles of a layer in closed form, and followed where SMs fall out of step.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "dyad/accel_models/tensor_core/plan.hpp"

namespace dyad::accel_models::tensor_core {

/// Cycles of a plan's kernels, one after another. Exact (equal to the cycle tier) when L2 and DRAM have unlimited bandwidth.
/// Formulas: docs/accel_models/tensor_core.md.
std::int64_t plan_cycles(const LayerPlan& plan, const MemoryTiming& memory);

struct Estimate {
  LayerPlan plan;
  std::int64_t cycles = 0;
};

/// The plan of least cycles in closed form over all tiles, instructions and slices, and the CUDA cores where they may be used; the first on
/// a tie. Its kernels whose SMs fall out of step are followed (tensor_core/followed.hpp). None when no candidate can run the layer. `dram`
/// in cycles of the SM clock.
std::optional<Estimate> estimate(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Gpu& gpu,
                                 const hwsim::DramTiming& dram);

/// Cycles of that plan in closed form, for fits: no allocation, about 10 us with 8 tiles.
std::optional<std::int64_t> closed_form_cycles(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Gpu& gpu,
                                               const hwsim::DramTiming& dram);

/// Cycles in which the SMs compute steps and epilogues, wave after wave, as if no data had to be waited for.
std::int64_t compute_cycles(const LayerPlan& plan);

/// Cycles that each resource would take if no other one ever made it wait: an operand's fetch takes its transfers through L2 or DRAM,
/// whichever is longer; "L2" and "memory bus" carry all three.
std::map<std::string, double> resource_cycles(const LayerPlan& plan, const MemoryTiming& memory);

/// The resource that would take longest alone: "fill" when even that is under half of the cycles.
std::string_view find_bottleneck(const LayerPlan& plan, const MemoryTiming& memory, std::int64_t cycles);

/// "wgmma 8-bit, 128x128 tile, 4 stages, 2 CTAs an SM, 3 waves" and the like.
std::string describe(const LayerPlan& plan, const Gpu& gpu);

}  // namespace dyad::accel_models::tensor_core
