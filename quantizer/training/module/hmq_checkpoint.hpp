/// \file What an HMQ search needs to go on after a kill, as one safetensors file (schema dyad.hmq_checkpoint/1).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dyad/training/hmq.hpp"
#include "radam.hpp"

namespace dyad::training {

/// State after a whole epoch, beside the trained tensors.
struct HmqCheckpoint {
  std::string run;  ///< what must be equal to go on (a JSON text)
  std::vector<HmqEpoch> epochs;
  int planned_epochs = 0;
  std::int64_t steps = 0;
  BitAssignment assignment;  ///< empty in the search phase
};

/// Options, layers, targets, data and the network's start as text; two runs with equal texts do the same steps.
std::string describe_hmq_run(const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
                             const std::vector<HmqLayer>& layers, const std::vector<HmqTarget>& targets, const HmqOptions& options);

Result<void> save_hmq_checkpoint(const HmqCheckpoint& checkpoint, const std::vector<RAdamTensor>& tensors,
                                 const std::filesystem::path& file);
/// Fills `tensors`; an Error when the file belongs to another run.
Result<HmqCheckpoint> load_hmq_checkpoint(const std::filesystem::path& file, const std::string& run, std::vector<RAdamTensor>& tensors);

}  // namespace dyad::training
