#include "quantized_trainer.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "batches.hpp"
#include "checkpoint.hpp"
#include "dyad/base/json.hpp"
#include "operation_threads.hpp"
#include "quantized_network.hpp"
#include "training_loop.hpp"

namespace dyad::training {
namespace {

OrderedJson bits_json(const BitAssignment& bits) {
  OrderedJson json;
  for (const auto& [name, layer] : bits) json[name] = {{"w", layer.weight}, {"a", layer.activation}};
  return json;
}

std::string describe_quantized(const std::string& run, const QuantizationAwareOptions& options) {
  OrderedJson json = OrderedJson::parse(run);
  json["scheme"] = to_string(options.scheme);
  json["bits"] = bits_json(options.bits);
  json["integer_epochs"] = options.integer_epochs;
  json["calibration_images"] = options.calibration_images;
  json["rounding"] = to_string(options.lowering.rounding);
  json["form"] = options.lowering.form == RequantizationForm::kNormalized ? "normalized" : "shift32";
  json["average"] = to_string(options.lowering.average);
  if (options.scheme == QuantizationScheme::kHawq) {
    json["range_momentum"] = options.hawq.momentum;
    json["percentile"] = options.hawq.percentile;
    json["fix_batch_norms_after"] = options.hawq.fix_batch_norms_after;
  }
  if (options.distillation) {
    const network::Safetensors teacher = network::save_weights(options.distillation->teacher);
    double sum = 0;
    for (const auto& [name, tensor] : teacher.tensors)
      for (const float value : tensor.values()) sum += std::fabs(static_cast<double>(value));
    json["teacher"] = options.distillation->teacher.name;
    json["teacher_sum"] = sum;
    json["distillation_weight"] = options.distillation->weight;
    json["temperature"] = options.distillation->temperature;
  }
  return json.dump();
}

class QuantizedModel : public TrainedModel {
 public:
  QuantizedModel(QuantizedNetwork& network, const QuantizationAwareOptions& options) : network_(network), options_(options) {
    if (options.distillation) teacher_.emplace(options.distillation->teacher);
  }

  const std::vector<StateTensor>& state() const override { return network_.state(); }

  Result<void> begin_epoch(int epoch, std::int64_t steps_done) override {
    steps_done_ = steps_done;
    const bool is_integer = epoch > options_.epochs - options_.integer_epochs;
    network_.freeze(is_integer);
    forward_.reset();
    if (is_integer) DYAD_CHECK(lower());
    trained_ = is_integer ? network_.integers_of(*lowered_) : IntegerForward::Trained();
    return {};
  }

  Output train_forward(const at::Tensor& images, const at::Tensor& labels) override {
    const std::int64_t fix_after = options_.hawq.fix_batch_norms_after;
    network_.fix_batch_norms(options_.scheme == QuantizationScheme::kHawq && fix_after > 0 && steps_done_++ >= fix_after);
    const at::Tensor logits =
        trained_ ? forward_->to_real(forward_->forward(forward_->quantize_images(images), trained_)) : network_.forward(images);
    const at::Tensor hard = at::cross_entropy_loss(logits, labels);
    if (!teacher_) return {hard, logits};
    const double temperature = options_.distillation->temperature, weight = options_.distillation->weight;
    at::Tensor soft;
    {
      const at::NoGradGuard no_gradient;
      soft = at::softmax(teacher_->forward(images, false) / temperature, 1);
    }
    const at::Tensor distance = (soft * (at::log(at::clamp_min(soft, 1e-12)) - at::log_softmax(logits / temperature, 1))).sum() /
                                static_cast<double>(labels.size(0));
    return {distance * (weight * temperature * temperature) + hard * (1 - weight), logits};
  }

  void after_step() override { network_.after_step(); }

  Result<void> begin_evaluation() override { return lower(); }
  at::Tensor evaluate(const at::Tensor& images) override { return forward_->to_real(forward_->forward(forward_->quantize_images(images))); }

  std::map<std::string, std::string> metadata() const override {
    OrderedJson steps;
    for (const StateTensor& tensor : network_.state())
      if (!is_written(tensor)) {
        const Tensor<float> values = to_dyad(tensor.value);
        steps[tensor.name] = std::vector<float>(values.values().begin(), values.values().end());
      }
    return {{"scheme", std::string(to_string(options_.scheme))}, {"bits", bits_json(options_.bits).dump()}, {"steps", steps.dump()}};
  }
  /// Weights and batch norms, so that the file is a model of its own; steps go to the metadata.
  bool is_written(const StateTensor& tensor) const override {
    return !tensor.name.ends_with("_step") && !tensor.name.ends_with("_alpha") && !tensor.name.ends_with("_range");
  }

  Result<quantizer::IntegerNetwork> finished() { return network_.lower(); }

 private:
  Result<void> lower() {
    forward_.reset();
    DYAD_TRY(lowered_, network_.lower());
    forward_.emplace(*lowered_);
    return {};
  }

  QuantizedNetwork& network_;
  const QuantizationAwareOptions& options_;
  std::optional<TorchNetwork> teacher_;
  std::optional<quantizer::IntegerNetwork> lowered_;
  std::optional<IntegerForward> forward_;
  std::int64_t steps_done_ = 0;
  IntegerForward::Trained trained_;  ///< empty while batch norms are live
};

}  // namespace

Result<QuantizationAwareResult> run_quantized_training(const network::Network& network, const network::Dataset& train_images,
                                                       const network::Dataset& test_images, const network::Normalization& normalization,
                                                       const QuantizationAwareOptions& options) {
  const OperationThreads threads(options.threads);
  std::vector<std::int64_t> chosen = Batches(train_images, normalization).order(options.seed, 0);
  chosen.resize(static_cast<std::size_t>(std::min(options.calibration_images, train_images.size())));
  DYAD_TRY(const auto quantized, QuantizedNetwork::create(network, train_images.subset(chosen), normalization, options));
  QuantizedModel model(*quantized, options);
  const std::string run = describe_quantized(describe_run(network, train_images, test_images, normalization, options), options);
  DYAD_TRY(TrainingResult training, run_training_loop(model, network, train_images, test_images, normalization, options, run));
  DYAD_TRY(quantizer::IntegerNetwork finished, model.finished());
  if (!options.integer_out.empty()) DYAD_CHECK(quantizer::save(finished, options.integer_out));
  return QuantizationAwareResult{std::move(training), std::move(finished)};
}

Tensor<std::int32_t> run_integer_forward(const quantizer::IntegerNetwork& network, const Tensor<std::uint8_t>& images) {
  const at::NoGradGuard no_gradient;
  const IntegerForward forward(network);
  const std::int64_t count = images.extent(0), channels = images.extent(3), size = images.size() / count;
  std::vector<float> integers(static_cast<std::size_t>(images.size()));
  for (std::int64_t i = 0; i < images.size(); ++i)
    integers[static_cast<std::size_t>(i)] = static_cast<float>(network.input.table[i % channels * 256 + images[i]]);
  Tensor<std::int32_t> result({count, network.classes()});
  constexpr std::int64_t kBatch = 128;
  for (std::int64_t first = 0; first < count; first += kBatch) {
    const std::int64_t n = std::min(kBatch, count - first);
    const at::Tensor logits =
        forward.forward(as_images(integers.data() + first * size, {n, images.extent(1), images.extent(2), channels})).contiguous();
    for (std::int64_t i = 0; i < n * network.classes(); ++i)
      result[first * network.classes() + i] = static_cast<std::int32_t>(logits.data_ptr<double>()[i]);
  }
  return result;
}

}  // namespace dyad::training
