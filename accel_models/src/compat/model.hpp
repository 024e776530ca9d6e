/// \file Cost models that follow a published simulator's conventions instead of the machine's timing contract.
#pragma once

#include <cstdint>
#include <memory>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/compat/isca2018.hpp"

namespace dyad::accel_models::compat {

/// HAQ's bit-serial accelerator, as recovered from its shipped table: cycles of a weighted layer for one batch. rows x columns units of
/// `depth` bits; b in the formulas is how often activations are split to fit the store. docs/accel_models/haq.md has them.
double haq_cycles(const LayerShape& layer, OperandBits bits, std::int64_t batch, const tiled::Machine& machine);

/// SCALE-Sim's compute cycles of a weighted layer: folds * cycles of a fold - 1. docs/accel_models/systolic.md.
std::int64_t scalesim_cycles(const LayerShape& layer, std::int64_t batch, const tiled::Machine& machine);

/// Analytic tier, by `options.compat`. Error: the accelerator is not of the family that the convention is about.
Result<std::unique_ptr<CostModel>> make_model(const Accelerator& accelerator, const CostOptions& options);

}  // namespace dyad::accel_models::compat
