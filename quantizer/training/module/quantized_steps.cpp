#include "quantized_steps.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "format_rounding.hpp"

namespace dyad::training {
namespace {
using network::NodeId;
using network::OpKind;
using quantizer::TensorRole;

constexpr float kStretch = 1.2f, kOffset = -0.1f;  // the rectified sigmoid of AdaRound: zeta - gamma and gamma
constexpr float kRelu6Bound = 6;
constexpr std::int64_t kGrain = 1 << 14;  // elements a thread takes at once; sums are added in this order

float round_one(float x, Rounding rounding) {
  switch (rounding) {
    case Rounding::kFloor: return std::floor(x);
    case Rounding::kHalfEven:
    case Rounding::kFloat32Scale: return std::nearbyint(x);
    case Rounding::kHalfAway: return std::round(x);
    default: return std::floor(x + 0.5f);
  }
}

at::Tensor dense(const at::Tensor& values) { return values.is_non_overlapping_and_dense() ? values : values.contiguous(); }

struct FormatRounding : torch::autograd::Function<FormatRounding> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& values, const at::Tensor& step, double lowest,
                            double highest, std::int64_t rounding) {
    const at::Tensor in = dense(values);
    at::Tensor out = at::empty_like(in);
    const float* const from = in.data_ptr<float>();
    float* const to = out.data_ptr<float>();
    const float scale = step.item<float>(), reciprocal = 1.0f / scale;
    const auto low = static_cast<float>(lowest), high = static_cast<float>(highest);
    const auto mode = static_cast<Rounding>(rounding);
    at::parallel_for(0, in.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      if (mode == Rounding::kHalfUp && high < kRoundingRange) {
        round_half_up(from + begin, to + begin, end - begin, scale, low, high);
      } else {
        for (std::int64_t i = begin; i < end; ++i) to[i] = std::clamp(round_one(from[i] * reciprocal, mode), low, high) * scale;
      }
    });
    context->save_for_backward({in, out, step});
    context->saved_data["lowest"] = lowest;
    context->saved_data["highest"] = highest;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &in = saved[0], &out = saved[1], &step = saved[2];
    at::Tensor gradient = at::empty_like(in);
    gradient.copy_(gradients[0]);  // in the memory format of the values
    float* const g = gradient.data_ptr<float>();
    const float *const from = in.data_ptr<float>(), *const to = out.data_ptr<float>();
    const float scale = step.item<float>(), reciprocal = 1.0f / scale;
    const float low = static_cast<float>(context->saved_data["lowest"].toDouble()) * scale;
    const float high = static_cast<float>(context->saved_data["highest"].toDouble()) * scale;
    std::vector<double> sums(static_cast<std::size_t>((in.numel() + kGrain - 1) / kGrain), 0.0);
    at::parallel_for(0, static_cast<std::int64_t>(sums.size()), 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t part = first; part < last; ++part) {
        const std::int64_t begin = part * kGrain, count = std::min(kGrain, in.numel() - begin);
        sums[static_cast<std::size_t>(part)] = pass_gradient(from + begin, to + begin, g + begin, count, low, high);
      }
    });
    // d/ds of s * round(x / s): round(x / s) - x / s inside, the level outside.
    const double of_step = std::accumulate(sums.begin(), sums.end(), 0.0) * static_cast<double>(reciprocal);
    return {gradient, at::full_like(step, of_step), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

network::Network with_biases(const network::Network& folded) {
  network::Network result = folded;
  for (const NodeId id : network::weighted_nodes(result)) {
    result.node(id).has_bias = true;
    result.node(id).bias.resize(static_cast<std::size_t>(result.node(id).out_channels), 0.0f);
  }
  return result;
}

/// (K, R, S, C / groups) integers in the shape of LibTorch's weight.
at::Tensor torch_integers(const Tensor<std::int8_t>& values, const at::Tensor& like) {
  at::Tensor own = at::empty({values.extent(0), values.extent(1), values.extent(2), values.extent(3)}, at::kFloat);
  for (std::int64_t i = 0; i < values.size(); ++i) own.data_ptr<float>()[i] = static_cast<float>(values[i]);
  return own.permute({0, 3, 1, 2}).reshape(like.sizes()).contiguous();
}

/// 6 when everything that reaches this tensor was cut at 6, else 0.
float bound_of(const network::Network& net, NodeId id) {
  const std::vector<NodeId> inputs = net.inputs(id);
  switch (net.node(id).kind) {
    case OpKind::kRelu6: return kRelu6Bound;
    case OpKind::kMaxPool:
    case OpKind::kAveragePool:
    case OpKind::kGlobalAveragePool:
    case OpKind::kFlatten:
    case OpKind::kSubsample:
    case OpKind::kIdentity:
    case OpKind::kConcat:
      return std::any_of(inputs.begin(), inputs.end(), [&](NodeId input) { return bound_of(net, input) > 0; }) ? kRelu6Bound : 0;
    default: return 0;
  }
}

}  // namespace

at::Tensor round_to_format(const at::Tensor& values, const at::Tensor& step, BitWidth format, Rounding rounding) {
  return FormatRounding::apply(values, step, static_cast<double>(format.lowest()), static_cast<double>(format.highest()),
                               static_cast<std::int64_t>(rounding));
}

void InputStep::set(float value) {
  const at::NoGradGuard no_gradient;
  scale.fill_(largest_scale > 0 ? std::min(value, largest_scale) : value);
}

void LearnedLayer::start_learning(const at::Tensor& weight) {
  const at::NoGradGuard no_gradient;
  const at::Tensor scaled = weight.detach() / scale;
  lower = scaled.floor();
  const at::Tensor fraction = ((scaled - lower - kOffset) / kStretch).clamp(1e-4, 1 - 1e-4);
  position = at::log(fraction / (1 - fraction));
  position.set_requires_grad(true);
  bias = bias.detach().clone();
  bias.set_requires_grad(true);
}

at::Tensor LearnedLayer::height() const { return at::clamp(at::sigmoid(position) * kStretch + kOffset, 0, 1); }

void LearnedLayer::finish_learning() {
  const at::NoGradGuard no_gradient;
  integers = at::clamp(lower + (height() >= 0.5).to(at::kFloat), lowest, highest);
  position = at::Tensor();
  bias = bias.detach();
}

QuantizedSteps::QuantizedSteps(const network::Network& folded, const quantizer::NetworkNumbers& numbers, quantizer::LoweringPlan plan,
                               Rounding rounding)
    : start_(numbers), plan_(std::move(plan)), rounding_(rounding), network_(with_biases(folded)) {
  layers_.resize(network_.layer_names().size());
  for (const NodeId id : network::weighted_nodes(folded)) {
    const std::size_t index = network_.step_layer(network_.step_of(id).value());
    const quantizer::LayerNumbers& own = numbers.layers.at(id);
    const at::Tensor& weight = network_.layer_weights()[index];
    LearnedLayer layer;
    layer.id = id;
    std::vector<std::int64_t> per_channel(static_cast<std::size_t>(weight.dim()), 1);
    per_channel[0] = weight.size(0);
    layer.scale = at::empty(per_channel, at::kFloat);
    std::copy(own.weights.scales.begin(), own.weights.scales.end(), layer.scale.data_ptr<float>());
    layer.integers = torch_integers(own.weights.values, weight);
    layer.bias = at::empty({weight.size(0)}, at::kFloat);
    std::copy(own.bias.begin(), own.bias.end(), layer.bias.data_ptr<float>());
    const BitWidth format{own.bits.weight, true};
    layer.highest = static_cast<float>(format.highest());
    // Rules without the lowest integer of two's complement keep it out.
    layer.lowest = -layer.highest;
    if (layer.integers.min().item<float>() < layer.lowest) layer.lowest = static_cast<float>(format.lowest());
    layers_[index] = std::move(layer);
  }
  find_input_steps(folded);
  plan_steps_.resize(network_.steps());
  for (std::size_t step = 0; step < network_.steps(); ++step) {
    const NodeId id = network_.step_id(step);
    const NodeId written = plan_.written_by(id);
    const bool adds = network_.step_node(step).kind == OpKind::kAdd;
    const quantizer::TensorPlan& tensor = plan_.tensors[adds ? written : id];
    if (tensor.role == TensorRole::kCarrier || (tensor.role == TensorRole::kDirect && id == folded.input()))
      plan_steps_[step] = at::full({1}, tensor.format.scale, at::kFloat);
  }
  hooks_.weight = [this](std::size_t layer, const at::Tensor&) {
    const LearnedLayer& own = layers_[layer];
    return (own.position.defined() ? at::clamp(own.lower + own.height(), own.lowest, own.highest) : own.integers) * own.scale;
  };
  hooks_.input = [this](std::size_t layer, const at::Tensor& input) {
    const InputStep& own = input_steps_[layers_[layer].input_step];
    return round_to_format(input, own.scale, own.start.format, rounding_);
  };
  hooks_.bias = [this](std::size_t layer, const at::Tensor&) { return rounded_bias(layers_[layer]); };
}

// Tensors that only move values between them hold the same numbers; their readers of one format share a step, so that the plan stays.
void QuantizedSteps::find_input_steps(const network::Network& folded) {
  std::vector<NodeId> origin(folded.size());
  std::iota(origin.begin(), origin.end(), NodeId{0});
  const auto find = [&](NodeId id) {
    while (origin[id] != id) id = origin[id];
    return id;
  };
  for (const NodeId id : folded.execution_order()) {
    const OpKind kind = folded.node(id).kind;
    if (kind != OpKind::kMaxPool && kind != OpKind::kFlatten && kind != OpKind::kSubsample && kind != OpKind::kConcat &&
        kind != OpKind::kIdentity)
      continue;
    for (const NodeId input : folded.inputs(id)) origin[find(id)] = find(input);
  }
  std::vector<NodeId> tensor_of;  // by input step
  for (LearnedLayer& layer : layers_) {
    if (!layer.integers.defined()) continue;  // the logits do not depend on it
    const NodeId source = folded.inputs(layer.id)[0], tensor = find(source);
    const quantizer::ScaledFormat& format = start_.layers.at(layer.id).input;
    const float bound = bound_of(folded, source) / static_cast<float>(std::max<std::int64_t>(1, format.format.highest()));
    std::size_t index = 0;
    while (index < input_steps_.size() && !(tensor_of[index] == tensor && input_steps_[index].start == format)) ++index;
    if (index == input_steps_.size()) {
      tensor_of.push_back(tensor);
      input_steps_.push_back({format, find(folded.input()) != tensor, 0, at::full({1}, format.scale, at::kFloat)});
    }
    InputStep& step = input_steps_[index];
    if (bound > 0) step.largest_scale = step.largest_scale > 0 ? std::min(step.largest_scale, bound) : bound;
    layer.input_step = index;
  }
}

at::Tensor QuantizedSteps::rounded_bias(const LearnedLayer& layer) const {
  const at::Tensor accumulator = layer.scale.flatten() * input_steps_[layer.input_step].scale.detach();
  const at::Tensor rounded = at::round(layer.bias.detach() / accumulator) * accumulator;
  return layer.bias + (rounded - layer.bias.detach());
}

at::Tensor QuantizedSteps::to_plan_step(const at::Tensor& values, const at::Tensor& step) const {
  // The integers are int32; 22 bits are beyond every carrier, and float32 rounds them exactly.
  return round_to_format(values, step, {22, true}, rounding_);
}

at::Tensor QuantizedSteps::evaluate(std::size_t step, const std::vector<at::Tensor>& outputs, const at::Tensor& images) const {
  const network::Node& node = network_.step_node(step);
  const NodeId id = network_.step_id(step);
  const at::Tensor& plan_step = plan_steps_[step];
  if (node.kind == OpKind::kInput)  // by table, ties to even
    return plan_step.defined() ? round_to_format(images, plan_step, plan_.tensors[id].format.format, Rounding::kHalfEven) : images;
  at::Tensor result;
  if (node.kind == OpKind::kAdd && plan_step.defined()) {  // each branch is rescaled to the sum's step
    std::vector<at::Tensor> branches = outputs;
    for (const std::size_t input : network_.step_inputs(step)) branches[input] = to_plan_step(outputs[input], plan_step);
    result = network_.evaluate_step(step, branches, hooks_);
  } else {
    result = network_.evaluate_step(step, outputs, hooks_);
  }
  if (plan_.tensors[id].role != TensorRole::kCarrier) return result;
  return round_to_format(result, plan_step, plan_.tensors[id].format.format, rounding_);
}

at::Tensor QuantizedSteps::evaluate_float(std::size_t step, const std::vector<at::Tensor>& outputs, const at::Tensor& images) const {
  return network_.step_node(step).kind == OpKind::kInput ? images : network_.evaluate_step(step, outputs);
}

quantizer::NetworkNumbers QuantizedSteps::numbers() const {
  quantizer::NetworkNumbers result = start_;
  for (const LearnedLayer& layer : layers_) {
    if (!layer.integers.defined()) continue;
    quantizer::LayerNumbers& own = result.layers.at(layer.id);
    own.input.scale = input_steps_[layer.input_step].scale.item<float>();
    std::copy_n(layer.bias.data_ptr<float>(), own.bias.size(), own.bias.begin());
    Tensor<std::int8_t>& values = own.weights.values;
    const std::int64_t depth = values.extent(3), height = values.extent(1), width = values.extent(2);
    const at::Tensor channels_last = layer.integers.reshape({values.extent(0), depth, height, width}).permute({0, 2, 3, 1}).contiguous();
    for (std::int64_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int8_t>(channels_last.data_ptr<float>()[i]);
  }
  return result;
}

}  // namespace dyad::training
