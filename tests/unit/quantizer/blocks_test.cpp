// Blocks of networks whose cuts can be told by eye.
#include "dyad/quantizer/blocks.hpp"

#include <gtest/gtest.h>

#include "support/small_networks.hpp"

namespace dyad::quantizer {
namespace {

// "conv1,relu2 | conv3,relu4,..." of the nodes' kinds.
std::string described(const Network& net, Granularity granularity) {
  std::string text;
  for (const Block& block : find_blocks(net, granularity)) {
    if (!text.empty()) text += " | ";
    std::string words;
    for (const NodeId id : block.nodes) {
      if (!words.empty()) words += ' ';
      words += to_string(net.node(id).kind);
    }
    text += words;
  }
  return text;
}

std::string word(OpKind kind) { return std::string(to_string(kind)); }

TEST(Blocks, ResidualBlocksEndWithTheActivationBehindTheirAddition) {
  const std::string input = word(OpKind::kInput), conv = word(OpKind::kConv), relu = word(OpKind::kRelu), add = word(OpKind::kAdd),
                    sub = word(OpKind::kSubsample), pool = word(OpKind::kGlobalAveragePool), flat = word(OpKind::kFlatten),
                    fc = word(OpKind::kLinear);
  const auto spaced = [](std::initializer_list<std::string> words) {
    std::string text;
    for (const std::string& w : words) text += (text.empty() ? "" : " ") + w;
    return text;
  };
  EXPECT_EQ(described(residual_network(), Granularity::kBlock),
            spaced({input, conv, relu}) + " | " + spaced({conv, relu, conv, add, relu}) + " | " +
                spaced({sub, conv, relu, conv, add, relu}) + " | " + spaced({conv, conv, relu, conv, add, relu}) + " | " +
                spaced({pool, flat, fc}));
}

TEST(Blocks, LayersHaveOneEachAndNoNodeIsLost) {
  for (const Case& c : kCases)
    for (const Granularity granularity : {Granularity::kBlock, Granularity::kLayer}) {
      const Network net = c.make();
      std::vector<NodeId> nodes, layers;
      const std::vector<Block> blocks = find_blocks(net, granularity);
      for (const Block& block : blocks) {
        EXPECT_GE(block.layers.size(), 1u) << c.name;
        if (granularity == Granularity::kLayer) {
          EXPECT_EQ(block.layers.size(), 1u) << c.name;
        }
        nodes.insert(nodes.end(), block.nodes.begin(), block.nodes.end());
        layers.insert(layers.end(), block.layers.begin(), block.layers.end());
      }
      std::vector<NodeId> order = net.execution_order();
      if (net.node(order.back()).kind == OpKind::kSoftmax) order.pop_back();
      EXPECT_EQ(nodes, order) << c.name;
      EXPECT_EQ(layers, network::weighted_nodes(net)) << c.name;
    }
}

TEST(Blocks, ChainsAreCutAtEveryLayer) {
  Builder b(6, 2);
  b.op(OpKind::kRelu, {b.conv(0, 4, 3)});
  b.op(OpKind::kMaxPool, {b.conv(b.last, 4, 3)}, windowed(2, 2, 0));
  b.linear(b.op(OpKind::kFlatten, {b.last}), 3, 36);
  const Network net = b.finish();
  const std::vector<Block> blocks = find_blocks(net, Granularity::kBlock);
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(net.node(blocks[0].target()).kind, OpKind::kRelu);
  EXPECT_EQ(net.node(blocks[1].target()).kind, OpKind::kConv);
  EXPECT_EQ(net.node(blocks[2].nodes[0]).kind, OpKind::kMaxPool);
  EXPECT_EQ(net.node(blocks[2].target()).kind, OpKind::kLinear);
}

}  // namespace
}  // namespace dyad::quantizer
