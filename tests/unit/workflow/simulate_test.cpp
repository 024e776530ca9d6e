// Which bits each layer of a small residual network has, sums, and the document.
#include "dyad/workflow/simulate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dyad/accel_models/accelerator.hpp"

namespace dyad::workflow {
namespace {

using network::Network;
using network::Node;
using network::NodeId;
using network::OpKind;

Node conv_node(const char* name, int channels) {
  Node node;
  node.name = name;
  node.kind = OpKind::kConv;
  node.out_channels = channels;
  node.window.kernel_h = node.window.kernel_w = 3;
  node.window.pad_top = node.window.pad_left = node.window.pad_bottom = node.window.pad_right = 1;
  return node;
}

Node plain(const char* name, OpKind kind) {
  Node node;
  node.name = name;
  node.kind = kind;
  return node;
}

/// input - stem - relu -+- conv1 - relu - conv2 -+- add - pool - flatten - fc
///                      +------------------------+
Network residual_network() {
  Network net;
  net.name = "small";
  Node input = plain("input", OpKind::kInput);
  input.output_shape = {8, 8, 3};
  const NodeId in = net.add(input, {});
  const NodeId stem = net.add(plain("relu0", OpKind::kRelu), {net.add(conv_node("stem", 16), {in})});
  const NodeId conv1 = net.add(plain("relu1", OpKind::kRelu), {net.add(conv_node("conv1", 16), {stem})});
  const NodeId conv2 = net.add(conv_node("conv2", 16), {conv1});
  const NodeId add = net.add(plain("add", OpKind::kAdd), {conv2, stem});
  const NodeId pool = net.add(plain("pool", OpKind::kGlobalAveragePool), {add});
  const NodeId flat = net.add(plain("flatten", OpKind::kFlatten), {pool});
  Node fc = plain("fc", OpKind::kLinear);
  fc.out_channels = 10;
  net.set_output(net.add(fc, {flat}));
  EXPECT_TRUE(net.infer_shapes());
  return net;
}

const BitAssignment kBits{{"stem", {8, 8}}, {"conv1", {4, 5}}, {"conv2", {3, 6}}, {"fc", {8, 7}}};

TEST(OperandBits, AreThoseThatReadersTake) {
  const auto bits = operand_bits(residual_network(), kBits);
  ASSERT_TRUE(bits) << bits.error().message;
  ASSERT_EQ(bits->size(), 5u);  // stem, conv1, conv2 with add, pool, fc
  const int expected[5][3] = {{8, 8, 16}, {4, 5, 6}, {3, 6, 16}, {8, 16, 7}, {8, 7, 32}};
  // The stem is read by conv1 and by the addition; conv1 only by conv2, at 6 bits; the sum that conv2 makes by the pooling; the
  // pooling only by fc, at 7; fc ends the network.
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ((*bits)[i].weight, expected[i][0]) << i;
    EXPECT_EQ((*bits)[i].activation, expected[i][1]) << i;
    EXPECT_EQ((*bits)[i].out, expected[i][2]) << i;
  }
}

TEST(OperandBits, NameALayerWithoutBitsAndBitsWithoutALayer) {
  BitAssignment missing = kBits;
  missing.erase("conv2");
  const auto first = operand_bits(residual_network(), missing);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().place, "conv2");
  BitAssignment extra = kBits;
  extra["conv9"] = {8, 8};
  const auto second = operand_bits(residual_network(), extra);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().place, "conv9");
}

TEST(SimulateNetwork, SumsItsLayers) {
  for (const Tier tier : {Tier::kAnalytic, Tier::kCycle}) {
    const auto model = accel_models::make_cost_model("bismo-edge", tier);
    ASSERT_TRUE(model);
    const auto simulation = simulate_network(residual_network(), kBits, **model);
    ASSERT_TRUE(simulation) << simulation.error().message;
    ASSERT_EQ(simulation->layers.size(), 5u);
    Cycles cycles;
    double energy_pj = 0;
    for (const SimulatedLayer& layer : simulation->layers) {
      EXPECT_GT(layer.cost.cycles.value, 0) << layer.shape.name;
      cycles += layer.cost.cycles;
      energy_pj += layer.cost.energy().value;
    }
    EXPECT_EQ(simulation->totals.cycles, cycles);
    EXPECT_NEAR(simulation->totals.energy_pj, energy_pj, 1e-6 * energy_pj);
    EXPECT_NEAR(simulation->totals.latency_us, static_cast<double>(cycles.value) / 200.0, 1e-9);
    EXPECT_EQ(simulation->totals.cycles, simulation->totals.compute_cycles + simulation->totals.stall_cycles);
    EXPECT_GT(simulation->totals.utilization, 0);
    EXPECT_LT(simulation->totals.utilization, 1);
  }
}

TEST(SimulateNetwork, NamesTheLayerThatTheAcceleratorCannotRun) {
  const auto model = accel_models::make_cost_model("bismo-edge", Tier::kAnalytic);
  BitAssignment bits = kBits;
  bits["conv1"] = {32, 32};
  const auto simulation = simulate_network(residual_network(), bits, **model);
  ASSERT_FALSE(simulation);
  EXPECT_EQ(simulation.error().place, "conv1");
}

TEST(SimulationDocument, HasTheFieldsOfItsSchemaAndTheSameBytesAgain) {
  const auto model = accel_models::make_cost_model("bismo-cloud", Tier::kCycle);
  auto simulation = simulate_network(residual_network(), kBits, **model);
  ASSERT_TRUE(simulation);
  simulation->bits = "mixed";
  const OrderedJson document = simulation_document(*simulation);
  EXPECT_EQ(document["schema"], "dyad.simulation/1");
  EXPECT_EQ(document["accelerator"]["name"], "bismo-cloud");
  EXPECT_EQ(document["tier"], "cycle");
  EXPECT_EQ(document["batch"], 16);
  EXPECT_EQ(document["layers"].size(), 5u);
  for (const char* key : {"name", "kind", "out", "macs", "params", "cycles", "compute_cycles", "stall_cycles", "latency_us", "energy_pj",
                          "energy_breakdown_pj", "utilization", "dram_read_bits", "dram_write_bits", "bottleneck"})
    for (const auto& layer : document["layers"]) EXPECT_TRUE(layer.contains(key)) << key;
  EXPECT_EQ(document["layers"][1]["w"], 4);
  EXPECT_FALSE(document["layers"][1].contains("fused_add"));
  EXPECT_EQ(document["layers"][2]["name"], "conv2");
  EXPECT_EQ(document["layers"][2]["fused_add"], "add");
  EXPECT_EQ(document["layers"][3]["name"], "pool");
  EXPECT_FALSE(document["layers"][3].contains("w"));  // a pooling has no weights
  for (const char* key :
       {"cycles", "latency_us", "energy_pj", "utilization", "stall_cycles", "dram_read_bits", "dram_write_bits", "energy_breakdown_pj"})
    EXPECT_TRUE(document["totals"].contains(key)) << key;
  const auto again = accel_models::make_cost_model("bismo-cloud", Tier::kCycle);
  auto repeated = simulate_network(residual_network(), kBits, **again);
  repeated->bits = "mixed";
  EXPECT_EQ(to_text(document), to_text(simulation_document(*repeated)));
}

TEST(CostTable, HoldsEveryBitPair) {
  const auto model = accel_models::make_cost_model("bismo-cloud", Tier::kAnalytic);
  const auto table = cost_table(residual_network(), **model);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->layer_names, (std::vector<std::string>{"stem", "conv1", "conv2", "fc"}));
  const std::vector<LayerShape> shapes = network::layer_shapes(residual_network());
  const auto cost = (*model)->cost(shapes[1], {3, 6, 6}, Activity{});
  EXPECT_EQ(table->cycles[1][2][5], cost->cycles.value);
  EXPECT_EQ(table->energy_pj[1][2][5], cost->energy().value);
  EXPECT_EQ(table->leakage_pj[1][2][5], cost->energy_pj.at("leakage"));
  EXPECT_EQ(table->idle_pj[1][2][5], cost->energy_pj.at("idle"));
  const OrderedJson document = table_document(*table);
  EXPECT_EQ(document["table"].size(), 4u);
  EXPECT_EQ(document["table"][1][2][5], cost->cycles.value);
  const std::string csv = table_csv(*table);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 4 * 64);
  EXPECT_EQ(csv.substr(0, csv.find('\n')), "layer,w,a,cycles,energy_pj,leakage_pj,idle_pj");
}

}  // namespace
}  // namespace dyad::workflow
