// LibTorch's forward over the graph against the float executor: two implementations that share only the graph.
#include <algorithm>

#include "dyad/base/files.hpp"
#include "dyad/network/float_executor.hpp"
#include "support.hpp"
#include "support/test_data.hpp"

namespace dyad::training {
namespace {
using namespace testing_support;
using network::NodeId;
using network::OpKind;

NodeId add_pool(network::Network& net, const std::string& name, OpKind kind, NodeId from, const Window& window, bool ceil_mode,
                bool count_pad) {
  network::Node node;
  node.name = name;
  node.kind = kind;
  node.window = window;
  node.ceil_mode = ceil_mode;
  node.count_include_pad = count_pad;
  return net.add(std::move(node), {from});
}

/// Every operation of the graph at least once, with odd sizes, asymmetric padding, groups, dilation and strides.
network::Network all_operations(std::uint64_t seed) {
  Random random(seed);
  network::Network net;
  NodeId x = add_input(net, {13, 11, 3});
  x = add_conv(net, "asymmetric", x, 3, 6, {.kernel_h = 3, .kernel_w = 2, .pad_top = 0, .pad_left = 1, .pad_bottom = 2, .pad_right = 0},
               random);
  x = add_simple(net, "relu", OpKind::kRelu, {add_batch_norm(net, "bn", x, 6, random)});
  const NodeId grouped = add_conv(
      net, "grouped", x, 6, 6,
      {.kernel_h = 3, .kernel_w = 3, .pad_top = 2, .pad_left = 2, .pad_bottom = 2, .pad_right = 2, .dilation_h = 2, .dilation_w = 2},
      random, 3);
  const NodeId gate = add_simple(net, "sigmoid", OpKind::kSigmoid, {grouped});
  x = add_simple(net, "mul", OpKind::kMul, {x, gate});
  x = add_simple(net, "swish", OpKind::kSwish, {x});
  const Window pool{
      .kernel_h = 3, .kernel_w = 2, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_left = 0, .pad_bottom = 1, .pad_right = 1};
  const NodeId most = add_pool(net, "max", OpKind::kMaxPool, x, pool, true, false);
  const NodeId mean = add_pool(net, "mean", OpKind::kAveragePool, x, pool, true, false);
  const NodeId mean_pad = add_pool(net, "mean_pad", OpKind::kAveragePool, x, pool, true, true);
  x = add_simple(net, "concat", OpKind::kConcat, {most, mean, mean_pad});  // 18 channels
  x = add_simple(
      net, "relu6", OpKind::kRelu6,
      {add_conv(net, "depthwise", x, 18, 18,
                {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 2, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1},
                random, 18)});
  network::Node subsample;
  subsample.name = "subsample";
  subsample.kind = OpKind::kSubsample;
  subsample.window.stride_h = subsample.window.stride_w = 2;
  subsample.channel_pad_before = 1;
  subsample.channel_pad_after = 2;
  const NodeId kept = net.add(std::move(subsample), {x});  // 21 channels
  network::Node leaky;
  leaky.name = "leaky";
  leaky.kind = OpKind::kLeakyRelu;
  leaky.negative_slope = 0.1f;
  const NodeId strided = add_conv(net, "strided", x, 18, 21, {.kernel_h = 1, .kernel_w = 1, .stride_h = 2, .stride_w = 2}, random);
  x = add_simple(net, "add", OpKind::kAdd, {kept, net.add(std::move(leaky), {strided})});
  x = add_simple(net, "identity", OpKind::kIdentity, {x});
  EXPECT_TRUE(net.infer_shapes());
  const std::int64_t features = element_count(net.node(x).output_shape);
  const NodeId global = add_simple(net, "global", OpKind::kGlobalAveragePool, {x});
  const NodeId flat = add_linear(net, "flat", add_simple(net, "flatten", OpKind::kFlatten, {x}), features, 5, random);
  const NodeId short_way = add_linear(net, "short", global, 21, 5, random);
  finish(net, add_simple(net, "sum", OpKind::kAdd, {flat, short_way}));
  return net;
}

/// Largest difference over largest magnitude.
double relative_difference(const Tensor<float>& a, const Tensor<float>& b) {
  double difference = 0, magnitude = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(static_cast<double>(a[i]) - b[i]));
    magnitude = std::max(magnitude, std::abs(static_cast<double>(b[i])));
  }
  return difference / magnitude;
}

TEST(Forward, EqualsTheFloatExecutorOnEveryOperation) {
  DYAD_NEEDS_TRAINING();
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const network::Network net = all_operations(seed);
    Random random(seed + 50);
    Tensor<float> images({5, 13, 11, 3});
    fill_normal(images, random, 1.0);
    const auto logits = forward(net, images);
    ASSERT_TRUE(logits) << logits.error().message;
    const Tensor<float> expected = network::evaluate(net, images);
    ASSERT_EQ(logits->size(), expected.size());
    // About ten float32 sums of at most a few hundred terms in a row: 10 * sqrt(500) * 2^-24 is 1.3e-5.
    EXPECT_LT(relative_difference(*logits, expected), 2e-5);
  }
}

TEST(Forward, LeavesTheFinalSoftmaxOut) {
  DYAD_NEEDS_TRAINING();
  Random random(7);
  network::Network net;
  const NodeId logits = add_linear(net, "fc", add_input(net, {1, 1, 4}), 4, 3, random);
  finish(net, logits);
  network::Network with_softmax = net;
  finish(with_softmax, add_simple(with_softmax, "softmax", OpKind::kSoftmax, {logits}));
  Tensor<float> images({2, 1, 1, 4});
  fill_normal(images, random, 1.0);
  EXPECT_EQ(*forward(net, images), *forward(with_softmax, images));
}

TEST(Forward, GivesThePublishedClassesOfResNet20) {
  DYAD_NEEDS_TRAINING();
  DYAD_NEEDS_DATA("cifar10/resnet20.safetensors");
  const auto folder = *dyad::testing_support::data_folder() / "cifar10";
  auto net = network::make_topology("resnet20", {});
  const auto weights = network::read_safetensors(folder / "resnet20.safetensors");
  ASSERT_TRUE(net && weights);
  ASSERT_TRUE(network::load_weights(*net, *weights, "resnet20.safetensors"));
  const auto images = network::load_dataset(folder / "test_batch.bin", network::Split::kTest);
  const auto classes = read_bytes(folder / "resnet20.pred.u8");
  ASSERT_TRUE(images && classes);
  constexpr std::int64_t kImages = 500;
  const auto logits = forward(*net, images->normalized(0, kImages, *net->normalization));
  ASSERT_TRUE(logits);
  int differing = 0;
  for (std::int64_t i = 0; i < kImages; ++i) {
    const auto row = logits->values().subspan(static_cast<std::size_t>(i * 10), 10);
    differing += std::max_element(row.begin(), row.end()) - row.begin() != (*classes)[static_cast<std::size_t>(i)];
  }
  EXPECT_EQ(differing, 0);
}

}  // namespace
}  // namespace dyad::training
