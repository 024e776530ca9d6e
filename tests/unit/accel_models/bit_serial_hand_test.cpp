// Tiny layers whose cycles and energies are worked out by hand, on both tiers.
#include <gtest/gtest.h>

#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"

namespace dyad::accel_models::tiled {
namespace {

// 2 x 2 units of 8 bits.
Machine tiny_machine() {
  Machine machine;
  machine.rows = machine.columns = 2;
  machine.depth = 8;
  machine.activation_entries = machine.weight_entries = 64;
  machine.pipeline_cycles = 3;
  machine.requantizer_lanes = 4;
  machine.output_port_bits = 32;
  return machine;
}

hwsim::DramTiming unlimited(std::int64_t latency) {
  hwsim::DramTiming dram;
  dram.latency = latency;
  dram.burst_bits = 8;
  dram.request_bits = 64;
  return dram;
}

LayerShape product(std::int64_t m, std::int64_t n, std::int64_t k) {
  LayerShape layer;
  layer.name = "product";
  layer.in_h = layer.out_h = m;
  layer.in_channels = k;
  layer.out_channels = n;
  return layer;
}

std::int64_t cycles_of(const LayerShape& layer, OperandBits bits, const Machine& machine, const hwsim::DramTiming& dram, Order order) {
  const auto schedule = make_schedule(make_problem(layer, bits, 1, machine), machine, dram, order);
  EXPECT_TRUE(schedule.has_value());
  const std::int64_t simulated = simulate(*schedule, machine, dram).cycles;
  if (dram.bits_per_kilocycle == 0) {
    EXPECT_EQ(schedule_cycles(*schedule, machine, dram), simulated);
  }
  return simulated;
}

TEST(BitSerialByHand, OneTile) {
  // W2A3, one word of K. Activations: 2 rows * 3 bits = 6 words, first at 10, complete at 16; weights: 2 * 2 = 4 words, complete at 14.
  // Seen at 17. The job takes 2 * 3 = 6 cycles: 23. Drain 1 (4 results on 4 lanes, 32 bits on a 32-bit port): 24. Pipeline 3: 27.
  // The write is acknowledged 10 cycles later: 37.
  EXPECT_EQ(cycles_of(product(2, 2, 8), {2, 3, 8}, tiny_machine(), unlimited(10), Order::kActivationsResident), 37);
  EXPECT_EQ(cycles_of(product(2, 2, 8), {2, 3, 8}, tiny_machine(), unlimited(10), Order::kWeightsResident), 37);
}

TEST(BitSerialByHand, SecondTileIsFetchedWhileTheFirstRuns) {
  // Activation tiles complete at 16 and 22, seen at 17 and 23; jobs 17-23 and 23-29; + 1 + 3 + 10.
  EXPECT_EQ(cycles_of(product(4, 2, 8), {2, 3, 8}, tiny_machine(), unlimited(10), Order::kActivationsResident), 43);
  // One more row of the matrix is one more tile.
  EXPECT_EQ(cycles_of(product(5, 2, 8), {2, 3, 8}, tiny_machine(), unlimited(10), Order::kActivationsResident), 49);
}

TEST(BitSerialByHand, SingleSlotPaysTheLatencyForEveryTile) {
  Machine machine = tiny_machine();
  machine.weight_entries = 2;  // room for one weight tile of 2 bits
  // Activations resident, weights streamed through one slot, two output tiles. Weights complete at 14, job 17-23 as above; the slot
  // is free at 24, first word at 34, complete at 38, seen at 39; job 39-45; + 1 + 3 + 10.
  EXPECT_EQ(cycles_of(product(2, 4, 8), {2, 3, 8}, machine, unlimited(10), Order::kActivationsResident), 59);
}

TEST(BitSerialByHand, ResultsThatTakeLongerThanJobsSetThePace) {
  Machine machine = tiny_machine();
  machine.requantizer_lanes = 1;  // drain 4
  // W1A1: activations 2 words each, tiles complete at 12, 14, 16; weights at 12. Jobs of 1 cycle: first 13-14. Its results leave 14-18;
  // the second job has waited since 16 and gives its own away at 18, the third at 22, drained at 26; + 3 + 10.
  EXPECT_EQ(cycles_of(product(6, 2, 8), {1, 1, 1}, machine, unlimited(10), Order::kActivationsResident), 39);
}

TEST(BitSerialByHand, BandwidthIsShared) {
  hwsim::DramTiming dram = unlimited(10);
  dram.bits_per_kilocycle = 8000;
  // Weights: 2 * 8 * 2 = 32 bits, bus 1-5. Activations: 2 * 8 * 3 = 48 bits, bus 5-11, complete at 20 (9 after the bus), seen at 21.
  // Job 21-27, drain 28, in the buffer at 31. 4 results of 8 bits: bus 32-36, acknowledged at 45.
  EXPECT_EQ(cycles_of(product(2, 2, 8), {2, 3, 8}, tiny_machine(), dram, Order::kActivationsResident), 45);
}

TEST(BitSerialByHand, LongSumsAreCutIntoChunks) {
  Machine machine = tiny_machine();
  machine.activation_entries = machine.weight_entries = 8;
  // K = 48 is 6 words. At W1A1 a tile of 6 words fits once, not twice: chunks of 4, evened to 2 chunks of 3 words.
  const Problem problem = make_problem(product(2, 2, 48), {1, 1, 8}, 1, machine);
  const auto schedule = make_schedule(problem, machine, unlimited(10), Order::kStreamed);
  ASSERT_TRUE(schedule.has_value());
  EXPECT_EQ(schedule->jobs_per_result, 2);
  EXPECT_EQ(schedule->job_cycles, 3);
  EXPECT_EQ(schedule->results(), 1);
  // Tiles of 2 * 3 = 6 words: complete at 16 and 22, seen at 17 and 23. Jobs 17-20, 23-26; + 1 + 3 + 10.
  EXPECT_EQ(cycles_of(product(2, 2, 48), {1, 1, 8}, machine, unlimited(10), Order::kStreamed), 40);
}

TEST(BitSerialByHand, NarrowGroupsArePackedSideBySide) {
  Machine machine = tiny_machine();
  machine.columns = 4;
  machine.depth = 32;
  LayerShape layer;  // depthwise 3 x 3 on 4 x 4, 8 channels: 9 products a group, 3 groups fit 32 bits
  layer.name = "depthwise";
  layer.in_h = layer.in_w = layer.out_h = layer.out_w = 4;
  layer.in_channels = layer.out_channels = layer.groups = 8;
  layer.window.kernel_h = layer.window.kernel_w = 3;
  layer.window.pad_top = layer.window.pad_left = layer.window.pad_bottom = layer.window.pad_right = 1;
  const Problem problem = make_problem(layer, {2, 2, 2}, 1, machine);
  EXPECT_EQ(problem.groups, 3);  // 3 + 3 + 2 channels
  EXPECT_EQ(problem.n, 3);
  EXPECT_EQ(problem.k, 27);
  EXPECT_EQ(problem.operations, 16 * 8 * 9 * 4);
}

TEST(BitSerialByHand, ElementwiseTilesTakeWholeTurnsOfTheLanes) {
  Machine machine = tiny_machine();
  machine.requantizer_lanes = 2;
  LayerShape addition = product(3, 2, 2);
  addition.kind = LayerKind::kAdd;
  // 6 sums of 8 bits in two tiles of 3: two turns of 2 lanes, the second with one idle lane, 2 operands each: 4 cycles, and
  // 4 * 2 operands in 8 words. Tiles complete at 18 and 26, seen at 19 and 27. Second job 27-31; drain of 4 results on 2 lanes 33; + 3
  // + 10.
  EXPECT_EQ(cycles_of(addition, {8, 8, 8}, machine, unlimited(10), Order::kElementwise), 46);
  // Room for 12 words is one tile: its slot is free at 23, seen at 24; first word at 34, complete at 42, seen at 43; 43-47, 49; + 3 + 10.
  machine.activation_entries = 6;
  EXPECT_EQ(cycles_of(addition, {8, 8, 8}, machine, unlimited(10), Order::kElementwise), 62);
  // A 3 x 1 maximum of stride 1: windows overlap, so elements come as they are. Half of 10 inputs a tile: 5 words. 2 turns of 3.
  LayerShape pool = product(5, 2, 2);
  pool.kind = LayerKind::kMaxPool;
  pool.window.kernel_h = 3;
  pool.out_h = 3;
  machine.activation_entries = 64;
  // Tiles complete at 15 and 20. Jobs 16-22 and, seen at 21, 22-28; drain 30; + 3 + 10.
  EXPECT_EQ(cycles_of(pool, {8, 8, 8}, machine, unlimited(10), Order::kElementwise), 43);
}

TEST(BitSerialByHand, CountsAccesses) {
  const Machine machine = tiny_machine();
  const auto found = estimate(product(2, 2, 8), {2, 3, 8}, 1, machine, unlimited(10));
  ASSERT_TRUE(found.has_value());
  const Counts& counts = found->counts;
  EXPECT_EQ(counts.binary_operations, 2 * 2 * 8 * 6);
  EXPECT_EQ(counts.requantized, 4);
  EXPECT_EQ(counts.sram_write_bits, (6 + 4) * 8);
  EXPECT_EQ(counts.sram_read_bits, 6 * (2 + 2) * 8);  // both memories, every cycle of the job
  EXPECT_EQ(counts.dram_read_bits, 48 + 32);
  EXPECT_EQ(counts.dram_write_bits, 4 * 8);
  EXPECT_EQ(counts.compute_cycles, 6);
  EXPECT_EQ(counts.stall_cycles, 37 - 6);
}

TEST(BitSerialByHand, TracesWhatTheStagesDid) {
  const Machine machine = tiny_machine();
  const auto schedule =
      make_schedule(make_problem(product(2, 2, 8), {2, 3, 8}, 1, machine), machine, unlimited(10), Order::kActivationsResident);
  hwsim::Trace trace;
  simulate(*schedule, machine, unlimited(10), &trace);
  const std::string text = trace.to_json();
  EXPECT_NE(text.find("\"ts\":17,\"dur\":6,\"name\":\"job\""), std::string::npos) << text;
  EXPECT_NE(text.find("fetch_weights"), std::string::npos);
  EXPECT_EQ(trace.origin(), 37);
}

}  // namespace
}  // namespace dyad::accel_models::tiled
