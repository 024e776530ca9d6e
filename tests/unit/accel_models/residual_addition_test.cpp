// Residual additions fused into the layer before them, and as passes of their own where the other operand does not fit.
#include <gtest/gtest.h>

#include <cmath>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/cached.hpp"
#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"
#include "support/layers.hpp"

namespace dyad::accel_models {
namespace {

using tiled::Machine;

/// 2 x 2 units of 8 bits; memory: 10 cycles of latency, 8 bits a cycle.
Accelerator tiny(std::int64_t activation_entries) {
  Accelerator accelerator;
  accelerator.name = "tiny";
  accelerator.family = "bit_serial";
  accelerator.clock_mhz.value = 100;
  Machine machine;
  machine.rows = machine.columns = 2;
  machine.depth = 8;
  machine.activation_entries = activation_entries;
  machine.weight_entries = 64;
  machine.pipeline_cycles = 3;
  machine.requantizer_lanes = 4;
  machine.output_port_bits = 32;
  accelerator.core = machine;
  accelerator.dram.bits_per_kilocycle = 8000;
  accelerator.dram.latency = 10;
  accelerator.dram.burst_bits = 8;
  accelerator.dram.request_bits = 64;
  Technology& technology = accelerator.technology;
  technology.binary_op_energy_pj.value = 2;
  technology.requantize_energy_pj.value = 3;
  technology.sram_read_energy_pj_per_bit.value = 0.5;
  technology.sram_write_energy_pj_per_bit.value = 0.25;
  accelerator.dram_energy_pj_per_bit.value = 10;
  return accelerator;
}

LayerShape product(std::int64_t m, bool adds_residual) {  // (m x 8) by (8 x 2)
  LayerShape layer;
  layer.name = "product";
  layer.in_h = layer.out_h = m;
  layer.in_channels = 8;
  layer.out_channels = 2;
  layer.adds_residual = adds_residual;
  return layer;
}

LayerShape addition_behind(const LayerShape& layer) {
  LayerShape addition;
  addition.name = "addition";
  addition.kind = LayerKind::kAdd;
  addition.in_h = addition.out_h = layer.out_h;
  addition.in_w = addition.out_w = layer.out_w;
  addition.in_channels = addition.out_channels = layer.out_channels;
  return addition;
}

LayerCost cost_of(const Accelerator& accelerator, Tier tier, DramMode dram, const LayerShape& layer, OperandBits bits) {
  const auto model = make_cost_model(accelerator, tier, {.batch = std::nullopt, .dram = dram, .trace = nullptr});
  EXPECT_TRUE(model.has_value());
  const auto cost = (*model)->cost(layer, bits, Activity{});
  EXPECT_TRUE(cost) << cost.error().message;
  return *cost;
}

std::int64_t cycles_of(std::int64_t activation_entries, DramMode dram, Tier tier, const LayerShape& layer) {
  return cost_of(tiny(activation_entries), tier, dram, layer, {2, 3, 8}).cycles.value;
}

constexpr OperandBits kBits{2, 3, 8};

TEST(ResidualByHand, ItIsOneMoreCycleOfDrainForEveryTileWhereItFits) {
  // As OneTile of bit_serial_hand_test: 37 cycles. 4 results are 8 elements' operations on 4 lanes: the drain takes 2 cycles, not 1.
  for (const Tier tier : {Tier::kAnalytic, Tier::kCycle}) {
    EXPECT_EQ(cycles_of(64, DramMode::kUnlimited, tier, product(2, false)), 37);
    EXPECT_EQ(cycles_of(64, DramMode::kUnlimited, tier, product(2, true)), 38);
  }
  // As BandwidthIsShared there: nothing more moves over the bus. Job 21-27, drain 29, buffer at 32, bus 33-37, acknowledged at 46.
  EXPECT_EQ(cycles_of(64, DramMode::kAsDescribed, Tier::kCycle, product(2, false)), 45);
  EXPECT_EQ(cycles_of(64, DramMode::kAsDescribed, Tier::kCycle, product(2, true)), 46);
}

TEST(ResidualByHand, ItTakesHalfOfTheActivationMemoryAtMost) {
  // 4 results of 8 bits are 2 entries of 2 * 8 bits; an activation tile of 3 bits takes 3 entries.
  const tiled::Problem problem = make_problem(product(2, true), kBits, 1, std::get<Machine>(tiny(5).core));
  EXPECT_EQ(problem.residual_bits, 8);
  EXPECT_EQ(residual_entries(problem, std::get<Machine>(tiny(5).core)), 2);
  EXPECT_TRUE(can_fuse_residual(problem, std::get<Machine>(tiny(4).core)));
  EXPECT_FALSE(can_fuse_residual(problem, std::get<Machine>(tiny(3).core)));
  // The addition alone: 2 * 4 operands of 8 bits are 8 words, 10-18, seen at 19; 8 operations on 4 lanes 19-21; drain 22; 3 + 10 more: 35.
  // 5 entries: fused. 4: half is left, but no tile fits into it. 3: more than half.
  for (const Tier tier : {Tier::kAnalytic, Tier::kCycle}) {
    EXPECT_EQ(cycles_of(5, DramMode::kUnlimited, tier, product(2, true)), 38);
    EXPECT_EQ(cycles_of(4, DramMode::kUnlimited, tier, product(2, true)), 37 + 35);
    EXPECT_EQ(cycles_of(3, DramMode::kUnlimited, tier, product(2, true)), 37 + 35);
  }
  // With 8 bits a cycle: operands on the bus 1-9, complete at 18, as above; in the buffer at 25, bus 26-30, acknowledged at 39.
  EXPECT_EQ(cycles_of(3, DramMode::kAsDescribed, Tier::kCycle, product(2, true)), 45 + 39);
}

TEST(ResidualByHand, ActivationsHaveWhatItLeaves) {
  // Two activation tiles of 3 entries, 8 results of 8 bits: 4 entries. 64 entries hold everything: jobs 17-23 and 23-29 (43 cycles without
  // an addition), drain 31, 3 + 10 more. Of 9 entries 5 are left, one tile: its slot is free at 24, the second one complete at 40, seen at
  // 41; job 41-47, drain 49, 3 + 10 more.
  for (const Tier tier : {Tier::kAnalytic, Tier::kCycle}) {
    EXPECT_EQ(cycles_of(64, DramMode::kUnlimited, tier, product(4, true)), 44);
    EXPECT_EQ(cycles_of(9, DramMode::kUnlimited, tier, product(4, false)), 43);
    EXPECT_EQ(cycles_of(9, DramMode::kUnlimited, tier, product(4, true)), 62);
  }
}

TEST(ResidualByHand, EnergyCountsTheAdditionsAndTheOperandInTheMemory) {
  for (const Tier tier : {Tier::kAnalytic, Tier::kCycle}) {
    const LayerCost fused = cost_of(tiny(64), tier, DramMode::kAsDescribed, product(2, true), kBits);
    // 2 * 2 * 8 products of 6 binary operations; 4 results and 4 additions. 192 bits read, 80 written (80 and 32 of memory), as in
    // accelerator_test; 4 operands of 8 bits are written and read once more.
    EXPECT_DOUBLE_EQ(fused.energy_pj.at("array"), 192 * 2.0 + 8 * 3.0);
    EXPECT_DOUBLE_EQ(fused.energy_pj.at("sram"), 192 * 0.5 + 80 * 0.25 + 32 * 0.75);
    EXPECT_DOUBLE_EQ(fused.energy_pj.at("dram"), (80 + 32) * 10.0);
    // Apart: 8 additions' operations after 4 results; both operands through the memories, one result more.
    const LayerCost apart = cost_of(tiny(3), tier, DramMode::kAsDescribed, product(2, true), kBits);
    EXPECT_DOUBLE_EQ(apart.energy_pj.at("array"), 192 * 2.0 + 4 * 3.0 + 8 * 3.0);
    EXPECT_DOUBLE_EQ(apart.energy_pj.at("sram"), 192 * 0.5 + 80 * 0.25 + 64 * 0.75);
    EXPECT_DOUBLE_EQ(apart.energy_pj.at("dram"), (80 + 32 + 64 + 32) * 10.0);
  }
}

TEST(ResidualAddition, ApartCostsWhatTheLayerAndAnAdditionCost) {
  const auto accelerator = load_accelerator("bismo-edge");
  ASSERT_TRUE(accelerator);
  LayerShape layer = testing_support::conv("r18/64-64", 64, 64, 56, 3, 1);
  const OperandBits bits{4, 3, 16};  // 200,704 results of 16 bits: 1,568 of 1,024 entries
  for (const Tier tier : {Tier::kAnalytic, Tier::kCycle}) {
    const LayerCost alone = cost_of(*accelerator, tier, DramMode::kAsDescribed, layer, bits);
    const LayerCost addition = cost_of(*accelerator, tier, DramMode::kAsDescribed, addition_behind(layer), {4, 16, 16});
    layer.adds_residual = true;
    const LayerCost both = cost_of(*accelerator, tier, DramMode::kAsDescribed, layer, bits);
    layer.adds_residual = false;
    EXPECT_EQ(both.cycles, alone.cycles + addition.cycles);
    EXPECT_EQ(both.compute_cycles, alone.compute_cycles + addition.compute_cycles);
    EXPECT_EQ(both.stall_cycles, alone.stall_cycles + addition.stall_cycles);
    EXPECT_EQ(both.dram_read, alone.dram_read + addition.dram_read);
    EXPECT_EQ(both.dram_write, alone.dram_write + addition.dram_write);
    EXPECT_NEAR(both.energy().value, alone.energy().value + addition.energy().value, 1e-9 * both.energy().value);
    // The array does nothing during the addition.
    EXPECT_NEAR(both.utilization * static_cast<double>(both.cycles.value), alone.utilization * static_cast<double>(alone.cycles.value),
                1e-6 * static_cast<double>(both.cycles.value));
  }
}

TEST(ResidualAddition, IsNotTakenForTheLayerWithoutItByTheMemoryOfLayers) {
  const auto model = make_cost_model(tiny(64), Tier::kCycle);
  ASSERT_TRUE(model);
  const auto* cached = dynamic_cast<const CachedCostModel*>(model->get());
  ASSERT_NE(cached, nullptr);
  const auto without = cached->cost(product(2, false), kBits, Activity{}), with = cached->cost(product(2, true), kBits, Activity{});
  ASSERT_TRUE(without && with);
  EXPECT_EQ(cached->misses(), 2);
  EXPECT_NE(without->cycles, with->cycles);
  EXPECT_EQ(cached->cost(product(2, true), kBits, Activity{})->cycles, with->cycles);
  EXPECT_EQ(cached->hits(), 1);
}

TEST(UnweightedLayers, WaitForActivationsNeverForWeights) {
  for (const char* name : {"bismo-edge", "bismo-cloud"}) {
    const auto accelerator = load_accelerator(name);
    ASSERT_TRUE(accelerator);
    // An addition reads twice what it writes, a 3 x 3 / 2 pooling four times: the memory port is what takes longest.
    LayerShape pool = testing_support::conv("pool", 64, 64, 112, 3, 2);
    pool.kind = LayerKind::kMaxPool;
    for (const LayerShape& layer : {addition_behind(testing_support::conv("conv", 64, 64, 56, 3, 1)), pool})
      for (const Tier tier : {Tier::kAnalytic, Tier::kCycle})
        EXPECT_EQ(cost_of(*accelerator, tier, DramMode::kAsDescribed, layer, {8, 16, 16}).bottleneck, "activation fetch")
            << name << " " << layer.name;
  }
}

/// The last layers of the residual blocks of ResNet-20, ResNet-18 and MobileNetV2.
std::vector<LayerShape> residual_layers() {
  using testing_support::conv;
  std::vector<LayerShape> layers{
      conv("r20/16-16", 16, 16, 32, 3, 1),     conv("r20/32-32", 32, 32, 16, 3, 1),      conv("r20/64-64", 64, 64, 8, 3, 1),
      conv("r18/64-64", 64, 64, 56, 3, 1),     conv("r18/64-128p", 64, 128, 56, 1, 2),   conv("r18/128-128", 128, 128, 28, 3, 1),
      conv("r18/256-256", 256, 256, 14, 3, 1), conv("r18/256-512p", 256, 512, 14, 1, 2), conv("r18/512-512", 512, 512, 7, 3, 1),
      conv("mb/144-24", 144, 24, 56, 1, 1),    conv("mb/960-160", 960, 160, 7, 1, 1)};
  for (LayerShape& layer : layers) layer.adds_residual = true;
  return layers;
}

class ResidualTiers : public testing::TestWithParam<const char*> {
 protected:
  struct Errors {
    double worst = 0, sum = 0;
    std::string worst_point;
    int fused = 0, apart = 0;
  };
  Errors compare(DramMode dram) const {
    const auto accelerator = load_accelerator(GetParam());
    EXPECT_TRUE(accelerator.has_value());
    Errors errors;
    for (const LayerShape& layer : residual_layers())
      for (const auto& [w, a] : {std::pair{8, 8}, {4, 4}, {3, 5}, {5, 3}, {6, 4}, {2, 8}, {4, 2}})
        for (const int out : {a, 16}) {
          const OperandBits bits{w, a, out};
          const auto analytic = static_cast<double>(cost_of(*accelerator, Tier::kAnalytic, dram, layer, bits).cycles.value);
          const auto cycle = static_cast<double>(cost_of(*accelerator, Tier::kCycle, dram, layer, bits).cycles.value);
          const double error = std::abs(analytic - cycle) / cycle;
          const Machine& machine = std::get<Machine>(accelerator->core);
          ++(can_fuse_residual(make_problem(layer, bits, accelerator->batch, machine), machine) ? errors.fused : errors.apart);
          errors.sum += error;
          if (error <= errors.worst) continue;
          errors.worst = error;
          errors.worst_point = layer.name + " W" + std::to_string(w) + "A" + std::to_string(a) + " out " + std::to_string(out);
        }
    EXPECT_GT(errors.fused, 30);
    EXPECT_GE(errors.apart, 7);  // cloud: r18/64-64 at 16 bits
    return errors;
  }
};
INSTANTIATE_TEST_SUITE_P(Accelerators, ResidualTiers, testing::Values("bismo-edge", "bismo-cloud"),
                         [](const auto& instance) { return std::string(instance.param).substr(6); });

TEST_P(ResidualTiers, AreEqualWithoutALimitOnBandwidth) {
  const Errors errors = compare(DramMode::kUnlimited);
  EXPECT_EQ(errors.worst, 0) << errors.worst_point;
}

TEST_P(ResidualTiers, DifferByAtMostTwoPercentWithIdealMemory) {
  const Errors errors = compare(DramMode::kIdeal);
  EXPECT_LE(errors.worst, 0.02) << errors.worst_point;
}

TEST_P(ResidualTiers, DifferByAtMostFivePercentAndOneInTheMeanWithRowsAndRefresh) {
  const Errors errors = compare(DramMode::kAsDescribed);
  EXPECT_LE(errors.worst, 0.05) << errors.worst_point;
  EXPECT_LE(errors.sum / (errors.fused + errors.apart), 0.01);
}

}  // namespace
}  // namespace dyad::accel_models
