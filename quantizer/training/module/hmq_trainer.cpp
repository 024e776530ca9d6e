#include "hmq_trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <numeric>

#include "batches.hpp"
#include "hmq_checkpoint.hpp"
#include "hmq_network.hpp"
#include "operation_threads.hpp"

namespace dyad::training {
namespace {
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kStatisticsBatches = 10;
constexpr double kFirstActivationCompression = 4;  // published

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class HmqTrainer {
 public:
  HmqTrainer(const network::Network& folded, const network::Dataset& images, const network::Normalization& normalization,
             const std::vector<HmqLayer>& layers, const std::vector<HmqTarget>& targets, const HmqOptions& options)
      : images_(images),
        targets_(targets),
        options_(options),
        network_(folded, layers, targets, options),
        batches_(images, normalization),
        planned_epochs_(options.epochs) {
    if (!options.checkpoint.empty()) run_ = describe_hmq_run(folded, images, normalization, layers, targets, options);
    epoch_images_ = options.epoch_images > 0 ? std::min(options.epoch_images, images.size()) : images.size();
    steps_per_epoch_ = (epoch_images_ + options.batch - 1) / options.batch;
    if (options.augment) augmentation_ = {images.images.extent(1) >= 32 ? 4 : 2, true};
  }

  Result<HmqResult> run() {
    const auto start = Clock::now();
    observe();
    network_.start();
    tensors_ = network_.trained_tensors();
    DYAD_CHECK(resume());
    while (static_cast<int>(result_.epochs.size()) < planned_epochs_) {
      const int epoch = static_cast<int>(result_.epochs.size()) + 1;
      const bool is_final = epoch > search_epochs();
      if (is_final && result_.assignment.empty()) {
        if (options_.activations == HmqActivations::kRule) network_.set_rule_bits(options_.activation_compression);
        DYAD_TRY(result_.assignment, options_.choose(network_.probabilities()));
        DYAD_CHECK(network_.choose(result_.assignment));
      }
      HmqEpoch record;
      record.epoch = epoch;
      record.is_final = is_final;
      const auto epoch_start = Clock::now();
      if (!train_epoch(record)) {
        result_.was_cancelled = true;
        break;
      }
      record.seconds = seconds_since(epoch_start);
      if (!std::isfinite(record.task_loss))
        return Error{"--hmq-weight-rate", "the search diverged in epoch " + std::to_string(epoch) + ": the loss is not finite",
                     "use lower rates"};
      result_.epochs.push_back(record);
      if (epoch == 1) plan(seconds_since(start), record.seconds);
      if (!options_.checkpoint.empty())
        DYAD_CHECK(save_hmq_checkpoint({run_, result_.epochs, planned_epochs_, steps_, result_.assignment}, tensors_, options_.checkpoint));
    }
    result_.planned_epochs = planned_epochs_;
    result_.probabilities = network_.probabilities();
    if (!result_.was_cancelled) result_.layers = network_.layers();
    return std::move(result_);
  }

 private:
  int final_epochs() const {
    return std::clamp(static_cast<int>(std::lround(options_.final_fraction * planned_epochs_)), 1, planned_epochs_ - 1);
  }
  int search_epochs() const { return planned_epochs_ - final_epochs(); }

  /// Fewer epochs when the first one shows that all would take longer than the budget; two at least.
  void plan(double spent, double epoch_seconds) {
    if (options_.budget_seconds <= 0) return;
    const double left = std::max(0.0, options_.budget_seconds - spent);
    planned_epochs_ = std::clamp(1 + static_cast<int>(left / epoch_seconds), 2, options_.epochs);
  }

  void observe() {
    std::vector<float> values;
    std::vector<std::int64_t> indices(static_cast<std::size_t>(options_.batch));
    for (std::int64_t batch = 0; batch < kStatisticsBatches && batch * options_.batch < images_.size(); ++batch) {
      const std::int64_t count = std::min(options_.batch, images_.size() - batch * options_.batch);
      std::iota(indices.begin(), indices.end(), batch * options_.batch);
      batches_.fill(indices.data(), count, values);
      network_.observe(as_images(values.data(), batches_.batch_shape(count)));
    }
  }

  Result<void> resume() {
    std::error_code code;
    if (!options_.resume || !std::filesystem::exists(options_.checkpoint, code)) return {};
    DYAD_TRY(HmqCheckpoint checkpoint, load_hmq_checkpoint(options_.checkpoint, run_, tensors_));
    result_.epochs = std::move(checkpoint.epochs);
    result_.assignment = std::move(checkpoint.assignment);
    result_.resumed_after = static_cast<int>(result_.epochs.size());
    planned_epochs_ = checkpoint.planned_epochs;
    steps_ = checkpoint.steps;
    if (!result_.assignment.empty()) DYAD_CHECK(network_.choose(result_.assignment));
    return {};
  }

  /// Sum over targets of gamma relu(1 - R / T)^2, R and T compressions against the most bits; T is `level` of its way from 1.
  at::Tensor target_loss(const std::vector<at::Tensor>& costs, double level) const {
    at::Tensor loss = at::zeros({}, at::kDouble);
    for (std::size_t k = 0; k < targets_.size(); ++k) {
      const double last = targets_[k].at_most_bits / targets_[k].limit;
      const double target = std::max(1.0, 1 + (last - 1) * level);
      loss = loss + at::relu(1 - targets_[k].at_most_bits / (costs[k] * target)).square();
    }
    return loss * options_.gamma;
  }

  std::vector<double> compression() const {
    const at::NoGradGuard no_gradient;
    std::vector<double> result;
    const std::vector<at::Tensor> costs = network_.expected_costs();
    for (std::size_t k = 0; k < targets_.size(); ++k) result.push_back(targets_[k].at_most_bits / costs[k].item<double>());
    return result;
  }

  at::Tensor labels_of(const std::int64_t* indices, std::int64_t count) const {
    at::Tensor labels = at::empty({count}, at::kLong);
    for (std::int64_t i = 0; i < count; ++i) labels.data_ptr<std::int64_t>()[i] = images_.labels[static_cast<std::size_t>(indices[i])];
    return labels;
  }

  /// The weights' rate: whole in the search phase, half a cosine to 0 over the final phase.
  double rate_at(int epoch, std::int64_t step) const {
    if (epoch <= search_epochs()) return 1;
    const double done = static_cast<double>((epoch - 1 - search_epochs()) * steps_per_epoch_ + step);
    return .5 * (1 + std::cos(std::numbers::pi * done / static_cast<double>(final_epochs() * steps_per_epoch_)));
  }

  /// False when it was cancelled; the epoch is then left unfinished and forgotten.
  bool train_epoch(HmqEpoch& record) {
    const std::vector<std::int64_t> order = batches_.order(options_.seed, record.epoch);
    const int levels = options_.target_levels > 0 ? options_.target_levels : options_.start == HmqStart::kBalanced ? 1 : 4;
    const std::int64_t cycle_steps =
        std::max<std::int64_t>(1, (search_epochs() * steps_per_epoch_ + options_.cycles - 1) / options_.cycles);
    // Logits stand still in the final phase; they are the last two of each layer.
    const std::span<RAdamTensor> active = std::span(tensors_).first(tensors_.size() - (record.is_final ? 2 * network_.size() : 0));
    std::vector<at::Tensor> trained;
    for (const RAdamTensor& tensor : active) trained.push_back(tensor.value);
    double task_sum = 0, target_sum = 0;
    std::int64_t correct = 0, seen = 0;
    std::vector<float> values;
    for (std::int64_t step = 0; step < steps_per_epoch_; ++step) {
      if (options_.cancelled && options_.cancelled()) return false;
      const std::int64_t first = step * options_.batch, count = std::min(options_.batch, epoch_images_ - first);
      batches_.fill_augmented(order.data() + first, count, augmentation_, options_.seed, record.epoch, values);
      const at::Tensor images = as_images(values.data(), batches_.batch_shape(count)), labels = labels_of(order.data() + first, count);
      HmqPass pass{record.is_final, 0, options_.seed, steps_};
      at::Tensor target = at::zeros({}, at::kDouble);
      if (!record.is_final) {
        pass.temperature = record.temperature = quantizer::hmq_temperature(steps_, cycle_steps);
        const std::int64_t cycle = steps_ / cycle_steps;
        if (options_.activations == HmqActivations::kRule)
          network_.set_rule_bits(quantizer::hmq_target(cycle, kFirstActivationCompression, options_.activation_compression, levels));
        target = target_loss(network_.expected_costs(), quantizer::hmq_target(cycle, 0, 1, levels));
      }
      const at::Tensor logits = network_.forward(images, pass);
      const at::Tensor task = options_.teacher == HmqTeacher::kLabels
                                  ? at::cross_entropy_loss(logits, labels)
                                  : -(network_.float_probabilities(images) * at::log_softmax(logits, 1)).sum(1).mean();
      const auto gradients = torch::autograd::grad({task + target}, trained, {}, c10::nullopt, false, true);
      ++steps_;
      radam_update(active, gradients, steps_, rate_at(record.epoch, step));
      network_.limit_factors();
      task_sum += task.item<double>() * static_cast<double>(count);
      target_sum += target.item<double>() * static_cast<double>(count);
      correct += (logits.argmax(1) == labels).sum().item<std::int64_t>();
      seen += count;
      record.task_loss = task_sum / static_cast<double>(seen);
      record.target_loss = target_sum / static_cast<double>(seen);
      record.top1_train = 100.0 * static_cast<double>(correct) / static_cast<double>(seen);
      if (options_.progress)
        options_.progress({record.epoch, planned_epochs_, step + 1, steps_per_epoch_, record.task_loss, record.top1_train});
    }
    record.compression = compression();
    return true;
  }

  const network::Dataset& images_;
  const std::vector<HmqTarget>& targets_;
  const HmqOptions& options_;
  HmqNetwork network_;
  Batches batches_;
  std::string run_;
  int planned_epochs_;
  std::int64_t epoch_images_ = 0, steps_per_epoch_ = 0, steps_ = 0;
  Augmentation augmentation_;
  std::vector<RAdamTensor> tensors_;
  HmqResult result_;
};

}  // namespace

Result<HmqResult> run_hmq_search(const network::Network& folded, const network::Dataset& images,
                                 const network::Normalization& normalization, const std::vector<HmqLayer>& layers,
                                 const std::vector<HmqTarget>& targets, const HmqOptions& options) {
  const OperationThreads threads(options.threads);
  return HmqTrainer(folded, images, normalization, layers, targets, options).run();
}

}  // namespace dyad::training
