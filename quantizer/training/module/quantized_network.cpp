#include "quantized_network.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "batches.hpp"
#include "dyad/quantizer/lowering_plan.hpp"
#include "dyad/quantizer/post_training.hpp"
#include "dyad/quantizer/uniform.hpp"
#include "dyad/ranges/observers.hpp"

namespace dyad::training {
namespace {
using network::Node;
using network::NodeId;
using network::OpKind;
using quantizer::ScaledFormat;

constexpr float kLeastStep = 1e-6f;
constexpr BitWidth kCarrier{16, true};
constexpr std::int64_t kCalibrationBatch = 128;

at::Tensor one_number(float value) { return at::full({1}, value, at::kFloat); }
Levels levels_of(BitWidth format) { return {static_cast<float>(format.lowest()), static_cast<float>(format.highest())}; }
bool keeps_range(OpKind kind) {
  return kind == OpKind::kMaxPool || kind == OpKind::kAveragePool || kind == OpKind::kGlobalAveragePool || kind == OpKind::kFlatten ||
         kind == OpKind::kSubsample || kind == OpKind::kIdentity;
}

std::vector<float> numbers(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().contiguous();
  return {plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel()};
}

/// HAWQ-V3's scale of a range: symmetric, or from 0 for a tensor without negative values.
float range_step(const at::Tensor& range, BitWidth format) {
  const Range ends{range.data_ptr<float>()[0], range.data_ptr<float>()[1]};
  return format.is_signed ? quantizer::symmetric_scale(ends, format.bits) : quantizer::asymmetric_scale({0, ends.highest}, format.bits);
}

/// The node that is read when identities are passed.
NodeId source_of(const network::Network& network, NodeId id) {
  while (network.node(id).kind == OpKind::kIdentity) id = network.inputs(id)[0];
  return id;
}

/// (K, C / groups, R, S) or (K, C) integers as (K, R, S, C / groups) int8.
Tensor<std::int8_t> stored(const at::Tensor& integers, const Shape& shape) {
  const at::Tensor ordered = (integers.dim() == 4 ? integers.detach().permute({0, 2, 3, 1}) : integers.detach()).contiguous();
  const float* const values = ordered.data_ptr<float>();
  Tensor<std::int8_t> result(shape);
  for (std::int64_t i = 0; i < result.size(); ++i) result[i] = static_cast<std::int8_t>(values[i]);
  return result;
}

}  // namespace

QuantizedNetwork::QuantizedNetwork(const network::Network& network, const network::Normalization& normalization,
                                   const QuantizationAwareOptions& options)
    : network_(network), normalization_(normalization), options_(options), torch_(network) {
  for (const Parameter& parameter : torch_.parameters()) parameters_[parameter.name] = parameter.value;
}

Result<std::unique_ptr<QuantizedNetwork>> QuantizedNetwork::create(const network::Network& network,
                                                                   const network::Dataset& calibration_images,
                                                                   const network::Normalization& normalization,
                                                                   const QuantizationAwareOptions& options) {
  std::unique_ptr<QuantizedNetwork> result(new QuantizedNetwork(network, normalization, options));
  DYAD_CHECK(result->calibrate(calibration_images));
  return result;
}

Result<void> QuantizedNetwork::calibrate(const network::Dataset& images) {
  quantizer::PostTrainingOptions post_training;
  post_training.weights = quantizer::WeightRule::kMse;
  post_training.bias_correction = false;
  if (options_.scheme == QuantizationScheme::kHawq) post_training.activations = "minmax";
  DYAD_TRY(const auto calibrated, quantizer::CalibratedNetwork::calibrate(network_, images, normalization_, post_training));
  DYAD_CHECK(calibrated.numbers(options_.bits));  // every layer has bits, and nothing else does
  const network::Network& folded = calibrated.folded();
  image_ = calibrated.carriers()[folded.input()];
  Batches batches(images, normalization_);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(images.size()));
  std::iota(indices.begin(), indices.end(), 0);
  batches.fill(indices.data(), images.size(), calibration_);
  calibration_shape_ = batches.batch_shape(images.size());

  for (const Parameter& parameter : torch_.parameters()) {
    const bool is_weight = parameter.kind == ParameterKind::kWeight;
    state_.push_back({parameter.name, parameter.value, parameter.is_trained(), is_weight});
    trains_.push_back(parameter.is_trained());
    // A folded network has weights and biases only; gamma is one with the weights' steps.
    trains_frozen_.push_back(is_weight || parameter.kind == ParameterKind::kBias || parameter.kind == ParameterKind::kBeta);
  }
  const auto learn = [&](const std::string& name, const at::Tensor& value) {
    state_.push_back({name, value, true, false});
    trains_.push_back(true);
    trains_frozen_.push_back(false);
  };
  std::map<std::pair<NodeId, int>, std::size_t> input_index;
  for (std::size_t i = 0; i < torch_.layer_names().size(); ++i) {
    Layer layer;
    layer.name = torch_.layer_names()[i];
    const NodeId id = *network_.find(layer.name), in_folded = *folded.find(layer.name);
    layer.bits = options_.bits.at(layer.name);
    NodeId reader = id;
    for (std::vector<NodeId> readers = network_.consumers(id); readers.size() == 1; readers = network_.consumers(reader)) {
      reader = readers[0];
      if (network_.node(reader).kind == OpKind::kBatchNorm) layer.batch_norm = network_.node(reader).name;
      if (network_.node(reader).kind != OpKind::kIdentity) break;
    }
    std::vector<float> steps = calibrated.quantize_weights(in_folded, layer.bits.weight).scales;
    if (!layer.batch_norm.empty()) {
      // The search is the same for a channel times a factor; one that its batch norm switched off starts from its extremes.
      const Folding folding = folding_of(layer);
      const Tensor<float>& weight = network_.node(id).weight;
      const std::size_t size = static_cast<std::size_t>(weight.size()) / steps.size();
      for (std::size_t k = 0; k < steps.size(); ++k) {
        const float factor = std::fabs(folding.factor.data_ptr<float>()[k]);
        steps[k] = factor > kLeastStep
                       ? steps[k] / factor
                       : quantizer::symmetric_scale(quantizer::weight_range(weight.values().subspan(k * size, size), 0), layer.bits.weight);
      }
    }
    for (float& step : steps) step = std::max(step, kLeastStep);
    layer.quantizer = WeightQuantizer(options_.scheme, layer.bits.weight, options_.hawq.percentile, !layer.batch_norm.empty(), steps);
    for (const auto& [name, value] : layer.quantizer.learned()) learn(layer.name + "." + name, value);
    if (layer.quantizer.is_normalized() && !layer.batch_norm.empty()) {
      const at::NoGradGuard no_gradient;
      at::Tensor weight = parameter(layer.name + ".weight");
      const at::Tensor mean = weight.mean(), deviation = weight.std();
      weight.sub_(mean).div_(deviation);
    }

    const std::pair key{source_of(network_, network_.inputs(id)[0]), layer.bits.activation};
    const auto [known, is_new] = input_index.emplace(key, inputs_.size());
    layer.input = known->second;
    if (is_new) {
      Input input;
      input.format = calibrated.input_format(in_folded, layer.bits.activation);
      input.step = one_number(std::max(calibrated.input_scale(in_folded, layer.bits.activation), kLeastStep));
      input.is_fixed = network_.node(key.first).kind == OpKind::kInput;
      if (options_.scheme == QuantizationScheme::kHawq && !input.is_fixed) {
        const float highest = input.step.data_ptr<float>()[0] * static_cast<float>(input.format.highest());
        input.range = at::full({2}, highest, at::kFloat);
        input.range.data_ptr<float>()[0] = input.format.is_signed ? -highest : 0;
        state_.push_back({layer.name + ".input_range", input.range, false, false});
        trains_.push_back(false);
        trains_frozen_.push_back(false);
      } else if (!input.is_fixed) {
        input.step.set_requires_grad(true);
        learn(layer.name + ".input_step", input.step);
      }
      inputs_.push_back(input);
    }
    layers_.push_back(std::move(layer));
  }
  if (options_.scheme == QuantizationScheme::kUniform || options_.scheme == QuantizationScheme::kApot) restart_batch_norms();
  return {};
}

void QuantizedNetwork::restart_batch_norms() {
  const at::NoGradGuard no_gradient;
  ForwardHooks own = hooks();
  for_calibration_batches([&](const at::Tensor& images, std::int64_t batch) {
    own.batch_norm_momentum = 1.0 / static_cast<double>(batch + 1);
    if (images.size(0) > 1) torch_.forward(images, true, own);
  });
}

void QuantizedNetwork::for_calibration_batches(const std::function<void(const at::Tensor& images, std::int64_t batch)>& body) const {
  const std::int64_t image = element_count(calibration_shape_) / calibration_shape_[0];
  for (std::int64_t batch = 0; batch * kCalibrationBatch < calibration_shape_[0]; ++batch) {
    Shape shape = calibration_shape_;
    shape[0] = std::min(kCalibrationBatch, calibration_shape_[0] - batch * kCalibrationBatch);
    body(as_images(calibration_.data() + batch * kCalibrationBatch * image, shape), batch);
  }
}

at::Tensor QuantizedNetwork::parameter(const std::string& name) const {
  const auto found = parameters_.find(name);
  return found == parameters_.end() ? at::Tensor() : found->second;
}

void QuantizedNetwork::freeze(bool frozen) {
  frozen_ = frozen;
  for (std::size_t i = 0; i < state_.size(); ++i) state_[i].is_trained = frozen ? trains_frozen_[i] : trains_[i];
}

QuantizedNetwork::Folding QuantizedNetwork::folding_of(const Layer& layer) const {
  const Node& node = network_.node(*network_.find(layer.name));
  at::Tensor bias = parameter(layer.name + ".bias");
  if (!bias.defined()) bias = at::zeros({node.out_channels}, at::kFloat);
  if (layer.batch_norm.empty()) return {at::ones({node.out_channels}, at::kFloat), bias};
  // The float32 order of network::fold_batch_norms, so that both give the same bits.
  const float epsilon = network_.node(*network_.find(layer.batch_norm)).batch_norm.epsilon;
  const at::Tensor deviation = at::sqrt(parameter(layer.batch_norm + ".running_var") + epsilon);
  const at::Tensor factor = parameter(layer.batch_norm + ".weight").detach() / deviation;
  return {factor, (bias - parameter(layer.batch_norm + ".running_mean")) * factor + parameter(layer.batch_norm + ".bias")};
}

at::Tensor QuantizedNetwork::quantized_input(std::size_t layer, const at::Tensor& x) const {
  const Input& input = inputs_[layers_[layer].input];
  const Levels levels = levels_of(input.format);
  if (input.range.defined()) {
    // HAWQ-V3: the range of this batch counts already, and no gradient is masked.
    if (!frozen_) track(input, x);
    return straight_through(x, quantize_tensor(x.detach(), one_number(range_step(input.range, input.format)), levels, 1));
  }
  return quantize_tensor(x, input.step, levels, 1.0 / std::sqrt(static_cast<double>(x.numel()) * static_cast<double>(levels.highest)));
}

float QuantizedNetwork::step_of(const Input& input) {
  return input.range.defined() ? range_step(input.range, input.format) : input.step.data_ptr<float>()[0];
}

void QuantizedNetwork::track(const Input& input, const at::Tensor& x) const {
  ranges::HawqRangeTracker tracker({options_.hawq.momentum, options_.hawq.percentile, !input.format.is_signed});
  float* const ends = input.range.data_ptr<float>();
  tracker.restore({ends[0], ends[1]});
  const at::Tensor values = x.is_non_overlapping_and_dense() ? x : x.contiguous();
  tracker.observe({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  ends[0] = tracker.lowest();
  ends[1] = tracker.highest();
}

ForwardHooks QuantizedNetwork::hooks() const {
  ForwardHooks hooks;
  if (options_.scheme == QuantizationScheme::kHawq) hooks.batch_norm_momentum = 0.01;
  hooks.weight = [this](std::size_t layer, const at::Tensor& weight) { return layers_[layer].quantizer.quantize(weight); };
  // Layers that read one tensor in one format share its rounding.
  auto shared = std::make_shared<std::vector<std::pair<at::Tensor, at::Tensor>>>(inputs_.size());
  hooks.input = [this, shared](std::size_t layer, const at::Tensor& x) {
    auto& [known, rounded] = (*shared)[layers_[layer].input];
    if (!known.defined() || !known.is_same(x)) {
      known = x;
      rounded = quantized_input(layer, x);
    }
    return rounded;
  };
  return hooks;
}

at::Tensor QuantizedNetwork::forward(const at::Tensor& images) { return torch_.forward(images, !frozen_ && !fixed_, hooks()); }

void QuantizedNetwork::after_step() {
  const at::NoGradGuard no_gradient;
  for (StateTensor& tensor : state_)
    if (tensor.name.ends_with("_step") || tensor.name.ends_with("_alpha")) tensor.value.clamp_(kLeastStep);
}

Result<network::Network> QuantizedNetwork::current_network() const {
  network::Safetensors content;
  for (const auto& [name, value] : parameters_) content.tensors[name] = to_dyad(value);
  network::Network current = network_;
  DYAD_CHECK(network::load_weights(current, content, network_.name));
  return current;
}

Result<quantizer::IntegerNetwork> QuantizedNetwork::lower() const {
  const at::NoGradGuard no_gradient;
  DYAD_TRY(const network::Network current, current_network());
  DYAD_TRY(network::Network folded, network::fold_batch_norms(current));
  DYAD_CHECK(folded.infer_shapes());
  quantizer::NetworkNumbers result;
  for (const Layer& layer : layers_) {
    const NodeId id = *folded.find(layer.name);
    Node& node = folded.node(id);
    const WeightIntegers integers = layer.quantizer.integers(parameter(layer.name + ".weight"));
    quantizer::LayerNumbers& own = result.layers[id];
    own.bits = {layer.quantizer.stored_bits(), layer.bits.activation};
    own.weights.values = stored(integers.integers, node.weight.shape());
    own.weights.scales = numbers(integers.steps * folding_of(layer).factor);
    own.bias = node.bias;
    own.bias.resize(static_cast<std::size_t>(node.out_channels), 0.0f);
    own.input = {inputs_[layer.input].format, step_of(inputs_[layer.input])};
    const std::int64_t size = node.weight.size() / node.out_channels;
    for (std::int64_t i = 0; i < node.weight.size(); ++i)
      node.weight[i] = static_cast<float>(own.weights.values[i]) * own.weights.scales[static_cast<std::size_t>(i / size)];
  }
  DYAD_TRY(result.carriers, carriers(folded, result));
  return quantizer::lower(folded, normalization_, result, options_.lowering);
}

Result<std::vector<ScaledFormat>> QuantizedNetwork::carriers(const network::Network& folded,
                                                             const quantizer::NetworkNumbers& numbers_) const {
  std::vector<float> largest(folded.size(), 0.0f);
  const TorchNetwork rounded(folded);
  ForwardHooks hooks;
  hooks.input = [&](std::size_t layer, const at::Tensor& x) {
    const ScaledFormat& input = numbers_.layers.at(*folded.find(rounded.layer_names()[layer])).input;
    return quantize_tensor(x, one_number(input.scale), levels_of(input.format), 1);
  };
  hooks.output = [&](const Node& node, const at::Tensor& output) {
    float& most = largest[*folded.find(node.name)];
    most = std::max(most, output.abs().max().item<float>());
    return output;
  };
  for_calibration_batches([&](const at::Tensor& images, std::int64_t) { rounded.forward(images, false, hooks); });
  std::vector<ScaledFormat> result(folded.size());
  for (const NodeId id : folded.execution_order()) {
    const OpKind kind = folded.node(id).kind;
    if (kind == OpKind::kInput) {
      result[id] = image_;
    } else if (keeps_range(kind)) {
      result[id] = result[folded.inputs(id)[0]];
    } else {
      if (!std::isfinite(largest[id]))
        return Error{network_.name + ":/" + folded.node(id).name, "produces values that are not finite", "use a lower learning rate"};
      // A tensor that was always zero may have any step.
      result[id] = {kCarrier, (largest[id] > 0 ? 2 * largest[id] : 1.0f) / static_cast<float>(kCarrier.highest())};
    }
  }
  return result;
}

IntegerForward::Trained QuantizedNetwork::integers_of(const quantizer::IntegerNetwork& lowered) const {
  struct Own {
    const Layer* layer = nullptr;
    at::Tensor changed;                        ///< (K, 1, 1, 1): lowering changed the channel
    at::Tensor weight, bias;                   ///< as lowered
    at::Tensor factor, mean_part, reciprocal;  ///< bias = (conv bias) * factor ..., in steps by `reciprocal`
  };
  auto own = std::make_shared<std::vector<Own>>(lowered.layers.size());
  const at::NoGradGuard no_gradient;
  for (std::size_t i = 0; i < lowered.layers.size(); ++i) {
    const IntegerLayer& integer_layer = lowered.layers[i];
    if (integer_layer.op != IntegerOp::kConv) continue;
    const auto layer = std::find_if(layers_.begin(), layers_.end(), [&](const Layer& l) { return l.name == integer_layer.name; });
    DYAD_EXPECT(layer != layers_.end(), "the integer network has a layer that is not trained: " + integer_layer.name);
    Own& o = (*own)[i];
    o.layer = &*layer;
    const Shape& shape = integer_layer.weights.shape();
    at::Tensor weight = at::empty({shape[0], shape[1], shape[2], shape[3]}, at::kFloat);
    std::copy(integer_layer.weights.values().begin(), integer_layer.weights.values().end(), weight.data_ptr<float>());
    o.weight = weight.permute({0, 3, 1, 2}).contiguous();
    o.bias = at::empty({shape[0]}, at::kFloat);
    std::copy(integer_layer.bias.begin(), integer_layer.bias.end(), o.bias.data_ptr<float>());
    const WeightIntegers now = layer->quantizer.integers(parameter(layer->name + ".weight"));
    const float scale_in = step_of(inputs_[layer->input]);
    o.reciprocal = ((now.steps * folding_of(*layer).factor) * scale_in).reciprocal();
    o.reciprocal = at::where(at::isfinite(o.reciprocal), o.reciprocal, at::zeros_like(o.reciprocal));  // a step that underflows has no bias
    const at::Tensor bias = at::round(folding_of(*layer).bias * o.reciprocal);
    o.changed = (now.integers.view_as(o.weight) != o.weight).flatten(1).any(1).logical_or(bias != o.bias).view({-1, 1, 1, 1});
  }
  return [this, own](std::size_t i) -> TrainedIntegers {
    const Own& o = (*own)[i];
    const at::Tensor weight = o.layer->quantizer.integers(parameter(o.layer->name + ".weight")).integers.view_as(o.weight);
    const at::Tensor in_steps = folding_of(*o.layer).bias * o.reciprocal;
    const at::Tensor bias = straight_through(in_steps, at::round(in_steps.detach()));
    return {at::where(o.changed, o.weight, weight), at::where(o.changed.flatten(), o.bias, bias)};
  };
}

}  // namespace dyad::training
