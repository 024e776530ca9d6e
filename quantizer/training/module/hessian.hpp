/// \file The two Hessian trace estimators (docs/training/hessian.md).
#pragma once

#include "dyad/training/training.hpp"

namespace dyad::training {

/// Options are checked and complete (threads >= 1).
Result<HessianTraces> estimate_traces(const network::Network& network, const network::Dataset& images,
                                      const network::Normalization& normalization, const HessianOptions& options);

}  // namespace dyad::training
