/// \file What a training run needs to go on after a kill, as one safetensors file (schema dyad.checkpoint/1).
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dyad/base/tensor.hpp"
#include "dyad/training/training.hpp"

namespace dyad::training {

/// State after a whole epoch. Order and augmentation follow from seed and epoch, so no generator state is needed.
struct Checkpoint {
  std::string run;  ///< what must be equal to go on: options, topology, data (a JSON text)
  std::vector<EpochRecord> epochs;
  std::map<std::string, Tensor<float>> model, momentum, best;
  int best_epoch = 0;
};

/// Options, topology and data of a run as text; two runs with equal texts do the same steps.
std::string describe_run(const network::Network& topology, const network::Dataset& train_images, const network::Dataset& test_images,
                         const network::Normalization& normalization, const TrainOptions& options);

Result<void> save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& file);
/// An Error when the file belongs to another run.
Result<Checkpoint> load_checkpoint(const std::filesystem::path& file, const std::string& run);

}  // namespace dyad::training
