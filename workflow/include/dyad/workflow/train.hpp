/// \file `dyad train`: the document of a training run.
#pragma once

#include <string>

#include "dyad/base/json.hpp"
#include "dyad/training/quantization_aware.hpp"
#include "dyad/training/training.hpp"

namespace dyad::workflow {

/// Schema dyad.training/1: options, epochs[].{epoch, loss, top1_train, top1, test_loss, learning_rate}, top1, best_epoch, out.
/// Times are left out, so that the same run gives the same bytes.
OrderedJson training_document(const std::string& model, const training::TrainingResult& result, const training::TrainOptions& options);

/// The same with scheme, integer_epochs, assignment{layer: {w, a}} and, when it was written, export; top-1 is the integer network's.
OrderedJson quantized_training_document(const std::string& model, const training::QuantizationAwareResult& result,
                                        const training::QuantizationAwareOptions& options);

}  // namespace dyad::workflow
