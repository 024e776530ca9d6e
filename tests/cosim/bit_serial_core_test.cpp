// bit_serial_core inside the SystemC memory system: the integers of the scalar backend, and the cycles of the cycle tier to the last one.
#include <gtest/gtest.h>

#include "dyad/accel_models/bit_serial/cycle.hpp"
#include "dyad/accel_models/bit_serial/rtl.hpp"
#include "dyad/kernels/backends.hpp"
#include "support/random_bit_serial.hpp"

namespace dyad::accel_models::bit_serial {
namespace {

using testing_support::BitSerialCase;
constexpr std::uint64_t kSeed = 20261120;

/// The core's machine with random memories, drain and buffer.
Machine random_machine(Random& random, const cosim::CoreShape& shape) {
  Machine machine;
  machine.rows = shape.rows;
  machine.columns = shape.columns;
  machine.depth = shape.activation_word_bits;
  machine.activation_entries = random.between(2, shape.activation_entries);
  machine.weight_entries = random.between(2, shape.weight_entries);
  machine.pipeline_cycles = random.between(shape.output_latency, shape.output_latency + 8);
  machine.requantizer_lanes = shape.lanes;
  machine.output_port_bits = random.between(8, 256);
  machine.output_buffer_bits = random.between(256, 8192);
  machine.queue_depth = random.between(1, kMaxQueueDepth);
  return machine;
}

struct Outcome {
  bool ran = false;
  std::int64_t cycles = 0;
};

TEST(BitSerialCore, RandomLayersEqualTheCycleTier) {
  const auto core = cosim::make_core("bit_serial_core_4x4x64");
  int runs = 0, chunked = 0, additions = 0;
  std::int64_t cycles = 0;
  for (std::uint64_t i = 0; i < 400; ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", layer " + std::to_string(i));
    Random random(kSeed, i);
    const BitSerialCase one = testing_support::random_weighted(random, true);
    const Machine machine = random_machine(random, core->shape());
    hwsim::DramTiming dram = testing_support::random_dram(random);
    dram.latency = std::max<std::int64_t>(2, dram.latency);
    const LayerOperands operands = one.operands();
    const Problem problem = make_problem(cost_shape(operands), operand_bits(operands), operands.batch(), machine);
    for (const Order order : {Order::kActivationsResident, Order::kWeightsResident, Order::kStreamed}) {
      const auto schedule = make_schedule(problem, machine, dram, order);
      if (!schedule) continue;
      auto expected = LayerData::make(operands, problem, *schedule, machine), actual = LayerData::make(operands, problem, *schedule, machine);
      ASSERT_TRUE(expected && actual);
      const CycleResult tier = simulate(*schedule, machine, dram, nullptr, &*expected);
      const auto rtl = run_on_core(*core, *actual, machine, dram);
      if (!rtl) continue;
      ASSERT_EQ(rtl->cycles, tier.cycles);
      ASSERT_EQ(rtl->dram_read_bits, tier.dram_read_bits);
      for (std::int64_t e = 0; e < (one.adds ? 0 : expected->output().size()); ++e)
        ASSERT_EQ(actual->output().get(e), expected->output().get(e)) << "element " << e << " of " << expected->output().size();
      ++runs;
      cycles += rtl->cycles;
      chunked += schedule->jobs_per_result > 1;
      additions += one.adds;
    }
  }
  std::printf("%d runs, %d of them in chunks, %d with an addition, %lld cycles\n", runs, chunked, additions, static_cast<long long>(cycles));
  EXPECT_GE(runs, 100);
}

}  // namespace
}  // namespace dyad::accel_models::bit_serial
