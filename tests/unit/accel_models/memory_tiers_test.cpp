// The analytic tier against the cycle tier with every memory preset: channels, banks, refresh (docs/hwsim/dram.md has the table).
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"
#include "support/layers.hpp"

namespace dyad::accel_models::tiled {
namespace {

using Combination = std::tuple<const char*, const char*>;

class MemoryTiers : public testing::TestWithParam<Combination> {};
INSTANTIATE_TEST_SUITE_P(Presets, MemoryTiers,
                         testing::Values(Combination{"bismo-edge", "ddr3"}, Combination{"bismo-edge", "ddr4-3200"},
                                         Combination{"bismo-edge", "lpddr4-4266"}, Combination{"bismo-edge", "gddr6-14"},
                                         Combination{"bismo-edge", "hbm2e"}, Combination{"bismo-edge", "hbm3"},
                                         Combination{"bismo-cloud", "ddr3"}, Combination{"bismo-cloud", "ddr4-3200"},
                                         Combination{"bismo-cloud", "lpddr4-4266"}, Combination{"bismo-cloud", "gddr6-14"},
                                         Combination{"bismo-cloud", "hbm2e"}, Combination{"bismo-cloud", "hbm3"},
                                         Combination{"mma-8x8", "lpddr4-4266"}, Combination{"mma-8x8", "hbm2e"}),
                         [](const auto& instance) {
                           std::string name = std::string(std::get<0>(instance.param)) + "_" + std::get<1>(instance.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(MemoryTiers, DifferByAtMostFivePercentAndOneInTheMean) {
  const auto [name, preset] = GetParam();
  auto accelerator = load_accelerator(name);
  ASSERT_TRUE(accelerator);
  const auto memory = load_memory(preset, accelerator->clock_mhz.value);
  ASSERT_TRUE(memory) << memory.error().place << ": " << memory.error().message;
  set_memory(*accelerator, *memory);
  const Machine& machine = std::get<Machine>(accelerator->core);
  double worst = 0, sum = 0;
  std::string worst_layer;
  int count = 0;
  for (const LayerShape& layer : testing_support::sample_layers())
    for (const auto& [w, a] : {std::pair{8, 8}, {4, 4}, {3, 5}, {2, 8}, {4, 2}}) {
      const OperandBits bits{w, a, layer.kind == LayerKind::kLinear ? 32 : a};
      const auto found = estimate(layer, bits, accelerator->batch, machine, accelerator->dram);
      ASSERT_TRUE(found) << layer.name;
      const CycleResult cycle = simulate(found->schedule, machine, accelerator->dram);
      EXPECT_EQ(cycle.dram_read_bits, found->counts.dram_read_bits);
      const double error =
          (static_cast<double>(found->counts.cycles) - static_cast<double>(cycle.cycles)) / static_cast<double>(cycle.cycles);
      sum += std::abs(error);
      ++count;
      if (std::abs(error) <= std::abs(worst)) continue;
      worst = error;
      worst_layer = layer.name + " W" + std::to_string(w) + "A" + std::to_string(a);
    }
  std::cout << name << " with " << preset << ": mean " << 100 * sum / count << " %, worst " << 100 * worst << " % (" << worst_layer << "), "
            << count << " points\n";
  EXPECT_LE(std::abs(worst), 0.05) << worst_layer;
  EXPECT_LE(sum / count, 0.01);
}

}  // namespace
}  // namespace dyad::accel_models::tiled
