#include "topology_builder.hpp"

#include <utility>

namespace dyad::network {

Window WindowSpec::window() const {
  Window window;
  window.kernel_h = kernel_h;
  window.kernel_w = kernel_w;
  window.stride_h = window.stride_w = stride;
  window.pad_top = window.pad_bottom = pad_h;
  window.pad_left = window.pad_right = pad_w;
  return window;
}

TopologyBuilder::TopologyBuilder(std::string_view name, std::int64_t image, std::int64_t channels) {
  network_.name = name;
  Node node;
  node.name = "input";
  node.kind = OpKind::kInput;
  node.output_shape = {image, image, channels};
  push(std::move(node), {}, channels);
}

NodeId TopologyBuilder::push(Node node, std::initializer_list<NodeId> inputs, std::int64_t channels) {
  channels_.push_back(channels);
  return network_.add(std::move(node), inputs);
}

NodeId TopologyBuilder::conv(const std::string& name, NodeId from, std::int64_t out_channels, const Window& window, int groups, bool bias) {
  Node node;
  node.name = name;
  node.kind = OpKind::kConv;
  node.window = window;
  node.groups = groups;
  node.out_channels = out_channels;
  node.has_bias = bias;
  return push(std::move(node), {from}, out_channels);
}

NodeId TopologyBuilder::batch_norm(const std::string& name, NodeId from) {
  Node node;
  node.name = name;
  node.kind = OpKind::kBatchNorm;
  node.batch_norm.epsilon = epsilon_;
  return push(std::move(node), {from}, channels(from));
}

NodeId TopologyBuilder::activation(const std::string& name, NodeId from, OpKind kind) {
  Node node;
  node.name = name;
  node.kind = kind;
  return push(std::move(node), {from}, channels(from));
}

NodeId TopologyBuilder::linear(const std::string& name, NodeId from, std::int64_t out_channels, bool bias) {
  Node node;
  node.name = name;
  node.kind = OpKind::kLinear;
  node.out_channels = out_channels;
  node.has_bias = bias;
  return push(std::move(node), {from}, out_channels);
}

NodeId TopologyBuilder::pool(const std::string& name, NodeId from, OpKind kind, const Window& window) {
  Node node;
  node.name = name;
  node.kind = kind;
  node.window = window;
  return push(std::move(node), {from}, channels(from));
}

NodeId TopologyBuilder::average_pool(const std::string& name, NodeId from, const Window& window) {
  Node node;
  node.name = name;
  node.kind = OpKind::kAveragePool;
  node.window = window;
  node.count_include_pad = true;  // PyTorch's default
  return push(std::move(node), {from}, channels(from));
}

NodeId TopologyBuilder::global_average_pool(const std::string& name, NodeId from) {
  return activation(name, from, OpKind::kGlobalAveragePool);
}

NodeId TopologyBuilder::subsample(const std::string& name, NodeId from, int stride, std::int64_t out_channels) {
  Node node;
  node.name = name;
  node.kind = OpKind::kSubsample;
  node.window.stride_h = node.window.stride_w = stride;
  node.channel_pad_before = node.channel_pad_after = static_cast<int>((out_channels - channels(from)) / 2);
  return push(std::move(node), {from}, out_channels);
}

NodeId TopologyBuilder::add(const std::string& name, NodeId a, NodeId b) {
  Node node;
  node.name = name;
  node.kind = OpKind::kAdd;
  return push(std::move(node), {a, b}, channels(a));
}

NodeId TopologyBuilder::multiply(const std::string& name, NodeId a, NodeId gate) {
  Node node;
  node.name = name;
  node.kind = OpKind::kMul;
  return push(std::move(node), {a, gate}, channels(a));
}

NodeId TopologyBuilder::concat(const std::string& name, const std::vector<NodeId>& parts) {
  Node node;
  node.name = name;
  node.kind = OpKind::kConcat;
  std::int64_t sum = 0;
  for (const NodeId part : parts) sum += channels(part);
  channels_.push_back(sum);
  return network_.add(std::move(node), std::span(parts));
}

NodeId TopologyBuilder::conv_block(const std::string& name, NodeId from, std::int64_t out_channels, const WindowSpec& window, OpKind kind,
                                   int groups) {
  NodeId x = conv(name + ".conv", from, out_channels, window.window(), groups);
  x = batch_norm(name + ".bn", x);
  return kind == OpKind::kIdentity ? x : activation(name + ".activ", x, kind);
}

Result<Network> TopologyBuilder::finish() && {
  network_.set_output(network_.size() - 1);
  DYAD_CHECK(network_.infer_shapes());
  return std::move(network_);
}

}  // namespace dyad::network
