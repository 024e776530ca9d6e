/// \file Small random networks and images for the tests of the training module.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "dyad/base/random.hpp"
#include "dyad/training/training.hpp"

/// Skips where the build has no LibTorch; where it has, a module that does not open is a failure.
#define DYAD_NEEDS_TRAINING() \
  if (!DYAD_HAS_TRAINING) GTEST_SKIP() << "this build has no training module (LibTorch)"

namespace dyad::training::testing_support {

inline void fill_normal(Tensor<float>& tensor, Random& random, double deviation) {
  for (float& value : tensor.values()) value = static_cast<float>(deviation * random.normal());
}

/// Adds a convolution with random weights (He) and a random bias.
inline network::NodeId add_conv(network::Network& net, const std::string& name, network::NodeId from, std::int64_t in, std::int64_t out,
                                const Window& window, Random& random, int groups = 1, bool has_bias = true) {
  network::Node node;
  node.name = name;
  node.kind = network::OpKind::kConv;
  node.window = window;
  node.groups = groups;
  node.out_channels = out;
  node.weight = Tensor<float>({out, window.kernel_h, window.kernel_w, in / groups});
  fill_normal(node.weight, random, std::sqrt(2.0 / static_cast<double>(node.weight.size() / out)));
  node.has_bias = has_bias;
  if (has_bias)
    for (std::int64_t k = 0; k < out; ++k) node.bias.push_back(static_cast<float>(0.1 * random.normal()));
  return net.add(std::move(node), {from});
}

inline network::NodeId add_linear(network::Network& net, const std::string& name, network::NodeId from, std::int64_t in, std::int64_t out,
                                  Random& random) {
  network::Node node;
  node.name = name;
  node.kind = network::OpKind::kLinear;
  node.out_channels = out;
  node.weight = Tensor<float>({out, 1, 1, in});
  fill_normal(node.weight, random, 1.0 / std::sqrt(static_cast<double>(in)));
  node.has_bias = true;
  for (std::int64_t k = 0; k < out; ++k) node.bias.push_back(static_cast<float>(0.1 * random.normal()));
  return net.add(std::move(node), {from});
}

inline network::NodeId add_batch_norm(network::Network& net, const std::string& name, network::NodeId from, std::int64_t channels,
                                      Random& random) {
  network::Node node;
  node.name = name;
  node.kind = network::OpKind::kBatchNorm;
  for (std::int64_t c = 0; c < channels; ++c) {
    node.batch_norm.gamma.push_back(static_cast<float>(0.5 + random.uniform()));
    node.batch_norm.beta.push_back(static_cast<float>(0.2 * random.normal()));
    node.batch_norm.mean.push_back(static_cast<float>(0.2 * random.normal()));
    node.batch_norm.variance.push_back(static_cast<float>(0.5 + random.uniform()));
  }
  return net.add(std::move(node), {from});
}

inline network::NodeId add_simple(network::Network& net, const std::string& name, network::OpKind kind,
                                  std::initializer_list<network::NodeId> from) {
  network::Node node;
  node.name = name;
  node.kind = kind;
  return net.add(std::move(node), from);
}

inline network::NodeId add_input(network::Network& net, Shape shape) {
  network::Node node;
  node.name = "input";
  node.kind = network::OpKind::kInput;
  node.output_shape = std::move(shape);
  return net.add(std::move(node), {});
}

inline void finish(network::Network& net, network::NodeId output) {
  net.set_output(output);
  const auto inferred = net.infer_shapes();
  ASSERT_TRUE(inferred) << inferred.error().place << ": " << inferred.error().message;
}

/// Random pixels; each class has its own mean brightness in its own corner, so that there is something to learn.
inline network::Dataset random_images(std::int64_t count, const Shape& shape, int classes, std::uint64_t seed) {
  network::Dataset data;
  data.name = "random images, seed " + std::to_string(seed);
  data.images = Tensor<std::uint8_t>({count, shape[0], shape[1], shape[2]});
  Random random(seed);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(classes)));
    data.labels.push_back(label);
    for (std::int64_t y = 0; y < shape[0]; ++y)
      for (std::int64_t x = 0; x < shape[1]; ++x)
        for (std::int64_t c = 0; c < shape[2]; ++c) {
          const bool is_marked = (y * classes) / shape[0] == label;
          data.images[((i * shape[0] + y) * shape[1] + x) * shape[2] + c] =
              static_cast<std::uint8_t>(random.below(128) + (is_marked ? 127u : 0u));
        }
  }
  return data;
}

}  // namespace dyad::training::testing_support
