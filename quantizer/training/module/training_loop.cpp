#include "training_loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "batches.hpp"
#include "checkpoint.hpp"
#include "dyad/network/metadata.hpp"
#include "operation_threads.hpp"
#include "torch_network.hpp"
#include "trainer.hpp"

namespace dyad::training {
namespace {
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Score {
  double loss_sum = 0;
  std::int64_t correct = 0, images = 0;
  double loss() const { return loss_sum / static_cast<double>(images); }
  double top1() const { return 100.0 * static_cast<double>(correct) / static_cast<double>(images); }

  void add(const at::Tensor& mean_loss, const at::Tensor& logits, const at::Tensor& labels) {
    const std::int64_t count = labels.size(0);
    loss_sum += mean_loss.item<double>() * static_cast<double>(count);
    correct += (logits.argmax(1) == labels).sum().item<std::int64_t>();
    images += count;
  }
};

class Loop {
 public:
  Loop(TrainedModel& model, const network::Network& topology, const network::Dataset& train_images, const network::Dataset& test_images,
       const network::Normalization& normalization, const TrainOptions& options, const std::string& run)
      : model_(model),
        topology_(topology),
        train_images_(train_images),
        test_images_(test_images),
        normalization_(normalization),
        options_(options),
        train_batches_(train_images, normalization),
        test_batches_(test_images, normalization),
        run_(run) {
    for (const StateTensor& tensor : model.state()) momentum_.push_back(at::zeros_like(tensor.value, at::MemoryFormat::Contiguous));
    has_momentum_.assign(momentum_.size(), false);
    // A batch norm can't use a last batch of one image; such a remainder is left out of the epoch.
    const std::int64_t remainder = train_images.size() % options.batch;
    steps_per_epoch_ = train_images.size() / options.batch + (remainder >= 2 ? 1 : 0);
    augmentation_.crop_border = !options.augment                      ? 0
                                : options.crop_border >= 0            ? options.crop_border
                                : train_images.images.extent(1) >= 32 ? 4
                                                                      : 2;
    augmentation_.flip = options.augment;
  }

  Result<TrainingResult> run() {
    DYAD_CHECK(resume());
    const auto start = Clock::now();
    const int first_epoch = static_cast<int>(result_.epochs.size()) + 1;
    for (int epoch = first_epoch; epoch <= options_.epochs && !must_stop_early(); ++epoch) {
      const auto epoch_start = Clock::now();
      EpochRecord record;
      record.epoch = epoch;
      DYAD_CHECK(model_.begin_epoch(epoch, (epoch - 1) * steps_per_epoch_));
      for (std::size_t i = 0; i < momentum_.size(); ++i) has_momentum_[i] = has_momentum_[i] || model_.state()[i].is_trained;
      if (!train_epoch(record, start, epoch - first_epoch)) {
        result_.was_cancelled = true;
        break;
      }
      if (!std::isfinite(record.loss))
        return Error{"--lr", "training diverged in epoch " + std::to_string(epoch) + ": the loss is not finite",
                     "use a lower rate or a longer warm-up"};
      DYAD_CHECK(model_.begin_evaluation());
      const Score score = evaluate();
      record.top1 = score.top1();
      record.test_loss = score.loss();
      record.seconds = seconds_since(epoch_start);
      result_.epochs.push_back(record);
      if (!options_.keep_best || result_.best_epoch == 0 ||
          record.top1 > result_.epochs[static_cast<std::size_t>(result_.best_epoch - 1)].top1) {
        result_.best_epoch = epoch;
        best_ = snapshot();
      }
      if (!options_.checkpoint.empty())
        DYAD_CHECK(save_checkpoint({run_, result_.epochs, snapshot(), momentum(), best_, result_.best_epoch}, options_.checkpoint));
    }
    if (result_.epochs.empty()) return Error{topology_.name, "training was cancelled before its first epoch ended", "let it run longer"};
    result_.stopped_early = !result_.was_cancelled && static_cast<int>(result_.epochs.size()) < options_.epochs;
    for (const StateTensor& tensor : model_.state()) DYAD_CHECK(restore(best_, tensor.name, tensor.value));
    finish();
    if (!options_.out.empty()) DYAD_CHECK(network::write_safetensors(options_.out, result_.weights));
    return std::move(result_);
  }

 private:
  Result<void> resume() {
    std::error_code code;
    if (!options_.resume || !std::filesystem::exists(options_.checkpoint, code)) return {};
    DYAD_TRY(Checkpoint checkpoint, load_checkpoint(options_.checkpoint, run_));
    for (std::size_t i = 0; i < momentum_.size(); ++i) {
      const StateTensor& tensor = model_.state()[i];
      DYAD_CHECK(restore(checkpoint.model, tensor.name, tensor.value));
      has_momentum_[i] = checkpoint.momentum.contains(tensor.name);
      if (has_momentum_[i]) DYAD_CHECK(restore(checkpoint.momentum, tensor.name, momentum_[i]));
    }
    best_ = std::move(checkpoint.best);
    result_.epochs = std::move(checkpoint.epochs);
    result_.best_epoch = checkpoint.best_epoch;
    result_.resumed_after = static_cast<int>(result_.epochs.size());
    return {};
  }

  Result<void> restore(const std::map<std::string, Tensor<float>>& tensors, const std::string& name, at::Tensor target) const {
    const at::NoGradGuard no_gradient;
    const auto found = tensors.find(name);
    const Shape shape(target.sizes().begin(), target.sizes().end());
    if (found == tensors.end() || found->second.shape() != shape)
      return Error{options_.checkpoint.string() + ":/" + name, "is missing or does not have the shape " + dyad::to_string(shape),
                   "start without --resume"};
    std::copy(found->second.values().begin(), found->second.values().end(), target.data_ptr<float>());
    return {};
  }
  bool must_stop_early() const {
    return options_.early_stop > 0 && static_cast<int>(result_.epochs.size()) - best_epoch_so_far() >= options_.early_stop;
  }

  int best_epoch_so_far() const {
    if (options_.keep_best) return result_.best_epoch;
    const auto best =
        std::max_element(result_.epochs.begin(), result_.epochs.end(), [](const auto& a, const auto& b) { return a.top1 < b.top1; });
    return best == result_.epochs.end() ? 0 : best->epoch;
  }

  at::Tensor labels_of(const network::Dataset& data, const std::int64_t* indices, std::int64_t count) const {
    at::Tensor labels = at::empty({count}, at::kLong);
    for (std::int64_t i = 0; i < count; ++i) labels.data_ptr<std::int64_t>()[i] = data.labels[static_cast<std::size_t>(indices[i])];
    return labels;
  }

  /// False when it was cancelled; the epoch is then left unfinished and forgotten.
  bool train_epoch(EpochRecord& record, Clock::time_point start, int epochs_done) {
    const std::vector<std::int64_t> order = train_batches_.order(options_.seed, record.epoch);
    std::vector<at::Tensor> trained;
    for (const StateTensor& tensor : model_.state())
      if (tensor.is_trained) trained.push_back(tensor.value);
    Score score;
    std::vector<float> values;
    for (std::int64_t step = 0; step < steps_per_epoch_; ++step) {
      if (options_.cancelled && options_.cancelled()) return false;
      const std::int64_t first = step * options_.batch, count = std::min(options_.batch, train_images_.size() - first);
      train_batches_.fill_augmented(order.data() + first, count, augmentation_, options_.seed, record.epoch, values);
      const at::Tensor labels = labels_of(train_images_, order.data() + first, count);
      const auto [loss, logits] = model_.train_forward(as_images(values.data(), train_batches_.batch_shape(count)), labels);
      const auto gradients = torch::autograd::grad({loss}, trained, {}, c10::nullopt, false, true);
      record.learning_rate = learning_rate_at(options_, (record.epoch - 1) * steps_per_epoch_ + step, options_.epochs * steps_per_epoch_);
      update(gradients, record.learning_rate);
      model_.after_step();
      score.add(loss.detach(), logits.detach(), labels);
      if (options_.progress) {
        const double done = static_cast<double>(epochs_done * steps_per_epoch_ + step + 1);
        const double all = static_cast<double>((options_.epochs - result_.resumed_after) * steps_per_epoch_);
        options_.progress({record.epoch, options_.epochs, step + 1, steps_per_epoch_, score.loss(), score.top1(), record.learning_rate,
                           seconds_since(start) / done * (all - done)});
      }
    }
    record.loss = score.loss();
    record.top1_train = score.top1();
    return true;
  }

  /// Nesterov as in PyTorch: m = momentum m + g; w -= rate (g + momentum m), g with weight decay.
  void update(const std::vector<at::Tensor>& gradients, double rate) {
    const at::NoGradGuard no_gradient;
    std::size_t next = 0;
    for (std::size_t i = 0; i < momentum_.size(); ++i) {
      const StateTensor& tensor = model_.state()[i];
      if (!tensor.is_trained) continue;
      at::Tensor gradient =
          gradients[next].defined() ? gradients[next] : at::zeros_like(tensor.value);  // undefined: the logits do not read it
      ++next;
      if (tensor.decays && options_.weight_decay > 0) gradient = gradient.add(tensor.value, options_.weight_decay);
      momentum_[i].mul_(options_.momentum).add_(gradient);
      at::Tensor value = tensor.value;
      value.sub_(gradient.add(momentum_[i], options_.momentum), rate);
    }
  }

  Score evaluate() {
    const at::NoGradGuard no_gradient;
    constexpr std::int64_t kBatch = 500;
    Score score;
    std::vector<float> values;
    std::vector<std::int64_t> indices(static_cast<std::size_t>(kBatch));
    for (std::int64_t first = 0; first < test_images_.size(); first += kBatch) {
      const std::int64_t count = std::min(kBatch, test_images_.size() - first);
      for (std::int64_t i = 0; i < count; ++i) indices[static_cast<std::size_t>(i)] = first + i;
      test_batches_.fill(indices.data(), count, values);
      const at::Tensor labels = labels_of(test_images_, indices.data(), count);
      const at::Tensor logits = model_.evaluate(as_images(values.data(), test_batches_.batch_shape(count)));
      score.add(at::cross_entropy_loss(logits, labels), logits, labels);
    }
    return score;
  }

  std::map<std::string, Tensor<float>> snapshot() const {
    std::map<std::string, Tensor<float>> tensors;
    for (const StateTensor& tensor : model_.state()) tensors.emplace(tensor.name, to_dyad(tensor.value));
    return tensors;
  }

  std::map<std::string, Tensor<float>> momentum() const {
    std::map<std::string, Tensor<float>> tensors;
    for (std::size_t i = 0; i < momentum_.size(); ++i)
      if (has_momentum_[i]) tensors.emplace(model_.state()[i].name, to_dyad(momentum_[i]));
    return tensors;
  }

  void finish() {
    result_.top1 = result_.epochs[static_cast<std::size_t>(result_.best_epoch - 1)].top1;
    for (const StateTensor& tensor : model_.state())
      if (model_.is_written(tensor)) result_.weights.tensors.emplace(tensor.name, best_.at(tensor.name));
    const Shape& input = topology_.node(topology_.input()).output_shape;
    result_.weights.metadata = {{"topology", topology_.name},
                                {"mean", network::metadata_list(normalization_.mean)},
                                {"std", network::metadata_list(normalization_.stddev)},
                                {"classes", std::to_string(element_count(topology_.node(topology_.output()).output_shape))},
                                {"image", std::to_string(input[0])},
                                {"top1", fmt::format("{:.2f}", result_.top1)},
                                {"epoch", std::to_string(result_.best_epoch)}};
    for (auto& [key, value] : model_.metadata()) result_.weights.metadata[key] = value;
    if (!options_.command.empty()) result_.weights.metadata["command"] = options_.command;
  }

  TrainedModel& model_;
  const network::Network& topology_;
  const network::Dataset& train_images_;
  const network::Dataset& test_images_;
  const network::Normalization& normalization_;
  const TrainOptions& options_;
  Batches train_batches_, test_batches_;
  std::string run_;
  std::vector<at::Tensor> momentum_;  ///< in the order of the state
  std::vector<bool> has_momentum_;    ///< once trained
  std::map<std::string, Tensor<float>> best_;
  std::int64_t steps_per_epoch_ = 0;
  Augmentation augmentation_;
  TrainingResult result_;
};

}  // namespace

Result<TrainingResult> run_training_loop(TrainedModel& model, const network::Network& topology, const network::Dataset& train_images,
                                         const network::Dataset& test_images, const network::Normalization& normalization,
                                         const TrainOptions& options, const std::string& run) {
  const OperationThreads threads(options.threads);
  return Loop(model, topology, train_images, test_images, normalization, options, run).run();
}

}  // namespace dyad::training
