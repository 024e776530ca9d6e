/// \file Small random networks of every kind of graph, random images, and integer logits, shared by the tests of post-training
/// quantization.
#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "dyad/base/random.hpp"
#include "dyad/kernels/executor.hpp"
#include "dyad/quantizer/fake_quantization.hpp"

namespace dyad::quantizer {

using network::Dataset;
using network::Network;
using network::Node;
using network::NodeId;
using network::OpKind;

constexpr std::uint64_t kSeed = 7;

// A network under construction: unit-variance random weights, so that activations stay near one.
class Builder {
 public:
  Builder(std::int64_t size, std::int64_t channels) {
    Node node;
    node.kind = OpKind::kInput;
    node.name = "image";
    node.output_shape = {size, size, channels};
    depth_.push_back(channels);
    net.name = "test";
    last = net.add(node, {});
  }
  NodeId conv(NodeId from, std::int64_t out, int kernel, int stride = 1, int groups = 1) {
    Node node;
    node.kind = OpKind::kConv;
    node.name = "conv" + std::to_string(net.size());
    const int pad = kernel / 2;
    node.window = {kernel, kernel, stride, stride, pad, pad, pad, pad, 1, 1};
    node.groups = groups;
    return weighted(std::move(node), from, out, {out, kernel, kernel, depth_[from] / groups});
  }
  NodeId linear(NodeId from, std::int64_t out, std::int64_t in) {
    Node node;
    node.kind = OpKind::kLinear;
    node.name = "fc" + std::to_string(net.size());
    return weighted(std::move(node), from, out, {out, 1, 1, in});
  }
  NodeId op(OpKind kind, std::initializer_list<NodeId> from, Node node = {}) {
    node.kind = kind;
    node.name = std::string(to_string(kind)) + std::to_string(net.size());
    std::int64_t channels = 0;
    for (const NodeId id : from) channels = kind == OpKind::kConcat ? channels + depth_[id] : depth_[id];
    depth_.push_back(channels + node.channel_pad_before + node.channel_pad_after);
    return last = net.add(std::move(node), from);
  }
  Network finish() {
    net.set_output(last);
    const auto shapes = net.infer_shapes();
    EXPECT_TRUE(shapes) << shapes.error().message;
    return net;
  }
  Network net;
  NodeId last = 0;

 private:
  NodeId weighted(Node node, NodeId from, std::int64_t out, Shape shape) {
    node.out_channels = out;
    node.has_bias = true;
    node.weight = Tensor<float>(std::move(shape));
    const double deviation = std::sqrt(2.0 * static_cast<double>(out) / static_cast<double>(node.weight.size()));
    for (float& w : node.weight.values()) w = static_cast<float>(random_.normal() * deviation);
    for (std::int64_t k = 0; k < out; ++k) node.bias.push_back(static_cast<float>(random_.normal() * 0.1));
    depth_.push_back(out);
    return last = net.add(std::move(node), {from});
  }
  Random random_{kSeed};
  std::vector<std::int64_t> depth_;
};

inline Node windowed(int kernel, int stride, int pad, bool ceil_mode = false) {
  Node node;
  node.window = {kernel, kernel, stride, stride, pad, pad, pad, pad, 1, 1};
  node.ceil_mode = ceil_mode;
  return node;
}

inline Dataset noise(std::int64_t images, std::int64_t size, std::int64_t channels, std::uint64_t seed = kSeed) {
  Random random(seed);
  Dataset data;
  data.name = "noise";
  data.images = Tensor<std::uint8_t>({images, size, size, channels});
  for (auto& pixel : data.images.values()) pixel = static_cast<std::uint8_t>(random.below(256));
  data.labels.assign(static_cast<std::size_t>(images), 0);
  return data;
}

inline network::Normalization centred(std::int64_t channels) {
  return {std::vector<float>(static_cast<std::size_t>(channels), 0.5f), std::vector<float>(static_cast<std::size_t>(channels), 0.25f)};
}

template <typename T>
T must(Result<T> result) {
  if (!result) throw InternalError(result.error().place + ": " + result.error().message);
  return std::move(result).value();
}

inline Tensor<float> integer_logits(const IntegerNetwork& net, const Dataset& data, const char* backend_name = "scalar") {
  static const bool registered = (kernels::register_cpu_backends(), true);
  EXPECT_TRUE(registered);
  const auto backend = must(make_integer_backend(backend_name));
  const Tensor<std::int32_t> raw = must(kernels::Executor::create(net, *backend)).run(data.images);
  Tensor<float> logits(raw.shape());
  for (std::int64_t i = 0; i < raw.size(); ++i) {
    const std::size_t c = net.output_scales.size() == 1 ? 0 : static_cast<std::size_t>(i % raw.extent(1));
    logits[i] = static_cast<float>(raw[i] * net.output_scales[c]);
  }
  return logits;
}

inline double variance(const Tensor<float>& values) {
  double sum = 0, squares = 0;
  for (const float v : values.values()) sum += v, squares += static_cast<double>(v) * v;
  const auto n = static_cast<double>(values.size());
  return squares / n - (sum / n) * (sum / n);
}

// Residual blocks with identity, option A and 1 x 1 shortcuts.
inline Network residual_network() {
  Builder b(8, 3);
  const NodeId stem = b.op(OpKind::kRelu, {b.conv(0, 8, 3)});
  NodeId main = b.conv(b.op(OpKind::kRelu, {b.conv(stem, 8, 3)}), 8, 3);
  const NodeId first = b.op(OpKind::kRelu, {b.op(OpKind::kAdd, {main, stem})});
  Node shortcut = windowed(1, 2, 0);
  shortcut.channel_pad_before = 2, shortcut.channel_pad_after = 2;
  const NodeId option_a = b.op(OpKind::kSubsample, {first}, shortcut);
  main = b.conv(b.op(OpKind::kRelu, {b.conv(first, 12, 3, 2)}), 12, 3);
  const NodeId second = b.op(OpKind::kRelu, {b.op(OpKind::kAdd, {main, option_a})});
  const NodeId projected = b.conv(second, 16, 1, 2);
  main = b.conv(b.op(OpKind::kRelu, {b.conv(second, 16, 3, 2)}), 16, 3);
  b.op(OpKind::kRelu, {b.op(OpKind::kAdd, {main, projected})});
  b.linear(b.op(OpKind::kFlatten, {b.op(OpKind::kGlobalAveragePool, {b.last})}), 5, 16);
  return b.finish();
}

// Inverted residuals: depthwise, ReLU6, signed linear bottlenecks, an addition without ReLU; softmax at the end.
inline Network mobile_network() {
  Builder b(8, 3);
  const NodeId stem = b.op(OpKind::kRelu6, {b.conv(0, 8, 3)});
  const NodeId first = b.conv(b.op(OpKind::kRelu6, {b.conv(stem, 8, 3, 1, 8)}), 6, 1);
  const NodeId expanded = b.op(OpKind::kRelu6, {b.conv(first, 12, 1)});
  const NodeId second = b.conv(b.op(OpKind::kRelu6, {b.conv(expanded, 12, 3, 1, 12)}), 6, 1);
  b.op(OpKind::kRelu6, {b.conv(b.op(OpKind::kAdd, {second, first}), 10, 1)});
  b.linear(b.op(OpKind::kGlobalAveragePool, {b.last}), 4, 10);
  b.op(OpKind::kSoftmax, {b.last});
  return b.finish();
}

// Branches of several kinds, joined; max pooling in ceil mode, average pooling without its padding, a flatten with an area, groups,
// a ReLU that cannot be fused, and a tensor that goes both wide and narrow.
inline Network branching_network() {
  Builder b(9, 3);
  const NodeId stem = b.op(OpKind::kMaxPool, {b.op(OpKind::kRelu, {b.conv(0, 8, 3)})}, windowed(3, 2, 1, true));
  const NodeId left = b.op(OpKind::kRelu, {b.conv(stem, 4, 1)});
  const NodeId raw = b.conv(stem, 6, 3, 1, 2);
  const NodeId middle = b.op(OpKind::kRelu, {raw});
  const NodeId right = b.conv(b.op(OpKind::kAveragePool, {stem}, windowed(3, 1, 1)), 3, 1);
  const NodeId joined = b.op(OpKind::kConcat, {left, middle, right});
  const NodeId also_raw = b.conv(raw, 13, 1);  // reads the signed tensor in front of `middle`
  const NodeId sum = b.op(OpKind::kAdd, {joined, also_raw});
  b.op(OpKind::kFlatten, {b.op(OpKind::kMaxPool, {sum}, windowed(2, 2, 0))});
  b.linear(b.last, 6, 13 * 4);
  return b.finish();
}

// A chain in which one concatenation feeds one convolution directly, ended by a convolution and a pooling that are the logits.
inline Network convolutional_network() {
  Builder b(6, 1);
  const NodeId stem = b.op(OpKind::kRelu, {b.conv(0, 6, 3)});
  const NodeId joined = b.op(OpKind::kConcat, {b.op(OpKind::kRelu, {b.conv(stem, 4, 1)}), b.op(OpKind::kRelu, {b.conv(stem, 5, 3)})});
  b.conv(joined, 7, 3);
  b.op(OpKind::kGlobalAveragePool, {b.last});
  return b.finish();
}

struct Case {
  const char* name;
  Network (*make)();
  std::int64_t size, channels;
};
inline const Case kCases[] = {{"residual", residual_network, 8, 3},
                              {"mobile", mobile_network, 8, 3},
                              {"branching", branching_network, 9, 3},
                              {"convolutional", convolutional_network, 6, 1}};

}  // namespace dyad::quantizer
