#include "trainer.hpp"

#include <cmath>
#include <numbers>

#include "checkpoint.hpp"
#include "torch_network.hpp"
#include "training_loop.hpp"

namespace dyad::training {
namespace {

class FloatModel : public TrainedModel {
 public:
  FloatModel(const network::Network& topology, std::uint64_t seed) : network_(topology) {
    if (!topology.has_weights()) network_.initialize(seed);
    for (const Parameter& parameter : network_.parameters())
      state_.push_back({parameter.name, parameter.value, parameter.is_trained(), parameter.kind == ParameterKind::kWeight});
  }

  const std::vector<StateTensor>& state() const override { return state_; }
  Result<void> begin_epoch(int, std::int64_t) override { return {}; }
  Output train_forward(const at::Tensor& images, const at::Tensor& labels) override {
    const at::Tensor logits = network_.forward(images, true);
    return {at::cross_entropy_loss(logits, labels), logits};
  }
  Result<void> begin_evaluation() override { return {}; }
  at::Tensor evaluate(const at::Tensor& images) override { return network_.forward(images, false); }
  bool is_written(const StateTensor&) const override { return true; }

 private:
  TorchNetwork network_;
  std::vector<StateTensor> state_;
};

}  // namespace

double learning_rate_at(const TrainOptions& options, std::int64_t step, std::int64_t steps) {
  const double warm_steps = options.warmup * static_cast<double>(steps), now = static_cast<double>(step);
  if (now < warm_steps) return options.learning_rate * std::min(1.0, (now + 1) / warm_steps);
  if (options.schedule == LearningRateSchedule::kStep) {
    double rate = options.learning_rate;
    for (const double milestone : options.step_milestones)
      if (now >= milestone * static_cast<double>(steps)) rate *= options.step_factor;
    return rate;
  }
  const double fraction = (now - warm_steps) / (static_cast<double>(steps) - warm_steps);
  return options.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * fraction));
}

Result<TrainingResult> run_training(const network::Network& topology, const network::Dataset& train_images,
                                    const network::Dataset& test_images, const network::Normalization& normalization,
                                    const TrainOptions& options) {
  FloatModel model(topology, options.seed);
  return run_training_loop(model, topology, train_images, test_images, normalization, options,
                           describe_run(topology, train_images, test_images, normalization, options));
}

}  // namespace dyad::training
