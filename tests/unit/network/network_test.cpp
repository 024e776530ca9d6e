// The graph, shape inference with its errors, and the geometry that cost models see.
#include "dyad/network/network.hpp"

#include <gtest/gtest.h>

#include "unit/network/nodes.hpp"

namespace dyad::network {
namespace {

Node conv_node(std::string name, std::int64_t out, Window window, int groups = 1) {
  Node node = named(std::move(name), OpKind::kConv);
  node.out_channels = out;
  node.window = window;
  node.groups = groups;
  return node;
}

Node linear_node(std::string name, std::int64_t out) {
  Node node = named(std::move(name), OpKind::kLinear);
  node.out_channels = out;
  return node;
}

Window square(int kernel, int stride, int pad) { return {kernel, kernel, stride, stride, pad, pad, pad, pad, 1, 1}; }

// Shape that `node` gives for the inputs, or the error message.
std::string shape_of(Node node, const std::vector<Shape>& inputs) {
  Network network;
  network.name = "net";
  // There is one kInput; the other inputs are subsampled from it.
  const NodeId root = network.add(input_node(inputs.at(0)), {});
  std::vector<NodeId> ids{root};
  for (std::size_t i = 1; i < inputs.size(); ++i) {
    Node source = named("source", OpKind::kSubsample);
    source.window.stride_h = static_cast<int>((inputs[0][0] + inputs[i][0] - 1) / inputs[i][0]);
    source.window.stride_w = static_cast<int>((inputs[0][1] + inputs[i][1] - 1) / inputs[i][1]);
    source.channel_pad_after = static_cast<int>(inputs[i][2] - inputs[0][2]);
    ids.push_back(network.add(source, {root}));
  }
  node.name = "probe";
  const NodeId id = network.add(std::move(node), ids);
  if (const auto done = network.infer_shapes(); !done) return done.error().message;
  return to_string(network.node(id).output_shape);
}

TEST(Network, MakesNamesUnique) {
  Network network;
  const NodeId a = network.add(input_node({1, 1, 1}), {});
  const NodeId b = network.add(named("x", OpKind::kRelu), {a});
  const NodeId c = network.add(named("x", OpKind::kRelu), {b});
  const NodeId d = network.add(named("x#2", OpKind::kRelu), {c});
  const NodeId e = network.add(named("x", OpKind::kRelu), {d});
  const NodeId f = network.add(named("", OpKind::kRelu), {e});
  EXPECT_EQ(network.node(b).name, "x");
  EXPECT_EQ(network.node(c).name, "x#2");
  EXPECT_EQ(network.node(d).name, "x#2#2");
  EXPECT_EQ(network.node(e).name, "x#3");
  EXPECT_EQ(network.node(f).name, "relu");
  EXPECT_EQ(network.find("x#3"), e);
  EXPECT_EQ(network.find("y"), std::nullopt);
}

TEST(Network, KeepsArgumentOrderAndRepeatedInputs) {
  Network network;
  const NodeId input = network.add(input_node({1, 1, 1}), {});
  const NodeId a = network.add(named("a", OpKind::kRelu), {input});
  const NodeId b = network.add(named("b", OpKind::kRelu), {input});
  const NodeId concat = network.add(named("c", OpKind::kConcat), {b, a, b});
  EXPECT_EQ(network.inputs(concat), (std::vector<NodeId>{b, a, b}));
  EXPECT_EQ(network.consumers(b), (std::vector<NodeId>{concat}));
  EXPECT_EQ(network.consumers(input), (std::vector<NodeId>{a, b}));
  EXPECT_EQ(network.topological_order(), (std::vector<NodeId>{0, 1, 2, 3}));
}

TEST(Network, OutputIsTheLastNodeUntilChosen) {
  Network network;
  const NodeId input = network.add(input_node({2, 2, 3}), {});
  const NodeId used = network.add(conv_node("used", 4, square(1, 1, 0)), {input});
  EXPECT_EQ(network.output(), used);
  network.set_output(used);
  network.add(conv_node("unused", 4, square(1, 1, 0)), {input});
  EXPECT_EQ(network.output(), used);
  ASSERT_TRUE(network.infer_shapes());
  EXPECT_EQ(network.execution_order(), (std::vector<NodeId>{input, used}));
  EXPECT_EQ(weighted_nodes(network), (std::vector<NodeId>{used}));
  EXPECT_EQ(layer_shapes(network).size(), 1u);
}

TEST(Network, CopiesAreIndependent) {
  Network network;
  network.name = "one";
  network.add(input_node({2, 2, 3}), {});
  Network copy = network;
  copy.node(0).name = "changed";
  copy.add(named("more", OpKind::kRelu), {0});
  EXPECT_EQ(network.node(0).name, "input");
  EXPECT_EQ(network.size(), 1u);
  EXPECT_EQ(copy.size(), 2u);
  network = copy;
  EXPECT_EQ(network.size(), 2u);
  EXPECT_EQ(network.output(), 1u);
}

TEST(Network, HasWeightsOnlyWhenEveryLayerHas) {
  Network network;
  const NodeId input = network.add(input_node({2, 2, 3}), {});
  const NodeId conv = network.add(conv_node("conv", 4, square(1, 1, 0)), {input});
  EXPECT_FALSE(network.has_weights());
  network.node(conv).weight = Tensor<float>({4, 1, 1, 3});
  EXPECT_TRUE(network.has_weights());
  network.add(named("bn", OpKind::kBatchNorm), {conv});
  EXPECT_FALSE(network.has_weights());
}

TEST(InferShapes, Convolution) {
  EXPECT_EQ(shape_of(conv_node("", 64, square(7, 2, 3)), {{224, 224, 3}}), "(112, 112, 64)");
  EXPECT_EQ(shape_of(conv_node("", 8, {3, 5, 2, 3, 0, 1, 2, 3, 2, 1}), {{11, 13, 4}}), "(5, 5, 8)");  // (11+2-5)/2+1, (13+4-5)/3+1
  EXPECT_EQ(shape_of(conv_node("", 1, square(5, 1, 0)), {{5, 5, 1}}), "(1, 1, 1)");
}

TEST(InferShapes, PoolingRoundsUpInCeilMode) {
  Node pool = named("", OpKind::kMaxPool);
  pool.window = square(3, 2, 0);
  EXPECT_EQ(shape_of(pool, {{112, 112, 5}}), "(55, 55, 5)");
  pool.ceil_mode = true;
  EXPECT_EQ(shape_of(pool, {{112, 112, 5}}), "(56, 56, 5)");
  EXPECT_EQ(shape_of(pool, {{111, 111, 5}}), "(55, 55, 5)");
  // Input 2, kernel 1, stride 2, padding 0: rounding up would add a window at 2, behind the input; it does not count.
  pool.window = square(1, 2, 0);
  EXPECT_EQ(shape_of(pool, {{2, 2, 5}}), "(1, 1, 5)");
}

TEST(InferShapes, OtherOperations) {
  EXPECT_EQ(shape_of(named("", OpKind::kGlobalAveragePool), {{7, 9, 5}}), "(1, 1, 5)");
  EXPECT_EQ(shape_of(named("", OpKind::kFlatten), {{7, 9, 5}}), "(1, 1, 315)");
  EXPECT_EQ(shape_of(linear_node("", 10), {{1, 1, 5}}), "(1, 1, 10)");
  EXPECT_EQ(shape_of(named("", OpKind::kAdd), {{4, 4, 5}, {4, 4, 5}}), "(4, 4, 5)");
  EXPECT_EQ(shape_of(named("", OpKind::kMul), {{4, 4, 5}, {1, 1, 5}}), "(4, 4, 5)");
  EXPECT_EQ(shape_of(named("", OpKind::kConcat), {{4, 4, 5}, {4, 4, 7}, {4, 4, 5}}), "(4, 4, 17)");
  Node shortcut = named("", OpKind::kSubsample);  // ResNet's option A: 32 x 32 x 16 to 16 x 16 x 32
  shortcut.window.stride_h = shortcut.window.stride_w = 2;
  shortcut.channel_pad_before = shortcut.channel_pad_after = 8;
  EXPECT_EQ(shape_of(shortcut, {{32, 32, 16}}), "(16, 16, 32)");
  EXPECT_EQ(shape_of(shortcut, {{7, 1, 16}}), "(4, 1, 32)");
}

TEST(InferShapes, ErrorsNameTheNodeAndTheShapes) {
  EXPECT_EQ(shape_of(named("", OpKind::kAdd), {{4, 4, 5}, {4, 4, 7}}), "add 'probe': shapes (4, 4, 5) and (4, 4, 7) differ");
  EXPECT_EQ(shape_of(named("", OpKind::kMul), {{4, 4, 5}, {2, 2, 5}}),
            "mul 'probe': shapes (4, 4, 5) and (2, 2, 5) neither agree nor is one (1, 1, channels) of the other");
  EXPECT_EQ(shape_of(named("", OpKind::kConcat), {{4, 4, 5}, {2, 2, 5}}),
            "concat 'probe': input (2, 2, 5) has another height or width than (4, 4, 5)");
  EXPECT_EQ(shape_of(linear_node("", 10), {{2, 2, 5}}), "linear 'probe': input (2, 2, 5) is not a vector (1, 1, channels)");
  EXPECT_EQ(shape_of(named("", OpKind::kAdd), {{2, 2, 5}}), "add 'probe': has 1 inputs, needs 2");
  EXPECT_EQ(shape_of(conv_node("", 4, square(3, 1, 0)), {{2, 2, 5}}),
            "conv 'probe': a 3 x 3 window does not fit in input (2, 2, 5) with its padding");
  EXPECT_EQ(shape_of(conv_node("", 4, square(1, 1, 0), 3), {{2, 2, 5}}),
            "conv 'probe': groups = 3 does not divide 5 input and 4 output channels");
  EXPECT_EQ(shape_of(conv_node("", 4, square(1, 0, 0)), {{2, 2, 5}}), "conv 'probe': kernel, stride and dilation must be at least 1");
  EXPECT_EQ(shape_of(conv_node("", 4, square(1, 1, -1)), {{2, 2, 5}}), "conv 'probe': negative padding is not supported");
  Node weighted = conv_node("", 4, square(1, 1, 0));
  weighted.weight = Tensor<float>({4, 1, 1, 6});
  EXPECT_EQ(shape_of(weighted, {{2, 2, 5}}), "conv 'probe': weight (4, 1, 1, 6) should be (4, 1, 1, 5) for input (2, 2, 5)");
  Node pool = named("", OpKind::kMaxPool);
  pool.window = square(2, 1, 2);
  EXPECT_EQ(shape_of(pool, {{4, 4, 5}}), "max_pool 'probe': a window lies wholly in the padding");
  Node bn = named("", OpKind::kBatchNorm);
  bn.batch_norm.gamma = {1, 2};
  EXPECT_NE(shape_of(bn, {{4, 4, 5}}).find("2, 0, 0 and 0 entries for 5 channels"), std::string::npos);
}

TEST(InferShapes, NeedsExactlyOneInputOfFixedSize) {
  Network none;
  none.name = "none";
  EXPECT_EQ(none.infer_shapes().error().place, "none");
  Network two;
  two.add(input_node({1, 1, 1}), {});
  two.add(input_node({1, 1, 1}), {});
  EXPECT_EQ(two.infer_shapes().error().place, "network:/input#2");
  Network open;
  open.add(input_node({0, 224, 3}), {});
  EXPECT_FALSE(open.infer_shapes());
}

TEST(LayerShapes, GiveGeometryInExecutionOrder) {
  Network network;
  NodeId x = network.add(input_node({32, 32, 3}), {});
  x = network.add(conv_node("conv", 16, square(3, 1, 1)), {x});
  const NodeId relu = network.add(named("relu", OpKind::kRelu), {x});
  x = network.add(conv_node("depthwise", 16, square(3, 1, 1), 16), {relu});
  x = network.add(named("sum", OpKind::kAdd), {relu, x});
  x = network.add(named("both", OpKind::kConcat), {x, relu});
  Node pool = named("pool", OpKind::kMaxPool);
  pool.window = square(2, 2, 0);
  x = network.add(pool, {x});
  x = network.add(named("global", OpKind::kGlobalAveragePool), {x});
  x = network.add(linear_node("fc", 10), {x});
  ASSERT_TRUE(network.infer_shapes());

  const std::vector<LayerShape> layers = layer_shapes(network);
  ASSERT_EQ(layers.size(), 7u);
  EXPECT_EQ(layers[0].name, "conv");
  EXPECT_EQ(layers[0].macs(), 32 * 32 * 16 * 27);
  EXPECT_EQ(layers[0].weight_count(), 16 * 27);
  EXPECT_TRUE(layers[1].is_depthwise());
  EXPECT_EQ(layers[1].macs(), 32 * 32 * 16 * 9);
  EXPECT_EQ(layers[2].kind, LayerKind::kAdd);
  EXPECT_EQ(layers[2].in_channels, 16);
  EXPECT_EQ(layers[3].kind, LayerKind::kConcat);
  EXPECT_EQ(layers[3].in_channels, 32);
  EXPECT_EQ(layers[4].kind, LayerKind::kMaxPool);
  EXPECT_EQ(layers[4].window.kernel_h, 2);
  EXPECT_EQ(layers[4].out_h, 16);
  EXPECT_EQ(layers[5].kind, LayerKind::kAveragePool);
  EXPECT_EQ(layers[5].window.kernel_w, 16);
  EXPECT_EQ(layers[6].kind, LayerKind::kLinear);
  EXPECT_EQ(layers[6].macs(), 320);
  EXPECT_EQ(layer_shape(network, relu).kind, LayerKind::kOther);
}

}  // namespace
}  // namespace dyad::network
