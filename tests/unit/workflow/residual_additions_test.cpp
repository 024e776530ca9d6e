// Which layer takes a residual addition in: in known networks, and where there is a choice or none.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/network/import.hpp"
#include "dyad/workflow/simulate.hpp"

namespace dyad::workflow {
namespace {

using network::Network;
using network::Node;
using network::NodeId;
using network::OpKind;

Network topology(const char* name) {
  auto network = network::make_topology(name, {});
  EXPECT_TRUE(network.has_value()) << name;
  return *network;
}

/// Layer -> addition that runs in it.
std::map<std::string, std::string> fusions(const std::vector<CostedLayer>& layers) {
  std::map<std::string, std::string> found;
  for (const CostedLayer& layer : layers) {
    EXPECT_EQ(layer.shape.adds_residual, !layer.fused_add.empty()) << layer.shape.name;
    if (!layer.fused_add.empty()) found[layer.shape.name] = layer.fused_add;
  }
  return found;
}

std::int64_t additions_left(const std::vector<CostedLayer>& layers) {
  return std::count_if(layers.begin(), layers.end(), [](const CostedLayer& layer) { return layer.shape.kind == LayerKind::kAdd; });
}

/// Every weighted layer at W4A5 but those named.
BitAssignment bits_of(const Network& network, const BitAssignment& named) {
  BitAssignment assignment;
  for (const NodeId id : network::weighted_nodes(network)) assignment[network.node(id).name] = {4, 5};
  for (const auto& [name, bits] : named) assignment[name] = bits;
  return assignment;
}

/// Output bits by layer.
std::map<std::string, int> out_bits(const Network& network, const BitAssignment& named) {
  const auto bits = operand_bits(network, bits_of(network, named));
  EXPECT_TRUE(bits.has_value());
  const std::vector<CostedLayer> layers = costed_layers(network);
  EXPECT_EQ(layers.size(), bits->size());
  std::map<std::string, int> out;
  for (std::size_t i = 0; i < layers.size(); ++i) out[layers[i].shape.name] = (*bits)[i].out;
  return out;
}

TEST(ResidualAdditions, OfResNet20RunInTheSecondConvolutionOfTheirBlock) {
  const Network network = topology("resnet20");
  const std::vector<CostedLayer> layers = costed_layers(network);
  std::map<std::string, std::string> expected;  // option A: the other branch has no layer, also where it strides
  for (const char* stage : {"layer1.", "layer2.", "layer3."})
    for (const char* block : {"0", "1", "2"}) expected[std::string(stage) + block + ".conv2"] = std::string(stage) + block + ".add";
  EXPECT_EQ(fusions(layers), expected);
  EXPECT_EQ(additions_left(layers), 0);
  EXPECT_EQ(layers.size(), 19u + 1 + 1);  // convolutions, pooling, linear
}

TEST(ResidualAdditions, OfResNet18RunInTheConvolutionThatIsLast) {
  const Network network = topology("resnet18");
  const std::vector<CostedLayer> layers = costed_layers(network);
  const std::string stage = "features.stage";
  std::map<std::string, std::string> expected;
  for (const char* unit : {"1.unit1", "1.unit2", "2.unit2", "3.unit2", "4.unit2"})
    expected[stage + unit + ".body.conv2.conv"] = stage + unit + ".add";
  for (const char* unit : {"2.unit1", "3.unit1", "4.unit1"})  // both branches end in a convolution; the identity's runs last
    expected[stage + unit + ".identity_conv.conv"] = stage + unit + ".add";
  EXPECT_EQ(fusions(layers), expected);
  EXPECT_EQ(additions_left(layers), 0);
  EXPECT_EQ(layers.size(), 21u + 2);  // weighted, poolings
}

TEST(ResidualAdditions, OfMobileNetV2RunInTheProjections) {
  const Network network = topology("mobilenetv2");
  const std::vector<CostedLayer> layers = costed_layers(network);
  const std::string stage = "features.stage";
  std::map<std::string, std::string> expected;  // units that keep their channels
  for (const char* unit : {"2.unit2", "3.unit2", "3.unit3", "4.unit2", "4.unit3", "4.unit4", "4.unit6", "4.unit7", "5.unit2", "5.unit3"})
    expected[stage + unit + ".conv3.conv"] = stage + unit + ".add";
  EXPECT_EQ(fusions(layers), expected);
  EXPECT_EQ(additions_left(layers), 0);
  EXPECT_EQ(layers.size(), 53u + 1);  // weighted, pooling
}

TEST(ResidualAdditions, GiveTheirLayerTheBitsOfWhoReadsTheSum) {
  const auto resnet20 = out_bits(topology("resnet20"), {{"layer1.0.conv2", {4, 3}}});
  EXPECT_EQ(resnet20.at("layer1.0.conv1"), 3);   // read by conv2 alone
  EXPECT_EQ(resnet20.at("layer1.0.conv2"), 16);  // its sum: by the next block's conv1 and addition
  EXPECT_EQ(resnet20.at("layer3.2.conv2"), 16);  // by the pooling
  const auto resnet18 = out_bits(topology("resnet18"), {});
  EXPECT_EQ(resnet18.at("features.stage2.unit1.body.conv2.conv"), 16);     // by the addition in identity_conv
  EXPECT_EQ(resnet18.at("features.stage2.unit1.identity_conv.conv"), 16);  // its sum: by the next unit twice
  // Of two residual units the second one's sum is read by an expansion alone.
  const auto mobilenet = out_bits(topology("mobilenetv2"), {{"features.stage4.unit1.conv1.conv", {4, 6}}});
  EXPECT_EQ(mobilenet.at("features.stage3.unit2.conv3.conv"), 16);
  EXPECT_EQ(mobilenet.at("features.stage3.unit3.conv3.conv"), 6);
}

Node layer(const char* name, OpKind kind, std::int64_t channels = 0) {
  Node node;
  node.name = name;
  node.kind = kind;
  node.out_channels = channels;
  return node;
}

struct Branches {
  Network network;
  NodeId input, stem;
  Branches() {
    Node node = layer("input", OpKind::kInput);
    node.output_shape = {8, 8, 16};
    input = network.add(node, {});
    stem = network.add(layer("stem", OpKind::kConv, 16), {input});
  }
  std::vector<CostedLayer> layers() {
    EXPECT_TRUE(network.infer_shapes());
    return costed_layers(network);
  }
};

TEST(ResidualAdditions, StayLayersWhereNoConvolutionMakesAnOperandForThemAlone) {
  Branches net;  // the body is read by the addition and by what follows it
  const NodeId body = net.network.add(layer("body", OpKind::kConv, 16), {net.stem});
  const NodeId sum = net.network.add(layer("sum", OpKind::kAdd), {body, net.stem});
  const NodeId total = net.network.add(layer("total", OpKind::kAdd), {sum, body});
  net.network.set_output(net.network.add(layer("head", OpKind::kConv, 4), {total}));
  EXPECT_TRUE(fusions(net.layers()).empty());
  EXPECT_EQ(additions_left(net.layers()), 2);
  EXPECT_EQ(net.layers().size(), 5u);
}

TEST(ResidualAdditions, StayLayersBehindPoolingsAndAtTwiceTheSameTensor) {
  Branches net;
  Node pool = layer("pool", OpKind::kMaxPool);
  pool.window.kernel_h = pool.window.kernel_w = 3;
  pool.window.pad_top = pool.window.pad_left = pool.window.pad_bottom = pool.window.pad_right = 1;
  const NodeId pooled = net.network.add(pool, {net.stem});
  const NodeId sum = net.network.add(layer("sum", OpKind::kAdd), {pooled, net.input});
  const NodeId body = net.network.add(layer("body", OpKind::kConv, 16), {sum});
  const NodeId twice = net.network.add(layer("twice", OpKind::kAdd), {body, body});
  net.network.set_output(net.network.add(layer("head", OpKind::kConv, 4), {twice}));
  EXPECT_TRUE(fusions(net.layers()).empty());
  EXPECT_EQ(additions_left(net.layers()), 2);
}

TEST(ResidualAdditions, NeedAnOperandOfTheirOwnShape) {
  Branches net;  // "wide" is read by the sum alone, but through a subsampling
  Node subsample = layer("subsample", OpKind::kSubsample);
  subsample.window.stride_h = subsample.window.stride_w = 2;
  const NodeId small = net.network.add(subsample, {net.network.add(layer("wide", OpKind::kConv, 16), {net.input})});
  Node strided = layer("strided", OpKind::kMaxPool);
  strided.window.stride_h = strided.window.stride_w = 2;
  const NodeId pooled = net.network.add(strided, {net.stem});
  net.network.set_output(net.network.add(layer("sum", OpKind::kAdd), {small, pooled}));
  EXPECT_TRUE(fusions(net.layers()).empty());
  EXPECT_EQ(additions_left(net.layers()), 1);
}

TEST(ResidualAdditions, AreInTheTableOfTheirLayerWithTheOperandAtItsOwnBits) {
  const Network network = topology("resnet20");
  const auto model = accel_models::make_cost_model("bismo-edge", Tier::kAnalytic);
  ASSERT_TRUE(model);
  const auto table = cost_table(network, **model);
  ASSERT_TRUE(table);
  const std::vector<CostedLayer> layers = costed_layers(network);
  const auto fused = std::find_if(layers.begin(), layers.end(), [](const auto& one) { return one.shape.name == "layer1.0.conv2"; });
  ASSERT_NE(fused, layers.end());
  const auto row = std::find(table->layer_names.begin(), table->layer_names.end(), "layer1.0.conv2") - table->layer_names.begin();
  LayerShape plain = fused->shape;
  plain.adds_residual = false;
  for (const auto& [w, a] : {std::pair{8, 8}, {4, 4}, {2, 6}}) {
    const auto entry = [&](const auto& grid) {
      return grid[static_cast<std::size_t>(row)][static_cast<std::size_t>(w - 1)][static_cast<std::size_t>(a - 1)];
    };
    const auto with = (*model)->cost(fused->shape, {w, a, a}, Activity{}), without = (*model)->cost(plain, {w, a, a}, Activity{});
    EXPECT_EQ(entry(table->cycles), with->cycles.value);
    EXPECT_EQ(entry(table->energy_pj), with->energy().value);
    EXPECT_GT(with->energy().value, without->energy().value);
  }
}

TEST(ResidualAdditions, CostAPassOnlyWhereTheOperandDoesNotFit) {
  const Network network = topology("resnet18");
  const auto model = accel_models::make_cost_model("bismo-edge", Tier::kAnalytic);
  ASSERT_TRUE(model);
  const auto simulation = simulate_network(network, bits_of(network, {}), **model);
  ASSERT_TRUE(simulation);
  // Results of 16 bits take 16 / (8 * 256) of an entry each; half the memory is 512 entries.
  // 56 x 56 x 64: 1,568 entries; 28 x 28 x 128: 784; 14 x 14 x 256: 392; 7 x 7 x 512: 196.
  const std::map<std::string, bool> apart{{"features.stage1.unit1.body.conv2.conv", true},
                                          {"features.stage2.unit2.body.conv2.conv", true},
                                          {"features.stage3.unit2.body.conv2.conv", false},
                                          {"features.stage4.unit2.body.conv2.conv", false}};
  int seen = 0;
  for (const SimulatedLayer& simulated : simulation->layers) {
    const auto found = apart.find(simulated.shape.name);
    if (found == apart.end()) continue;
    ++seen;
    ASSERT_EQ(simulated.bits.out, 16);
    LayerShape plain = simulated.shape;
    plain.adds_residual = false;
    const Bits written = (*model)->cost(plain, simulated.bits, Activity{})->dram_write;
    // A pass of its own writes the sum once more.
    EXPECT_EQ(simulated.cost.dram_write.value, (found->second ? 2 : 1) * written.value) << simulated.shape.name;
  }
  EXPECT_EQ(seen, 4);
}

}  // namespace
}  // namespace dyad::workflow
