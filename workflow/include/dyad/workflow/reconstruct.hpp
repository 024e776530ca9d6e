/// \file Post-training reconstruction as a step of `dyad quantize` and `dyad search`.
#pragma once

#include <optional>

#include "dyad/base/json.hpp"
#include "dyad/quantizer/equalization.hpp"
#include "dyad/quantizer/post_training.hpp"
#include "dyad/training/reconstruction.hpp"
#include "dyad/workflow/progress.hpp"

namespace dyad::workflow {

struct ReconstructedNetwork {
  quantizer::IntegerNetwork network;
  training::Reconstruction record;
};

/// The integer network at these bits with reconstructed numbers, learned on the calibration images; nothing when cancelled.
/// Rounding and bias correction are those of the calibrated network's options, whatever `options` says.
Result<std::optional<ReconstructedNetwork>> reconstruct_network(const quantizer::CalibratedNetwork& calibrated,
                                                                const BitAssignment& assignment, training::ReconstructionOptions options,
                                                                Progress& progress);

/// {granularity, images, seed, blocks[].{layers, target, error_before, error_after, corrected_layers, iterations}};
/// docs/quantizer/reconstruction.md.
OrderedJson reconstruction_document(const training::Reconstruction& record, const training::ReconstructionOptions& options);
/// {passes, pairs[].{first, second, precision_before, precision_after, scaled_channels}}; the same page.
OrderedJson equalization_document(const quantizer::EqualizationReport& report);

}  // namespace dyad::workflow
