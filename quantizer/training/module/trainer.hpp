/// \file Float training: stochastic gradient descent over epochs with checkpoints (docs/training/training.md).
#pragma once

#include "dyad/training/training.hpp"

namespace dyad::training {

/// Options are checked and complete (threads >= 1).
Result<TrainingResult> run_training(const network::Network& topology, const network::Dataset& train_images,
                                    const network::Dataset& test_images, const network::Normalization& normalization,
                                    const TrainOptions& options);

/// Rate of step `step` (from 0) of `steps`.
double learning_rate_at(const TrainOptions& options, std::int64_t step, std::int64_t steps);

}  // namespace dyad::training
