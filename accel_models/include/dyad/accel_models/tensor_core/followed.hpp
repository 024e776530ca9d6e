/// \file Cycles of a kernel whose SMs, steps and transfers are followed one by one: the rules of docs/accel_models/tensor_core.md as a list
/// of events, without SystemC.
#pragma once

#include "dyad/accel_models/tensor_core/plan.hpp"

namespace dyad::accel_models::tensor_core {

/// True where the last wave gives some SMs one CTA more than others, so that they fall out of step, and few enough events lead there
/// (under 0.2 ms) for the analytic tier to follow them.
bool falls_out_of_step(const KernelPlan& kernel);

/// Cycles of the kernel, its launch included. SMs with equally many CTAs are in step: two groups of them are followed. As simulate()'s but
/// for the DRAM's bursts of a step, which are a group's share, not the sum of its SMs' rounded ones. Bandwidths are limited.
std::int64_t follow(const KernelPlan& kernel, const MemoryTiming& memory);

}  // namespace dyad::accel_models::tensor_core
