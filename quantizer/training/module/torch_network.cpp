#include "torch_network.hpp"

#include <cmath>
#include <limits>
#include <map>

#include "dyad/base/random.hpp"

namespace dyad::training {
namespace {
using network::Node;
using network::NodeId;
using network::OpKind;

at::Tensor vector_tensor(const std::vector<float>& values, std::int64_t count) {
  at::Tensor tensor = at::zeros({count}, at::kFloat);
  if (!values.empty()) {
    DYAD_EXPECT(static_cast<std::int64_t>(values.size()) == count, "a parameter vector of the wrong length");
    std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  }
  return tensor;
}

/// (K, R, S, C / groups) to PyTorch's (K, C / groups, R, S), or (K, C) of a fully connected layer.
at::Tensor weight_tensor(const Node& node, std::int64_t in_channels) {
  const std::int64_t depth = in_channels / node.groups;
  const std::int64_t height = node.kind == OpKind::kConv ? node.window.kernel_h : 1,
                     width = node.kind == OpKind::kConv ? node.window.kernel_w : 1;
  at::Tensor own = at::zeros({node.out_channels, height, width, depth}, at::kFloat);
  if (!node.weight.empty()) {
    DYAD_EXPECT(node.weight.size() == own.numel(), "weight of " + node.name + " has the wrong size");
    std::copy(node.weight.values().begin(), node.weight.values().end(), own.data_ptr<float>());
  }
  if (node.kind == OpKind::kLinear) return own.reshape({node.out_channels, depth});
  return own.permute({0, 3, 1, 2}).contiguous();
}

/// Padding that makes windows of `kernel` at `stride` give `out` positions, beyond the pads the node names (ceil mode).
std::int64_t ceil_extension(std::int64_t in, std::int64_t out, int kernel, int stride, int dilation, int pads) {
  return std::max<std::int64_t>(0, (out - 1) * stride + dilation * (kernel - 1) + 1 - (in + pads));
}

at::Tensor pool(const Node& node, const at::Tensor& input) {
  const Window& w = node.window;
  const std::int64_t more_h =
      ceil_extension(input.size(2), node.output_shape[0], w.kernel_h, w.stride_h, w.dilation_h, w.pad_top + w.pad_bottom);
  const std::int64_t more_w =
      ceil_extension(input.size(3), node.output_shape[1], w.kernel_w, w.stride_w, w.dilation_w, w.pad_left + w.pad_right);
  const std::array<std::int64_t, 4> named = {w.pad_left, w.pad_right, w.pad_top, w.pad_bottom};
  const std::array<std::int64_t, 4> extension = {0, more_w, 0, more_h};
  if (node.kind == OpKind::kMaxPool) {
    const double lowest = -std::numeric_limits<double>::infinity();
    at::Tensor padded = at::constant_pad_nd(at::constant_pad_nd(input, named, lowest), extension, lowest);
    return at::max_pool2d(padded, {w.kernel_h, w.kernel_w}, {w.stride_h, w.stride_w}, 0, {w.dilation_h, w.dilation_w});
  }
  // Average over the window's true positions: the mean with zeros in the border, divided by the mean of ones.
  at::Tensor ones = at::ones({1, 1, input.size(2), input.size(3)}, input.options());
  ones = at::constant_pad_nd(at::constant_pad_nd(ones, named, node.count_include_pad ? 1 : 0), extension, 0);
  const at::Tensor padded = at::constant_pad_nd(at::constant_pad_nd(input, named, 0), extension, 0);
  const auto mean = [&](const at::Tensor& values) { return at::avg_pool2d(values, {w.kernel_h, w.kernel_w}, {w.stride_h, w.stride_w}); };
  return mean(padded) / mean(ones);
}

at::Tensor convolve(const Node& node, at::Tensor input, const at::Tensor& weight, const at::Tensor& bias) {
  const Window& w = node.window;
  std::array<std::int64_t, 2> padding = {w.pad_top, w.pad_left};
  if (w.pad_top != w.pad_bottom || w.pad_left != w.pad_right) {
    input = at::constant_pad_nd(input, {w.pad_left, w.pad_right, w.pad_top, w.pad_bottom}, 0);
    padding = {0, 0};
  }
  return at::conv2d(input, weight, bias, {w.stride_h, w.stride_w}, padding, {w.dilation_h, w.dilation_w}, node.groups);
}

at::Tensor subsample(const Node& node, const at::Tensor& input) {
  using at::indexing::Slice;
  at::Tensor kept = input.index(
      {Slice(), Slice(), Slice(0, at::indexing::None, node.window.stride_h), Slice(0, at::indexing::None, node.window.stride_w)});
  return at::constant_pad_nd(kept, {0, 0, 0, 0, node.channel_pad_before, node.channel_pad_after}, 0);
}

}  // namespace

at::Tensor TorchNetwork::add_parameter(const std::string& name, ParameterKind kind, at::Tensor value) {
  parameters_.push_back({name, kind, value});
  if (parameters_.back().is_trained()) value.set_requires_grad(true);
  return value;
}

TorchNetwork::TorchNetwork(const network::Network& network) {
  std::map<NodeId, std::size_t> index_of;
  NodeId output = network.output();
  while (network.node(output).kind == OpKind::kSoftmax || network.node(output).kind == OpKind::kIdentity)
    output = network.inputs(output).front();
  for (const NodeId id : network.topological_order()) {
    const Node& node = network.node(id);
    Step step;
    const std::vector<NodeId> inputs = network.inputs(id);
    for (const NodeId input : inputs) step.inputs.push_back(index_of.at(input));
    if (is_weighted(node.kind)) {
      const Shape& shape = network.node(inputs.at(0)).output_shape;
      const std::int64_t in_channels = node.kind == OpKind::kConv ? shape.back() : element_count(shape);
      step.weight = add_parameter(node.name + ".weight", ParameterKind::kWeight, weight_tensor(node, in_channels));
      if (node.has_bias || !node.bias.empty())
        step.bias = add_parameter(node.name + ".bias", ParameterKind::kBias, vector_tensor(node.bias, node.out_channels));
      step.layer = layer_weights_.size();
      layer_weights_.push_back(step.weight);
      layer_names_.push_back(node.name);
    } else if (node.kind == OpKind::kBatchNorm) {
      const std::int64_t channels = node.output_shape.back();
      const network::BatchNorm& norm = node.batch_norm;
      step.weight = add_parameter(node.name + ".weight", ParameterKind::kGamma, vector_tensor(norm.gamma, channels));
      step.bias = add_parameter(node.name + ".bias", ParameterKind::kBeta, vector_tensor(norm.beta, channels));
      step.running_mean = add_parameter(node.name + ".running_mean", ParameterKind::kRunningMean, vector_tensor(norm.mean, channels));
      step.running_variance =
          add_parameter(node.name + ".running_var", ParameterKind::kRunningVariance, vector_tensor(norm.variance, channels));
    }
    step.id = id;
    step.node = node;
    step.node.weight = {};
    step.node.bias = {};
    step.node.batch_norm = {{}, {}, {}, {}, node.batch_norm.epsilon};
    index_of[id] = steps_.size();
    steps_.push_back(std::move(step));
    if (id == output) break;  // nothing behind the logits is needed
  }
  output_ = index_of.at(output);
  std::vector<std::size_t> last_use(steps_.size(), 0);
  for (std::size_t i = 0; i < steps_.size(); ++i)
    for (const std::size_t input : steps_[i].inputs) last_use[input] = i;
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (i != output_ && last_use[i] > i) steps_[last_use[i]].freed.push_back(i);
}

std::optional<std::size_t> TorchNetwork::step_of(NodeId id) const {
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (steps_[i].id == id) return i;
  return std::nullopt;
}

at::Tensor TorchNetwork::forward(const at::Tensor& images, bool training, const ForwardHooks& hooks) const {
  std::vector<at::Tensor> outputs(steps_.size());
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    outputs[i] = steps_[i].node.kind == OpKind::kInput ? images : evaluate(steps_[i], outputs, training, hooks);
    if (hooks.output) outputs[i] = hooks.output(steps_[i].node, outputs[i]);
    for (const std::size_t done : steps_[i].freed) outputs[done] = at::Tensor();
  }
  return outputs[output_].flatten(1);
}

at::Tensor TorchNetwork::evaluate(const Step& step, const std::vector<at::Tensor>& outputs, bool training,
                                  const ForwardHooks& hooks) const {
  const Node& node = step.node;
  const bool has_weight = is_weighted(node.kind);
  const at::Tensor input = has_weight && hooks.input ? hooks.input(step.layer, outputs[step.inputs.at(0)]) : outputs[step.inputs.at(0)];
  const at::Tensor weight = has_weight && hooks.weight ? hooks.weight(step.layer, step.weight) : step.weight;
  const at::Tensor bias = has_weight && hooks.bias && step.bias.defined() ? hooks.bias(step.layer, step.bias) : step.bias;
  switch (node.kind) {
    case OpKind::kConv: return convolve(node, input, weight, bias);
    case OpKind::kLinear: {
      const at::Tensor result = at::linear(input.permute({0, 2, 3, 1}).flatten(1), weight, bias);
      return result.unsqueeze(2).unsqueeze(3);
    }
    case OpKind::kBatchNorm:
      return at::batch_norm(input, step.weight, step.bias, step.running_mean, step.running_variance, training, hooks.batch_norm_momentum,
                            node.batch_norm.epsilon, false);
    case OpKind::kRelu: return at::relu(input);
    case OpKind::kRelu6: return at::clamp(input, 0, 6);
    case OpKind::kLeakyRelu: return at::leaky_relu(input, node.negative_slope);
    case OpKind::kSigmoid: return at::sigmoid(input);
    case OpKind::kSwish: return input * at::sigmoid(input);
    case OpKind::kAdd: return input + outputs[step.inputs.at(1)];
    case OpKind::kMul: return input * outputs[step.inputs.at(1)];
    case OpKind::kConcat: {
      std::vector<at::Tensor> parts;
      for (const std::size_t part : step.inputs) parts.push_back(outputs[part]);
      return at::cat(parts, 1);
    }
    case OpKind::kMaxPool:
    case OpKind::kAveragePool: return pool(node, input);
    case OpKind::kGlobalAveragePool: return input.mean({2, 3}, true);
    case OpKind::kFlatten: return input.permute({0, 2, 3, 1}).flatten(1).unsqueeze(2).unsqueeze(3);  // channel innermost
    case OpKind::kSubsample: return subsample(node, input);
    case OpKind::kIdentity: return input;
    case OpKind::kSoftmax: return at::softmax(input, 1);
    case OpKind::kInput: break;
  }
  DYAD_EXPECT(false, "operation of " + node.name + " is unknown to the training module");
  return {};
}

void TorchNetwork::initialize(std::uint64_t seed) {
  const at::NoGradGuard no_gradient;
  std::uint64_t stream = 0;
  for (Parameter& parameter : parameters_) {
    Random random(seed, stream++);
    if (parameter.kind == ParameterKind::kWeight) {
      const bool is_last = parameter.value.is_same(layer_weights_.back());
      const double fan_in = static_cast<double>(parameter.value.numel() / parameter.value.size(0));
      const double deviation = std::sqrt((is_last ? 1.0 : 2.0) / fan_in);
      float* const values = parameter.value.data_ptr<float>();
      for (std::int64_t i = 0; i < parameter.value.numel(); ++i) values[i] = static_cast<float>(deviation * random.normal());
    } else {
      const bool is_one = parameter.kind == ParameterKind::kGamma || parameter.kind == ParameterKind::kRunningVariance;
      parameter.value.fill_(is_one ? 1 : 0);
    }
  }
}

at::Tensor as_images(const float* values, const Shape& shape) {
  DYAD_EXPECT(shape.size() == 4, "images need the shape (N, H, W, C)");
  return at::from_blob(const_cast<float*>(values), {shape[0], shape[1], shape[2], shape[3]}, at::kFloat).permute({0, 3, 1, 2});
}

Tensor<float> to_dyad(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().contiguous();
  const float* const values = plain.data_ptr<float>();
  return Tensor<float>(Shape(plain.sizes().begin(), plain.sizes().end()), std::vector<float>(values, values + plain.numel()));
}

}  // namespace dyad::training
