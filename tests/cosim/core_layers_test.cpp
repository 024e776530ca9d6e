// Every core inside the SystemC memory system: the integers of the scalar backend, and the cycles of the cycle tier to the last one.
#include <gtest/gtest.h>

#include "dyad/accel_models/tiled/cycle.hpp"
#include "dyad/accel_models/tiled/rtl.hpp"
#include "support/random_tiled.hpp"
#include "support/scalar_tiled.hpp"

namespace dyad::accel_models::tiled {
namespace {

using testing_support::TiledCase;
constexpr std::uint64_t kSeed = 20261120;

/// A build of a core and its operands.
struct Build {
  const char* name;
  Operands operands;
};

class CoreLayers : public ::testing::TestWithParam<Build> {};
INSTANTIATE_TEST_SUITE_P(Cores, CoreLayers,
                         ::testing::Values(Build{"bit_serial_core_4x4x64", Operands::kBitPlanes},
                                           Build{"mma_core_4x4x64", Operands::kElements}, Build{"apot_core_4x4x64", Operands::kCodes},
                                           Build{"systolic_core_8x4", Operands::kColumns}, Build{"fusion_core_4x2", Operands::kBricks}),
                         [](const auto& each) { return std::string(each.param.name); });

/// The core's machine with random memories, drain and buffer.
Machine random_machine(Random& random, const cosim::CoreShape& shape, Operands operands) {
  Machine machine;
  machine.operands = operands;
  machine.rows = shape.rows;
  machine.columns = shape.columns;
  machine.depth = operands == Operands::kColumns ? shape.activation_word_bits / shape.rows : shape.activation_word_bits;
  machine.activation_entries = random.between(2, shape.activation_entries);
  machine.weight_entries = random.between(2, shape.weight_entries);
  machine.pipeline_cycles = random.between(shape.output_latency, shape.output_latency + 8);
  machine.requantizer_lanes = shape.lanes;
  machine.output_port_bits = random.between(8, 256);
  machine.output_buffer_bits = random.between(256, 8192);
  machine.queue_depth = random.between(1, kMaxQueueDepth);
  return machine;
}

/// What the runs of a test covered; printed, and held to lower limits so that a refusal can't empty the test.
struct Coverage {
  int runs = 0, chunked = 0, additions = 0, zero_points = 0, grouped = 0;
  std::int64_t cycles = 0;
};

/// One layer in one order through the cycle tier with data and through the core: the same integers in the same number of cycles.
void compare(cosim::CoreSimulation& core, const TiledCase& one, const Machine& machine, const hwsim::DramTiming& dram, Order order,
             Coverage& coverage) {
  const LayerOperands operands = one.operands();
  const OperandBits bits = operand_bits(operands);
  if (operands.layer->op == IntegerOp::kConv && std::max(bits.weight, bits.activation) > machine.largest_bits()) return;
  const Problem problem = make_problem(cost_shape(operands), bits, operands.batch(), machine);
  const auto schedule = make_schedule(problem, machine, dram, order);
  if (!schedule) return;
  auto expected = LayerData::make(operands, problem, *schedule, machine), actual = LayerData::make(operands, problem, *schedule, machine);
  ASSERT_TRUE(expected && actual);
  const auto rtl = run_on_core(core, *actual, machine, dram);
  if (!rtl) return;  // refused by name: a rounding of another build, operands that the core does not have
  const CycleResult tier = simulate(*schedule, machine, dram, nullptr, &*expected);
  ASSERT_EQ(rtl->cycles, tier.cycles);
  ASSERT_EQ(rtl->dram_read_bits, tier.dram_read_bits);
  ASSERT_EQ(rtl->dram_write_bits, tier.dram_write_bits);
  const IntegerTensor scalar = testing_support::run_scalar(one);
  ASSERT_EQ(scalar.shape(), actual->output().shape());
  for (std::int64_t e = 0; e < scalar.size(); ++e) {
    ASSERT_EQ(actual->output().get(e), scalar.get(e)) << "element " << e << " of " << scalar.size();
    ASSERT_EQ(expected->output().get(e), scalar.get(e)) << "the cycle tier's element " << e << " of " << scalar.size();
  }
  ++coverage.runs;
  coverage.cycles += rtl->cycles;
  coverage.chunked += schedule->jobs_per_result > 1;
  coverage.additions += one.adds || one.layer.op == IntegerOp::kAdd;
  coverage.zero_points += !one.layer.weight_zero_points.empty();
  coverage.grouped += one.layer.shape.groups > 1;
}

hwsim::DramTiming random_timing(Random& random) {
  hwsim::DramTiming dram = testing_support::random_dram(random);
  dram.latency = std::max<std::int64_t>(2, dram.latency);
  return dram;
}

// Bits 1 to 8 (activations to 16), signs, zero points, groups, residual additions, partial sums, memories, drains and external memories
// of all kinds.
TEST_P(CoreLayers, RandomLayersEqualTheCycleTier) {
  const auto core = cosim::make_core(GetParam().name);
  Coverage coverage;
  for (std::uint64_t i = 0; i < 2000 || (coverage.runs < 1000 && i < 4000); ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", layer " + std::to_string(i));
    Random random(kSeed, i);
    TiledCase one = testing_support::random_weighted(random, true);
    const Machine machine = random_machine(random, core->shape(), GetParam().operands);
    testing_support::round_weights(one, machine, one.layer.weight_bits.bits);
    const hwsim::DramTiming dram = random_timing(random);
    for (const Order order : {Order::kActivationsResident, Order::kWeightsResident, Order::kStreamed})
      ASSERT_NO_FATAL_FAILURE(compare(*core, one, machine, dram, order, coverage));
  }
  std::printf("%d runs, %lld cycles; %d in chunks, %d with an addition, %d with weight zero points, %d with groups\n", coverage.runs,
              static_cast<long long>(coverage.cycles), coverage.chunked, coverage.additions, coverage.zero_points, coverage.grouped);
  RecordProperty("equal_runs", coverage.runs);
  EXPECT_GE(coverage.runs, 1000);
  EXPECT_GE(coverage.chunked, 30);
  EXPECT_GE(coverage.additions, 100);
  EXPECT_GE(coverage.zero_points, 100);
  EXPECT_GE(coverage.grouped, 100);
}

TEST_P(CoreLayers, ElementwiseLayersEqualTheCycleTier) {
  const auto core = cosim::make_core(GetParam().name);
  Coverage coverage;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed + 1) + ", layer " + std::to_string(i));
    Random random(kSeed + 1, i);
    const TiledCase one = testing_support::random_elementwise(random, true);
    Machine machine = random_machine(random, core->shape(), GetParam().operands);
    machine.activation_entries = core->shape().activation_entries;
    ASSERT_NO_FATAL_FAILURE(compare(*core, one, machine, random_timing(random), Order::kElementwise, coverage));
  }
  std::printf("%d runs, %lld cycles; %d additions\n", coverage.runs, static_cast<long long>(coverage.cycles), coverage.additions);
  RecordProperty("equal_runs", coverage.runs);
  EXPECT_GE(coverage.runs, 100);
  EXPECT_GE(coverage.additions, 30);
}

}  // namespace
}  // namespace dyad::accel_models::tiled
