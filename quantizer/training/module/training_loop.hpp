/// \file The epochs of a training run, whatever the model computes: batches, momentum, schedules, checkpoints, early stop, best kept.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dyad/training/training.hpp"
#include "torch_headers.hpp"

namespace dyad::training {

/// One tensor of a model's state. Its memory stays where it is for the whole run.
struct StateTensor {
  std::string name;
  at::Tensor value;
  bool is_trained = false;  ///< in the running phase; a tensor that is not keeps its value and its momentum
  bool decays = false;      ///< weight decay acts on it
};

/// What a training loop trains.
class TrainedModel {
 public:
  TrainedModel() = default;
  TrainedModel(const TrainedModel&) = delete;
  TrainedModel& operator=(const TrainedModel&) = delete;
  virtual ~TrainedModel() = default;

  /// All that a checkpoint must hold; the same names in the same order for the whole run, `is_trained` may change at an epoch's begin.
  virtual const std::vector<StateTensor>& state() const = 0;
  /// Before the first step of an epoch (from 1), after a resume too: whatever follows from the state and the epoch's number.
  /// `steps_done` are all steps of the epochs before it.
  virtual Result<void> begin_epoch(int epoch, std::int64_t steps_done) = 0;
  /// Mean loss of the batch, differentiable in the trained tensors, and its logits (N, classes). Images are (N, C, H, W).
  struct Output {
    at::Tensor loss, logits;
  };
  virtual Output train_forward(const at::Tensor& images, const at::Tensor& labels) = 0;
  /// After each update of the trained tensors.
  virtual void after_step() {}
  /// Before the test images of an epoch.
  virtual Result<void> begin_evaluation() = 0;
  /// Logits (N, classes), float, in inference mode.
  virtual at::Tensor evaluate(const at::Tensor& images) = 0;
  /// Metadata of the written weights, beside those that every run writes.
  virtual std::map<std::string, std::string> metadata() const { return {}; }
  /// Whether a state tensor belongs into the written weights.
  virtual bool is_written(const StateTensor& tensor) const = 0;
};

/// Runs the epochs. `run` describes the run (describe_run); a checkpoint of another is refused. At the end the model's state is the
/// result's: the best epoch's or the last one's.
Result<TrainingResult> run_training_loop(TrainedModel& model, const network::Network& topology, const network::Dataset& train_images,
                                         const network::Dataset& test_images, const network::Normalization& normalization,
                                         const TrainOptions& options, const std::string& run);

}  // namespace dyad::training
