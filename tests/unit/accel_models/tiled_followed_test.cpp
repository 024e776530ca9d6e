// The list of events against the cycle tier: equal whatever the machine, layer, order and memory; and what is followed of a long layer.
#include <gtest/gtest.h>

#include <cmath>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"
#include "dyad/accel_models/tiled/followed.hpp"
#include "dyad/base/random.hpp"
#include "support/layers.hpp"
#include "support/random_tiled.hpp"

namespace dyad::accel_models::tiled {
namespace {

using testing_support::conv;

/// One job: a tile of each operand, one request each, and one request of results.
Schedule one_job() {
  Schedule s;
  s.job_cycles = 20;
  s.drain_cycles = 5;
  s.resident_words = s.stream_words = 2;
  s.resident_pass_bits = 640;
  s.stream_pass_bits = 1280;
  s.resident_request_bits = s.stream_request_bits = 2048;
  s.output_bits = 256;
  return s;
}

hwsim::DramTiming memory_of_64_bits_a_cycle() {
  hwsim::DramTiming dram;
  dram.bits_per_kilocycle = 64000;
  dram.latency = 30;
  dram.burst_bits = 64;
  dram.request_bits = 2048;
  return dram;
}

TEST(FollowedLayer, OfOneJobTakesWhatOneWorksOutByHand) {
  Machine machine;
  machine.pipeline_cycles = 3;
  // Requests of cycle 0 are on the bus from 1 on, the stream's 20 cycles before the other's 10: the last bit is there at 1 + 30 + 29 = 60,
  // seen at 61. Handover at 81, drained at 86, in the buffer at 89, on the bus from 90 to 94, acknowledged at 94 + 29.
  EXPECT_EQ(follow(one_job(), machine, memory_of_64_bits_a_cycle()), 123);
  EXPECT_EQ(simulate(one_job(), machine, memory_of_64_bits_a_cycle()).cycles, 123);
}

TEST(FollowedLayer, HasAnEventForEachTileJobDrainAndRequest) {
  // Two tiles, two events of a job, and (640 + 1280 + 256) / 2048 = 1 whole request.
  EXPECT_EQ(events(one_job(), memory_of_64_bits_a_cycle()), 5);
}

hwsim::DramTiming random_memory(Random& random) {
  hwsim::DramTiming dram;
  dram.bits_per_kilocycle = 1000 * random.between(1, 200) + random.between(0, 999);
  dram.latency = random.between(1, 60);
  dram.burst_bits = 64;
  dram.request_bits = 64 * random.between(1, 32);
  if (random.coin()) {
    dram.refresh_interval = random.between(200, 3000);
    dram.refresh_cycles = random.between(1, 100);
  }
  if (random.coin()) {
    dram.row_bits = 64 * random.between(4, 64);
    dram.row_miss_cycles = random.between(1, 40);
    if (random.coin()) {
      dram.banks = 4 * random.between(1, 4);
      dram.row_cycle_cycles = random.between(1, 60);
    }
  }
  if (random.coin()) {
    dram.channels = random.between(2, 6);
    dram.interleave_bits = 64;
  }
  return dram;
}

TEST(FollowedLayer, EqualsTheCycleTierOnRandomMachinesLayersAndMemories) {
  constexpr std::uint64_t kSeed = 20261138;
  Random random(kSeed);
  int compared = 0;
  for (int i = 0; i < 600; ++i) {
    Machine machine = testing_support::random_tiled_machine(random, kAllOperands[random.below(std::size(kAllOperands))]);
    machine.output_buffer_bits = random.between(64, 8192);
    const hwsim::DramTiming dram = random_memory(random);
    const int groups = random.coin() ? 1 : static_cast<int>(random.between(1, 6));
    LayerShape layer = conv("random", groups * random.between(1, 9), groups * random.between(1, 9), random.between(1, 10),
                            static_cast<int>(random.between(0, 1)) * 2 + 1, static_cast<int>(random.between(1, 2)), groups);
    const OperandBits bits{static_cast<int>(random.between(1, 8)), static_cast<int>(random.between(1, 8)),
                           static_cast<int>(random.between(1, 16))};
    const Problem problem = make_problem(layer, bits, random.between(1, 3), machine);
    for (const Order order : {Order::kActivationsResident, Order::kWeightsResident, Order::kStreamed}) {
      const auto schedule = make_schedule(problem, machine, dram, order);
      if (!schedule) continue;
      ASSERT_EQ(follow(*schedule, machine, dram), simulate(*schedule, machine, dram).cycles)
          << "seed " << kSeed << ", case " << i << ", order " << static_cast<int>(order);
      ++compared;
    }
  }
  EXPECT_GT(compared, 800);
}

struct Followed {
  Machine machine;
  hwsim::DramTiming dram;
  Schedule schedule;
};

/// A layer on the accelerator with ideal memory, in that order of loops.
Followed run_on(const char* accelerator, const LayerShape& layer, Order order) {
  const Accelerator found = *load_accelerator(accelerator);
  Followed f{std::get<Machine>(found.core), found.dram.ideal(), {}};
  f.schedule = *make_schedule(make_problem(layer, {8, 8, 8}, found.batch, f.machine), f.machine, f.dram, order);
  return f;
}

TEST(FollowedLayer, GoesOnAsItsFirstTurnsDid) {
  for (const auto& [layer, order, loop] : {std::tuple{conv("streamed", 512, 512, 14, 3, 1), Order::kStreamed, &Schedule::blocks},
                                           {conv("depthwise", 128, 128, 28, 3, 1, 128), Order::kWeightsResident, &Schedule::groups},
                                           {conv("one block", 64, 16, 35, 1, 1), Order::kWeightsResident, &Schedule::rows}}) {
    const Followed f = run_on("bitfusion-eyeriss", layer, order);
    ASSERT_GT(f.schedule.*loop, 100) << layer.name;
    const std::int64_t all = events(f.schedule, f.dram);
    const auto first = follow_first(f.schedule, f.machine, f.dram, std::min<std::int64_t>(all / 4, 8000));
    ASSERT_TRUE(first.has_value()) << layer.name;
    const auto whole = static_cast<double>(follow(f.schedule, f.machine, f.dram));
    EXPECT_NEAR(static_cast<double>(*first) / whole, 1, 0.01) << layer.name << ", " << all << " events";
  }
}

TEST(FollowedLayer, HasNoFirstTurnsThatAreFewerThanAll) {
  const Followed f = run_on("bitfusion-eyeriss", conv("streamed", 512, 512, 14, 3, 1), Order::kStreamed);
  EXPECT_FALSE(follow_first(f.schedule, f.machine, f.dram, 2 * events(f.schedule, f.dram)).has_value());
  EXPECT_FALSE(follow_first(f.schedule, f.machine, f.dram, 1).has_value());
}

TEST(FollowedLayer, KeepsTheClosedFormWhereTheBusIsIdleAndExactCyclesWhereItIsNot) {
  const Followed idle = run_on("mma-8x8", conv("computes", 128, 128, 28, 3, 1), Order::kWeightsResident);
  EXPECT_EQ(with_bus_followed(idle.schedule, idle.machine, idle.dram, 12345), 12345);
  const Followed small = run_on("bismo-edge", conv("short", 16, 16, 4, 3, 1), Order::kActivationsResident);
  ASSERT_LT(events(small.schedule, small.dram), 300);
  EXPECT_EQ(with_bus_followed(small.schedule, small.machine, small.dram, 12345),
            simulate(small.schedule, small.machine, small.dram).cycles);
}

}  // namespace
}  // namespace dyad::accel_models::tiled
