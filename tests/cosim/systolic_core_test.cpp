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
    const Check small = check_systolic_core<Vsystolic_core_8x4>({seed, 60}, {8, 4, 8, 8}, 64, 2);
    EXPECT_EQ(small.mismatches, 0) << small.first;
    EXPECT_EQ(small.cases, 60);
    const Check large = check_systolic_core<Vsystolic_core_16x16>({seed, 40}, {16, 16, 8, 8}, 4096, 4);
    EXPECT_EQ(large.mismatches, 0) << large.first;
    EXPECT_EQ(large.cases, 40);
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

// 8 + 4 - 1 = 11 cycles between captures. The first result is complete when its tiles are fetched (one element of K a cycle), its job has
// run (11 cycles or as many as it has elements), and it is drained; nothing else depends on K.
TEST(SystolicCore, TakesTheLeastDistanceOfCapturesForShortJobs) {
  const auto first_result = [](std::int64_t words) {
    Dut<Vsystolic_core_8x4> dut;
    ConstantLayer layer = layer_of(1, words);
    run_layer(dut, layer);
    EXPECT_EQ(layer.values, std::vector<std::int32_t>(6 * 16, static_cast<std::int32_t>(words) * 3 * -3));
    EXPECT_EQ(layer.complete.size(), 6u);
    return layer.complete.at(0);
  };
  const std::int64_t least = first_result(1) - (1 + 11);
  for (const std::int64_t words : {2, 10, 11, 12, 16, 20}) {
    SCOPED_TRACE(words);
    EXPECT_EQ(first_result(words), least + words + std::max<std::int64_t>(words, 11));
  }
}

// Results follow each other as fast as the longest of job and drain, 16 beats of two lanes; partial sums too.
TEST(SystolicCore, DrainsWhileTheNextJobRuns) {
  for (const auto& [jobs, words, cycles] : {std::tuple{1, 3, 16}, {1, 16, 16}, {1, 20, 20}, {4, 3, 64}, {3, 15, 48}}) {
    SCOPED_TRACE(std::to_string(jobs) + " jobs of " + std::to_string(words) + " words");
    Dut<Vsystolic_core_8x4> dut;
    ConstantLayer layer = layer_of(jobs, words);
    run_layer(dut, layer);
    ASSERT_EQ(layer.complete.size(), 6u);
    EXPECT_EQ(layer.complete[5] - layer.complete[4], cycles);
    EXPECT_EQ(layer.values, std::vector<std::int32_t>(6 * 16, jobs * words * 3 * -3));
  }
}

}  // namespace
}  // namespace dyad::cosim
