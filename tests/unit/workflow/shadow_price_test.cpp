// What a bit less saves, the bits that save something, and what each resource takes alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/workflow/layer_flags.hpp"
#include "dyad/workflow/report.hpp"
#include "dyad/workflow/simulate.hpp"
#include "support/layers.hpp"

namespace dyad::workflow {
namespace {

/// Cycles: 1000 * ceil(w / 2) + 2 * a; energy: 10 w + a pJ; no 6-bit weights.
class StepModel final : public CostModel {
 public:
  std::string name() const override { return "steps"; }
  Tier tier() const override { return Tier::kAnalytic; }
  Megahertz clock() const override { return Megahertz(100); }
  int batch() const override { return 1; }
  Ceilings ceilings() const override { return {1e9, 1e9}; }
  Result<LayerCost> cost(const LayerShape& layer, OperandBits bits, const Activity&) const override {
    if (bits.weight == 6) return Error{layer.name, "no 6-bit weights", "choose others"};
    EXPECT_EQ(bits.out, kOut);  // the layer alone: its output keeps its bits
    LayerCost cost;
    cost.cycles = Cycles(1000 * ((bits.weight + 1) / 2) + 2 * bits.activation);
    cost.energy_pj["array"] = 10 * bits.weight + bits.activation;
    cost.bottleneck = "compute";
    cost.resource_cycles = {{"compute", 0.75 * static_cast<double>(cost.cycles.value)}, {"output", 100}};
    return cost;
  }
  static constexpr int kOut = 8;
};

SimulatedLayer priced(int w, int a) {
  const StepModel model;
  const LayerShape layer = testing_support::conv("conv", 3, 8, 8, 3, 1);
  Simulation simulation = simulate_layers(std::span(&layer, 1), {w, a, StepModel::kOut}, model).value();
  add_shadow_prices(model, simulation);
  return simulation.layers.front();
}

TEST(ShadowPrice, IsTheDifferenceToOneBitLessAndNamesTheNextBitsThatSave) {
  const SimulatedLayer at_8 = priced(8, 8);  // 4,016 cycles, 88 pJ
  // 7 bits: 4 steps as well.
  ASSERT_TRUE(at_8.weight_price->one_bit);
  EXPECT_EQ(at_8.weight_price->one_bit->cycles.value, 0);
  EXPECT_EQ(at_8.weight_price->one_bit->energy_pj, 10);
  // 6 bits can't be run; 5 bits take 3 steps.
  EXPECT_EQ(at_8.weight_price->next_bits, 5);
  EXPECT_EQ(at_8.weight_price->next->cycles.value, 1000);
  EXPECT_EQ(at_8.weight_price->next->energy_pj, 30);
  // 2 cycles a bit are less than 1 % even for all 7.
  EXPECT_EQ(at_8.activation_price->one_bit->cycles.value, 2);
  EXPECT_EQ(at_8.activation_price->one_bit->energy_pj, 1);
  EXPECT_FALSE(at_8.activation_price->next_bits);

  const SimulatedLayer at_7 = priced(7, 1);
  EXPECT_FALSE(at_7.weight_price->one_bit);  // 6 bits
  EXPECT_EQ(at_7.weight_price->next_bits, 5);
  EXPECT_FALSE(at_7.activation_price->one_bit);  // no bit is left
  EXPECT_FALSE(at_7.activation_price->next_bits);

  // At 2 bits a step is left; 2 cycles of 1,008 are not 1 %, 14 of 1,016 are: from 8 activation bits to 2 (12 cycles) or fewer.
  const SimulatedLayer at_2 = priced(2, 8);
  EXPECT_EQ(at_2.weight_price->one_bit->cycles.value, 0);
  EXPECT_FALSE(at_2.weight_price->next_bits);
  EXPECT_EQ(at_2.activation_price->next_bits, 2);
  EXPECT_EQ(at_2.activation_price->next->cycles.value, 12);
}

TEST(ShadowPrice, DocumentCsvAndTextHaveIt) {
  const StepModel model;
  const LayerShape layers[] = {testing_support::conv("conv, with a comma", 3, 8, 8, 3, 1)};
  Simulation simulation = simulate_layers(layers, {8, 8, StepModel::kOut}, model).value();
  simulation.model = "one";
  simulation.bits = "W8A8";
  EXPECT_FALSE(simulation_document(simulation)["layers"][0].contains("shadow_price"));
  add_shadow_prices(model, simulation);
  const OrderedJson document = simulation_document(simulation), layer = document["layers"][0];
  EXPECT_EQ(layer["shadow_price"]["w"],
            (OrderedJson{{"cycles", 0}, {"energy_pj", 10.0}, {"next_bits", 5}, {"next_cycles", 1000}, {"next_energy_pj", 30.0}}));
  EXPECT_EQ(layer["shadow_price"]["a"], (OrderedJson{{"cycles", 2}, {"energy_pj", 1.0}, {"next_bits", nullptr}}));
  // 4,016 cycles: 3,012 of compute, the rest is fill.
  EXPECT_EQ(layer["resource_cycles"], (OrderedJson{{"compute", 3012.0}, {"output", 100.0}, {"fill", 1004.0}}));
  EXPECT_TRUE(check_result_document({"simulation", Json(document)}));
  const std::string text = summarize({"simulation", Json(document)}).value();
  EXPECT_NE(text.find("compute       0.0%       5      0.0%       -"), std::string::npos) << text;
  EXPECT_EQ(
      simulation_csv(simulation),
      "name,kind,w,a,out,macs,params,cycles,compute_cycles,stall_cycles,latency_us,energy_pj,utilization,dram_read_bits,"
      "dram_write_bits,bottleneck,compute_cycles_alone,output_cycles_alone,fill_cycles,w_price_cycles,w_price_energy_pj,"
      "w_price_next_bits,w_price_next_cycles,w_price_next_energy_pj,a_price_cycles,a_price_energy_pj,a_price_next_bits,"
      "a_price_next_cycles,a_price_next_energy_pj\n"
      "\"conv, with a comma\",conv,8,8,8,13824,216,4016,0,0,40.16,88.0,0.0,0,0,compute,3012.0,100.0,1004.0,0,10.0,5,1000,30.0,2,1.0,,,\n");
}

Simulation simulated(const std::string& accelerator, const LayerShape& layer, int w, int a, accel_models::CostOptions options = {}) {
  const auto model = accel_models::make_cost_model(accelerator, Tier::kAnalytic, options).value();
  Simulation simulation = simulate_layers(std::span(&layer, 1), {w, a, a}, *model).value();
  add_shadow_prices(*model, simulation);
  return simulation;
}

// Fusion units take 5, 6 and 7 bits as 8: where they bind, the next weights that are cheaper have 4 bits.
TEST(ShadowPrice, OfFusionUnitsGoesInPowersOfTwo) {
  const LayerShape layer = testing_support::conv("wide", 256, 256, 14, 3, 1);
  for (const accel_models::Compat compat : {accel_models::Compat::kNone, accel_models::Compat::kIsca2018}) {
    accel_models::CostOptions options;
    options.compat = compat;
    for (const auto& [bits, next] : {std::pair{8, 4}, {7, 4}, {4, 2}}) {
      const Simulation simulation = simulated("bitfusion-stripes", layer, bits, bits, options);
      EXPECT_EQ(simulation.layers[0].cost.bottleneck, "compute");
      EXPECT_EQ(simulation.layers[0].weight_price->next_bits, next) << bits;
      EXPECT_EQ(simulation.layers[0].activation_price->next_bits, next) << bits;
    }
  }
}

// A bit-serial array: every bit counts, and one bit less of 8 saves an eighth where the array binds.
TEST(ShadowPrice, OfSerialOperandsIsTheirShare) {
  const Simulation simulation = simulated("bismo-edge", testing_support::conv("wide", 256, 256, 14, 3, 1), 8, 8);
  const SimulatedLayer& layer = simulation.layers[0];
  EXPECT_EQ(layer.weight_price->next_bits, 7);
  EXPECT_NEAR(static_cast<double>(layer.weight_price->one_bit->cycles.value) / static_cast<double>(layer.cost.cycles.value), 0.125, 0.01);
  EXPECT_GT(layer.weight_price->one_bit->energy_pj, 0);
}

// A linear layer at batch 1 reads each weight once: fetching them binds. Its activations are read again for each of 128 blocks of outputs,
// 128 * 4,096 * 8 bits: 3 % of the traffic, so that a bit of them is worth less than half a percent.
TEST(ShadowPrice, OfActivationsIsLittleWhereWeightsAreFetched) {
  accel_models::CostOptions options;
  options.batch = 1;
  const Simulation simulation = simulated("bitfusion-eyeriss", testing_support::linear("fc", 4096, 4096), 8, 8, options);
  const SimulatedLayer& layer = simulation.layers[0];
  EXPECT_EQ(layer.cost.bottleneck, "weight fetch");
  EXPECT_LT(static_cast<double>(layer.activation_price->one_bit->cycles.value), 0.005 * static_cast<double>(layer.cost.cycles.value));
  EXPECT_EQ(layer.weight_price->next_bits, 7);
  const auto& alone = layer.cost.resource_cycles;
  // 16,777,216 weights of 8 bits at 192 bits a cycle are 699,051 cycles; row openings and refreshes come on top.
  EXPECT_GE(alone.at("weight fetch"), 699050.0);
  EXPECT_LE(alone.at("weight fetch"), 1.2 * 699051);
  EXPECT_GE(alone.at("memory bus"), alone.at("weight fetch"));
  EXPECT_LT(alone.at("activation fetch"), 0.05 * alone.at("weight fetch"));
}

TEST(ResourceCycles, AreSummedOverAnAdditionOfItsOwn) {
  // 4 MiB of 16-bit sums don't stay on bismo-edge: the addition is a pass of its own.
  LayerShape layer = testing_support::conv("conv", 64, 64, 56, 3, 1);
  const Simulation plain = simulated("bismo-edge", layer, 8, 8);
  layer.adds_residual = true;
  const Simulation added = simulated("bismo-edge", layer, 8, 8);
  const auto& before = plain.layers[0].cost.resource_cycles;
  for (const auto& [resource, cycles] : added.layers[0].cost.resource_cycles) {
    if (resource == "weight fetch") {
      EXPECT_EQ(cycles, before.at(resource));
    } else {
      EXPECT_GT(cycles, before.at(resource)) << resource;
    }
  }
}

}  // namespace
}  // namespace dyad::workflow
