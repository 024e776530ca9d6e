// The cycle tier with functional data against the scalar backend, for every family.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"
#include "support/random_tiled.hpp"
#include "support/scalar_tiled.hpp"

namespace dyad::accel_models::tiled {
namespace {

using testing_support::expect_equal;
using testing_support::make_data;
using testing_support::problem_of;
using testing_support::run_scalar;
using testing_support::takes;
using testing_support::TiledCase;

constexpr std::uint64_t kSeed = 20261120;

void expect_equal(const CycleResult& a, const CycleResult& b) {
  EXPECT_EQ(a.cycles, b.cycles);
  EXPECT_EQ(a.array_busy_cycles, b.array_busy_cycles);
  EXPECT_EQ(a.dram_read_bits, b.dram_read_bits);
  EXPECT_EQ(a.dram_write_bits, b.dram_write_bits);
  EXPECT_EQ(a.dram_busy_cycles, b.dram_busy_cycles);
  EXPECT_EQ(a.sram_write_bits, b.sram_write_bits);
  EXPECT_EQ(a.sram_read_bits, b.sram_read_bits);
}

class TiledData : public ::testing::TestWithParam<Operands> {};
INSTANTIATE_TEST_SUITE_P(Operands, TiledData, ::testing::ValuesIn(kAllOperands),
                         [](const auto& each) { return std::string(core_key(each.param)); });

TEST_P(TiledData, EqualsTheScalarBackendOnRandomLayersAndCostsTheSame) {
  int layers = 0, runs = 0, additions = 0, packed = 0, chunked = 0, blocks = 0, wide = 0;
  for (std::uint64_t i = 0; i < 2500; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", layer " + std::to_string(i));
    Random random(kSeed, i);
    TiledCase one = testing_support::random_weighted(random, true);
    const Machine machine = testing_support::random_tiled_machine(random, GetParam());
    const hwsim::DramTiming dram = testing_support::random_dram(random);
    const LayerOperands operands = one.operands();
    if (!takes(machine, operands)) continue;
    testing_support::round_weights(one, machine, operand_bits(operands).weight);
    const Problem problem = problem_of(random, operands, machine);
    const IntegerTensor expected = run_scalar(one);
    int orders = 0;
    for (const Order order : {Order::kActivationsResident, Order::kWeightsResident, Order::kStreamed}) {
      const auto schedule = make_schedule(problem, machine, dram, order);
      if (!schedule) continue;
      LayerData data = make_data(operands, problem, *schedule, machine);
      const CycleResult with = simulate(*schedule, machine, dram, nullptr, &data), without = simulate(*schedule, machine, dram);
      expect_equal(with, without);
      expect_equal(data.output(), expected);
      EXPECT_EQ(schedule_cycles(*schedule, machine, dram.unlimited()), simulate(*schedule, machine, dram.unlimited()).cycles);
      if (HasFailure()) return;
      ++orders;
      chunked += schedule->jobs_per_result > 1;
      blocks += schedule->blocks > 1 && order != Order::kStreamed;
    }
    runs += orders;
    layers += orders > 0;
    additions += orders > 0 && one.adds;
    packed += orders > 0 && problem.k > one.layer.shape.reduction();
    wide += orders > 0 && one.layer.inputs[0].bits > 8;
  }
  RecordProperty("layers", layers);
  RecordProperty("runs", runs);
  EXPECT_GE(layers, 1500);
  EXPECT_GE(additions, 100);
  if (GetParam() == Operands::kBitPlanes || GetParam() == Operands::kElements) {
    EXPECT_GE(packed, 100);
  }
  EXPECT_GE(chunked, 100);
  EXPECT_GE(blocks, 100);
  if (GetParam() == Operands::kBitPlanes || GetParam() == Operands::kBricks) {
    EXPECT_GE(wide, 100);
  }
}

TEST_P(TiledData, ElementwiseLayersEqualTheScalarBackendAndBothTiersCostTheSame) {
  for (std::uint64_t i = 0; i < 400; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", layer " + std::to_string(i));
    Random random(kSeed + 1, i);
    const TiledCase one = testing_support::random_elementwise(random, i % 2 == 0);
    const Machine machine = testing_support::random_tiled_machine(random, GetParam());
    const hwsim::DramTiming dram = testing_support::random_dram(random);
    const LayerOperands operands = one.operands();
    const Problem problem = problem_of(random, operands, machine);
    const auto schedule = make_schedule(problem, machine, dram, Order::kElementwise);
    ASSERT_TRUE(schedule.has_value());
    LayerData data = make_data(operands, problem, *schedule, machine);
    const CycleResult with = simulate(*schedule, machine, dram, nullptr, &data);
    expect_equal(with, simulate(*schedule, machine, dram));
    expect_equal(data.output(), run_scalar(one));
    EXPECT_EQ(schedule_cycles(*schedule, machine, dram.unlimited()), simulate(*schedule, machine, dram.unlimited()).cycles);
    EXPECT_EQ(with.array_busy_cycles, schedule->jobs() * schedule->job_cycles);
    if (HasFailure()) return;
  }
}

// What the RTL core's result stage does with accumulators, sums and parameters alone.
TEST(BitSerialData, ParametersAndResidualOperandsAreEnoughForTheResults) {
  int layers = 0, refused = 0;
  for (std::uint64_t i = 0; i < 400; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed + 3) + ", layer " + std::to_string(i));
    Random random(kSeed + 3, i);
    const TiledCase one = testing_support::random_weighted(random, true);
    const Machine machine = testing_support::random_tiled_machine(random);
    const LayerOperands operands = one.operands();
    const Problem problem = make_problem(cost_shape(operands), operand_bits(operands), operands.batch(), machine);
    const auto found = make_schedule(problem, machine, hwsim::DramTiming{}, Order::kActivationsResident);
    if (!found) continue;
    LayerData data = make_data(operands, problem, *found, machine), stored = make_data(operands, problem, *found, machine);
    if (!data.supported_by_rtl()) {
      EXPECT_EQ(data.supported_by_rtl().error().place, "layer 'random' (conv)");
      ++refused;
      continue;
    }
    ++layers;
    const ResultParameters result = data.result_parameters();
    for (std::int64_t j = 0; j < found->jobs(); ++j) {
      const Job job = data.job(j);
      data.hand_over(j);
      std::vector<std::int32_t> others, results;
      if (one.adds) others = data.residual_operands(job);
      for (std::int64_t at = 0; at < data.results_per_job(); ++at) {
        const ChannelParameters p = data.column_parameters(job, at % machine.columns);
        const auto acc = static_cast<std::int32_t>(data.accumulators()[static_cast<std::size_t>(at)] + static_cast<std::uint32_t>(p.bias) -
                                                   static_cast<std::uint32_t>(p.weight_zero_point) *
                                                       data.row_sums()[static_cast<std::size_t>(at / machine.columns)]);
        std::int64_t y = acc;
        if (result.requantizes) y = round_multiply(acc, p.ratio.multiplier, p.ratio.shift, result.rounding) + result.zero_point;
        if (one.adds)
          y += round_multiply(others[static_cast<std::size_t>(at)], p.other_ratio.multiplier, p.other_ratio.shift, result.rounding);
        results.push_back(static_cast<std::int32_t>(std::clamp<std::int64_t>(y, result.lowest, result.highest)));
        EXPECT_TRUE(p.used || data.output_index(job, at) < 0);
      }
      stored.store(j, results);
    }
    expect_equal(stored.output(), run_scalar(one));
    if (HasFailure()) return;
  }
  EXPECT_GT(layers, 200);
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace dyad::accel_models::tiled
