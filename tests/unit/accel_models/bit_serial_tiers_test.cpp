// The analytic tier against the cycle tier: equal without a limit on bandwidth, close with one (docs/accel_models/tiled.md).
#include <gtest/gtest.h>

#include <cmath>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"
#include "dyad/base/random.hpp"
#include "support/layers.hpp"
#include "support/random_tiled.hpp"

namespace dyad::accel_models::tiled {
namespace {

using testing_support::sample_layers;

const std::vector<std::pair<int, int>> kBitPairs{{8, 8}, {4, 4}, {3, 5}, {5, 3}, {6, 4}, {2, 8}, {4, 2}, {6, 6}, {7, 8}};

struct Errors {
  double worst = 0, sum = 0;
  std::string worst_layer;
  int count = 0;
};

Errors compare(const Accelerator& accelerator, const hwsim::DramTiming& dram, int shortest_bits) {
  const Machine& machine = std::get<Machine>(accelerator.core);
  Errors errors;
  for (const LayerShape& layer : sample_layers())
    for (auto [w, a] : kBitPairs) {
      if (std::min(w, a) < shortest_bits) continue;
      for (const int out : layer.kind == LayerKind::kLinear ? std::vector{32} : std::vector{a, 16}) {
        const auto found = estimate(layer, {w, a, out}, accelerator.batch, machine, dram);
        EXPECT_TRUE(found.has_value()) << layer.name;
        const auto simulated = static_cast<double>(simulate(found->schedule, machine, dram).cycles);
        const double error = std::abs(static_cast<double>(found->counts.cycles) - simulated) / simulated;
        errors.sum += error;
        ++errors.count;
        if (error > errors.worst) {
          errors.worst = error;
          errors.worst_layer = layer.name + " W" + std::to_string(w) + "A" + std::to_string(a) + " out " + std::to_string(out);
        }
      }
    }
  return errors;
}

class Tiers : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Accelerators, Tiers, testing::Values("bismo-edge", "bismo-cloud"),
                         [](const auto& instance) { return std::string(instance.param).substr(6); });

TEST_P(Tiers, AreEqualWithoutALimitOnBandwidth) {
  const auto accelerator = load_accelerator(GetParam());
  ASSERT_TRUE(accelerator) << accelerator.error().message;
  const Errors errors = compare(*accelerator, accelerator->dram.unlimited(), 1);
  EXPECT_EQ(errors.worst, 0) << errors.worst_layer;
  EXPECT_GT(errors.count, 300);
}

TEST_P(Tiers, DifferByAtMostTwoPercentWithIdealMemory) {
  const auto accelerator = load_accelerator(GetParam());
  const Errors errors = compare(*accelerator, accelerator->dram.ideal(), 1);
  EXPECT_LE(errors.worst, 0.02) << errors.worst_layer;
  RecordProperty("worst_percent", std::to_string(100 * errors.worst));
}

TEST_P(Tiers, DifferByAtMostFivePercentAndOneInTheMeanWithRowsAndRefresh) {
  const auto accelerator = load_accelerator(GetParam());
  const Errors errors = compare(*accelerator, accelerator->dram, 1);
  EXPECT_LE(errors.worst, 0.05) << errors.worst_layer;
  EXPECT_LE(errors.sum / errors.count, 0.01);
}

TEST(BitSerialTiers, AreEqualOnRandomMachinesAndLayersWithoutALimitOnBandwidth) {
  constexpr std::uint64_t kSeed = 20261120;
  Random random(kSeed);
  int compared = 0;
  for (int i = 0; i < 1500; ++i) {
    const Machine machine = testing_support::random_tiled_machine(random);
    hwsim::DramTiming dram;
    dram.latency = random.between(1, 60);
    dram.burst_bits = 64;
    dram.request_bits = 512;
    const int groups = random.coin() ? 1 : static_cast<int>(random.between(1, 6));
    const LayerShape layer =
        testing_support::conv("random", groups * random.between(1, 9), groups * random.between(1, 9), random.between(1, 12),
                              static_cast<int>(random.between(0, 1)) * 2 + 1, static_cast<int>(random.between(1, 2)), groups);
    const OperandBits bits{static_cast<int>(random.between(1, 8)), static_cast<int>(random.between(1, 8)),
                           static_cast<int>(random.between(1, 16))};
    const Problem problem = make_problem(layer, bits, random.between(1, 3), machine);
    for (const Order order : {Order::kActivationsResident, Order::kWeightsResident, Order::kStreamed}) {
      const auto schedule = make_schedule(problem, machine, dram, order);
      if (!schedule) continue;
      const CycleResult simulated = simulate(*schedule, machine, dram);
      ASSERT_EQ(schedule_cycles(*schedule, machine, dram), simulated.cycles)
          << "seed " << kSeed << ", case " << i << ", order " << static_cast<int>(order);
      ASSERT_EQ(simulated.array_busy_cycles, schedule->jobs() * schedule->job_cycles);
      ++compared;
    }
  }
  EXPECT_GT(compared, 1000);
}

TEST(BitSerialTiers, CostNothingLessWithMoreBits) {
  const auto model = make_cost_model("bismo-cloud", Tier::kAnalytic);
  ASSERT_TRUE(model);
  for (const LayerShape& layer : sample_layers()) {
    if (!layer.is_weighted()) continue;
    const auto low = (*model)->cost(layer, {2, 2, 8}, Activity{}), high = (*model)->cost(layer, {8, 8, 8}, Activity{});
    ASSERT_TRUE(low && high) << layer.name;
    EXPECT_LT(low->cycles, high->cycles) << layer.name;
    EXPECT_LT(low->energy(), high->energy()) << layer.name;
    EXPECT_LE(high->utilization, 1.0) << layer.name;
    EXPECT_GT(low->utilization, 0.0) << layer.name;
  }
}

}  // namespace
}  // namespace dyad::accel_models::tiled
