#include <Vsystolic_core_16x16.h>
#include <Vsystolic_core_8x4.h>
#include <gtest/gtest.h>

#include "checks/systolic_core_check.hpp"
#include "core_driver.hpp"

namespace dyad::cosim {
namespace {

TEST(SystolicCore, RunsRandomLayersAsItsReferenceDoes) {
  for (const std::uint64_t seed : {11, 12, 13}) {
    SCOPED_TRACE(seed);
    const Check small = check_systolic_core<Vsystolic_core_8x4>({seed, 20}, {8, 4, 8, 8}, 64, 2);
    EXPECT_EQ(small.mismatches, 0) << small.first;
    EXPECT_EQ(small.cases, 20);
    const Check large = check_systolic_core<Vsystolic_core_16x16>({seed, 10}, {16, 16, 8, 8}, 4096, 4);
    EXPECT_EQ(large.mismatches, 0) << large.first;
    EXPECT_EQ(large.cases, 10);
  }
}

// Activations 3, weights -2 with the zero point 1: a result is jobs * K * 3 * (-2 - 1).
ConstantLayer layer_of(std::int64_t jobs, std::int64_t words) {
  ConstantLayer layer;
  layer.results = 6;
  layer.jobs = jobs;
  layer.words = layer.activation_entries = layer.weight_entries = words;
  layer.columns = 4;
  layer.beats = 16;
  layer.flags = 1 << 3;
  layer.weight_zero_point = 1;
  layer.activations.assign(1, PackedBits(64));
  layer.weights.assign(1, PackedBits(32));
  for (int r = 0; r < 8; ++r) layer.activations[0].set(8 * r, 8, 3);
  for (int c = 0; c < 4; ++c) layer.weights[0].set(8 * c, 8, static_cast<std::uint64_t>(-2));
  return layer;
}

// 8 + 4 - 1 = 11 cycles between captures: jobs of 2 and of 11 words take as long as each other, one of 12 words a cycle more. Four jobs a
// result, whose drain (16 cycles) passes in the meantime.
TEST(SystolicCore, TakesTheLeastDistanceOfCapturesForShortJobs) {
  for (const auto& [words, cycles] : {std::pair{1, 44}, {2, 44}, {10, 44}, {11, 44}, {12, 48}, {16, 64}}) {
    SCOPED_TRACE(words);
    Dut<Vsystolic_core_8x4> dut;
    ConstantLayer layer = layer_of(4, words);
    run_layer(dut, layer);
    ASSERT_EQ(layer.complete.size(), 6u);
    EXPECT_EQ(layer.complete[5] - layer.complete[4], cycles);
    EXPECT_EQ(layer.values, std::vector<std::int32_t>(6 * 16, 4 * words * 3 * -3));
  }
}

// One job a result: its 16 beats take longer than the array.
TEST(SystolicCore, DrainsAsFastAsItsLanes) {
  Dut<Vsystolic_core_8x4> dut;
  ConstantLayer layer = layer_of(1, 3);
  run_layer(dut, layer);
  ASSERT_EQ(layer.complete.size(), 6u);
  EXPECT_EQ(layer.complete[5] - layer.complete[4], 16);
}

}  // namespace
}  // namespace dyad::cosim
