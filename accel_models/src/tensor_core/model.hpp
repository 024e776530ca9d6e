/// \file GPUs with tensor cores as a CostModel.
#pragma once

#include <memory>

#include "dyad/accel_models/accelerator.hpp"

namespace dyad::accel_models::tensor_core {

/// tier: analytic or cycle.
std::unique_ptr<CostModel> make_model(const Accelerator& accelerator, Tier tier, std::shared_ptr<hwsim::Trace> trace);

}  // namespace dyad::accel_models::tensor_core
