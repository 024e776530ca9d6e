// Cross-layer equalization: the float function stays, ranges meet, and what must not be scaled is not.
#include "dyad/quantizer/equalization.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dyad/network/float_executor.hpp"
#include "support/small_networks.hpp"

namespace dyad::quantizer {
namespace {

// Makes channels of every layer as unequal as batch norms of trained depthwise networks do.
void unbalance(Network& net, float largest_power) {
  Random random(11);
  for (const NodeId id : network::weighted_nodes(net)) {
    Node& node = net.node(id);
    const std::int64_t size = node.weight.size() / node.weight.extent(0);
    for (std::int64_t k = 0; k < node.weight.extent(0); ++k) {
      const auto factor = static_cast<float>(std::pow(2.0, static_cast<double>(largest_power) * (2 * random.uniform() - 1)));
      for (std::int64_t i = 0; i < size; ++i) node.weight[k * size + i] *= factor;
      node.bias[static_cast<std::size_t>(k)] *= factor;
    }
  }
}

void expect_same_function(const Network& before, const Network& after, std::int64_t size, std::int64_t channels) {
  const Dataset fresh = noise(32, size, channels, 21);
  const Tensor<float> a = network::evaluate(before, fresh.normalized(0, 32, centred(channels)));
  const Tensor<float> b = network::evaluate(after, fresh.normalized(0, 32, centred(channels)));
  float largest = 0;
  for (const float v : a.values()) largest = std::max(largest, std::fabs(v));
  for (std::int64_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-4f * largest) << i;
}

TEST(Equalization, LeavesTheFloatFunctionOfEveryKindOfNetwork) {
  for (const Case& c : kCases) {
    const Network before = c.make();
    Network after = before;
    const EqualizationReport report = must(equalize(after, noise(64, c.size, c.channels), centred(c.channels)));
    // Every tensor of the other two is read twice, concatenated, or the network's output.
    const std::string name = c.name;
    EXPECT_EQ(report.pairs.empty(), name == "branching" || name == "convolutional") << name;
    for (const EqualizedPair& pair : report.pairs) EXPECT_LE(pair.precision_after, 1.0 + 1e-6) << pair.first;
    expect_same_function(before, after, c.size, c.channels);
  }
}

TEST(Equalization, MakesRangesOfNeighboursEqualThroughDepthwiseLayers) {
  Builder b(8, 3);
  b.op(OpKind::kRelu, {b.conv(0, 6, 3)});
  const NodeId depthwise = b.conv(b.last, 6, 3, 1, 6);
  b.op(OpKind::kRelu, {depthwise});
  const NodeId pointwise = b.conv(b.last, 5, 1);
  b.op(OpKind::kRelu, {pointwise});
  b.linear(b.op(OpKind::kGlobalAveragePool, {b.last}), 4, 5);
  Network net = b.finish();
  unbalance(net, 4);
  const Network before = net;
  const EqualizationReport report = must(equalize(net, noise(16, 8, 3), centred(3)));
  ASSERT_EQ(report.pairs.size(), 3u);  // stem to depthwise, depthwise to pointwise, pointwise to classifier through the pooling
  for (const EqualizedPair& pair : report.pairs) {
    EXPECT_GT(pair.precision_after, pair.precision_before) << pair.first;
    EXPECT_EQ(pair.scaled_channels, pair.second == net.node(pointwise).name ? 6 : pair.scaled_channels);
  }
  // max |W| of each depthwise filter equals max |W| of the pointwise layer's input channel (1 % for the last pass).
  const Tensor<float>& dw = net.node(depthwise).weight;
  const Tensor<float>& pw = net.node(pointwise).weight;
  for (std::int64_t ch = 0; ch < 6; ++ch) {
    float r1 = 0, r2 = 0;
    for (std::int64_t i = 0; i < 9; ++i) r1 = std::max(r1, std::fabs(dw[ch * 9 + i]));
    for (std::int64_t k = 0; k < 5; ++k) r2 = std::max(r2, std::fabs(pw[k * 6 + ch]));
    EXPECT_NEAR(r1 / r2, 1, 0.01) << ch;
  }
  expect_same_function(before, net, 8, 3);
}

TEST(Equalization, NeverScalesAChannelThatReachesSix) {
  Builder b(6, 2);
  const NodeId first = b.conv(0, 4, 3);
  b.linear(b.op(OpKind::kGlobalAveragePool, {b.op(OpKind::kRelu6, {first})}), 3, 4);
  Network net = b.finish();
  unbalance(net, 3);
  net.node(first).bias = {20, 0, -0.1f, 0};  // the first channel is cut on every image
  const Network before = net;
  const EqualizationReport report = must(equalize(net, noise(64, 6, 2), centred(2)));
  ASSERT_EQ(report.pairs.size(), 1u);
  EXPECT_LE(report.pairs[0].scaled_channels, 3);
  EXPECT_EQ(net.node(first).bias[0], 20);
  expect_same_function(before, net, 6, 2);
}

TEST(Equalization, LeavesTensorsOfSeveralReadersAlone) {
  const Network before = residual_network();
  Network net = before;
  const EqualizationReport report = must(equalize(net, noise(8, 8, 3), centred(3)));
  // Only the inner pair of each residual block: stem, sums and shortcuts are read twice.
  for (const EqualizedPair& pair : report.pairs) {
    const NodeId first = *net.find(pair.first);
    EXPECT_EQ(net.consumers(first).size(), 1u);
    EXPECT_NE(first, network::weighted_nodes(net)[0]);
  }
  EXPECT_EQ(report.pairs.size(), 3u);
}

TEST(Equalization, BadInputIsAnError) {
  Network net = residual_network();
  const auto empty = equalize(net, noise(0, 8, 3), centred(3));
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().message, "no images to equalize on");
  EXPECT_FALSE(equalize(net, noise(2, 9, 3), centred(3)));
}

}  // namespace
}  // namespace dyad::quantizer
