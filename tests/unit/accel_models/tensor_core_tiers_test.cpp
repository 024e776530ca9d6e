// GPUs: the closed form against the simulation. Equal without a limit on bandwidth, close with one (docs/accel_models/tensor_core.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/tensor_core/analytic.hpp"
#include "dyad/accel_models/tensor_core/cycle.hpp"
#include "dyad/accel_models/tensor_core/followed.hpp"
#include "dyad/base/random.hpp"
#include "support/layers.hpp"

namespace dyad::accel_models::tensor_core {
namespace {

/// A GPU whose numbers have nothing to do with each other.
Gpu random_gpu(Random& random) {
  Gpu gpu;
  gpu.sms = random.between(1, 9);
  gpu.sub_cores = random.coin() ? 4 : random.between(1, 6);
  gpu.alu_lanes = random.between(1, 128);
  gpu.shared_bytes = random.between(4096, 65536);
  gpu.shared_bytes_per_cycle = 0.5 + 200 * random.uniform();
  gpu.max_ctas = random.between(1, 8);
  gpu.max_warps = random.between(8, 32);
  gpu.l2_port_bytes_per_cycle = 0.5 + 100 * random.uniform();
  gpu.l2_bytes = random.between(1, 1 << 16);
  gpu.l2_bytes_per_cycle = 1 + 500 * random.uniform();
  gpu.l2_latency_cycles = random.between(1, 300);
  for (const std::int64_t bits : {8, 4, 1}) {
    MmaInstruction x;
    x.bits = bits;
    x.path = gpu.sub_cores == 4 && random.coin() ? MmaPath::kWgmma : MmaPath::kMmaSync;
    x.m = x.path == MmaPath::kWgmma ? 64 : 8 * random.between(1, 2);
    x.n = 8;
    x.k = 128 * random.between(1, 2) / bits;
    x.interval_cycles = 0.5 + 10 * random.uniform();
    x.latency_cycles = 1 + 40 * random.uniform();
    if (random.coin()) x.alu_instructions = random.between(1, 20);
    x.ands_bits = random.coin();
    gpu.instructions.push_back(x);
  }
  for (int i = 0; i < 3; ++i)
    gpu.tiles.push_back({8 * random.between(1, 8), 8 * random.between(1, 8), 128 * random.between(1, 4), random.between(1, 4),
                         random.between(1, 4), random.between(1, 2), random.between(1, 2)});
  gpu.max_split_k = random.between(1, 8);
  gpu.thread_registers = random.between(16, 64);
  gpu.element_outputs = random.between(1, 500);
  gpu.element_warps = random.between(1, 8);
  for (const KernelParameter& each : kernel_parameters())
    gpu.kernel.*each.member = each.largest == 1 ? 0.05 + 0.95 * random.uniform() : 200 * random.uniform();
  if (random.coin()) gpu.kernel.l2_warm = random.coin() ? 1 : 0;
  return gpu;
}

LayerShape random_layer(Random& random) {
  const int groups = random.coin() ? 1 : static_cast<int>(random.between(1, 12));
  LayerShape layer = testing_support::conv("random", groups * random.between(1, 40), groups * random.between(1, 40), random.between(1, 24),
                                           static_cast<int>(random.between(0, 1)) * 2 + 1, static_cast<int>(random.between(1, 2)), groups);
  const std::int64_t kind = random.between(0, 9);
  if (kind == 0) layer.kind = LayerKind::kMaxPool;
  if (kind == 1) layer.kind = LayerKind::kRescale;
  if (kind == 2) {
    layer.kind = LayerKind::kAdd;
    layer.out_channels = layer.in_channels;
  }
  layer.adds_residual = layer.is_weighted() && random.coin();
  return layer;
}

OperandBits random_bits(Random& random) {
  return {static_cast<int>(random.between(1, 8)), static_cast<int>(random.between(1, 8)), static_cast<int>(random.between(1, 16))};
}

// Every candidate, not only the cheapest.
TEST(TensorCoreTiers, AreEqualOnRandomGpusWithoutALimitOnBandwidth) {
  constexpr std::uint64_t kSeed = 20261120;
  Random random(kSeed);
  int compared = 0, sliced = 0, planes = 0, streamed = 0, groups_of_warps = 0;
  for (int i = 0; i < 1000; ++i) {
    const Gpu gpu = random_gpu(random);
    hwsim::DramTiming dram;
    dram.latency = random.between(1, 300);
    dram.burst_bits = 256;
    dram.request_bits = 256 * random.between(1, 32);
    const MemoryTiming memory = memory_timing(gpu, dram);
    const Problem problem = make_problem(random_layer(random), random_bits(random), random.between(1, 3));
    const auto compare = [&](const LayerPlan& plan) {
      const CycleResult simulated = simulate(plan, memory);
      ASSERT_EQ(plan_cycles(plan, memory), simulated.cycles) << "seed " << kSeed << ", case " << i << ": " << describe(plan, gpu);
      ASSERT_EQ(plan.work.l2_bits, simulated.l2_bits) << i;
      ASSERT_EQ(plan.work.dram_read_bits, simulated.dram_read_bits) << i;
      ASSERT_EQ(plan.work.dram_write_bits, simulated.dram_write_bits) << i;
      ++compared;
      sliced += plan.slices > 1;
      planes += plan.planes > 1;
      streamed += plan.kernel[0].stores_steps && plan.kernel[0].steps > 1;
      groups_of_warps += plan.instruction >= 0 && gpu.instructions[static_cast<std::size_t>(plan.instruction)].path == MmaPath::kWgmma;
    };
    if (problem.weighted)
      for (int instruction = 0; instruction < 3; ++instruction)
        for (int tile = 0; tile < 3; ++tile)
          if (const auto plan = matrix_plan(problem, gpu, memory, tile, instruction, random.between(1, gpu.max_split_k))) compare(*plan);
    if (!problem.weighted || problem.direct) compare(element_plan(problem, gpu, memory));
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(compared, 1000);
  for (const int each : {sliced, planes, streamed, groups_of_warps}) EXPECT_GT(each, 50);
}

/// Kernels of random cards and layers whose SMs fall out of step, followed and simulated.
template <typename Compare>
int compare_out_of_step(std::uint64_t seed, bool dram_is_limited, const Compare& compare) {
  Random random(seed);
  int compared = 0;
  for (int i = 0; i < 600; ++i) {
    const Gpu gpu = random_gpu(random);
    hwsim::DramTiming dram;
    dram.latency = random.between(1, 200);
    dram.burst_bits = 256;
    dram.request_bits = 2048;
    dram.bits_per_kilocycle = 64000;
    MemoryTiming memory = memory_timing(gpu, dram);
    if (!dram_is_limited) memory.dram.bits_per_kilocycle = 0;
    const Problem problem = make_problem(random_layer(random), random_bits(random), random.between(1, 3));
    const auto follow_one = [&](const LayerPlan& plan) {
      if (plan.kernels != 1 || !falls_out_of_step(plan.kernel[0])) return;
      ++compared;
      compare(follow(plan.kernel[0], memory), simulate(plan, memory).cycles,
              "seed " + std::to_string(seed) + ", case " + std::to_string(i));
    };
    if (problem.weighted)
      for (int tile = 0; tile < 3; ++tile)
        if (const auto plan = matrix_plan(problem, gpu, memory, tile, 0, 1)) follow_one(*plan);
    if (!problem.weighted || problem.direct) follow_one(element_plan(problem, gpu, memory));
  }
  return compared;
}

// Without a limit of the DRAM's it does not matter how its bursts are dealt to SMs.
TEST(TensorCoreTiers, FollowedKernelsEqualTheCycleTierWhereOnlyL2IsShared) {
  const int compared = compare_out_of_step(20261138, false, [](std::int64_t followed, std::int64_t simulated, const std::string& place) {
    ASSERT_EQ(followed, simulated) << place;
  });
  EXPECT_GT(compared, 100);
}

TEST(TensorCoreTiers, FollowedKernelsAreCloseWhereDramIsSharedToo) {
  double worst = 0, sum = 0;
  const int compared = compare_out_of_step(20261139, true, [&](std::int64_t followed, std::int64_t simulated, const std::string& place) {
    const double error = std::abs(static_cast<double>(followed - simulated)) / static_cast<double>(simulated);
    EXPECT_LE(error, 0.03) << place;
    worst = std::max(worst, error);
    sum += error;
  });
  EXPECT_GT(compared, 100);
  EXPECT_LE(sum / compared, 0.002);
  RecordProperty("worst_percent", std::to_string(100 * worst));
}

struct Errors {
  double worst = 0, sum = 0;
  std::string worst_layer;
  int count = 0;
};

Errors compare(const Accelerator& accelerator, const hwsim::DramTiming& dram) {
  const Gpu& gpu = std::get<Gpu>(accelerator.core);
  const MemoryTiming memory = memory_timing(gpu, dram);
  Errors errors;
  for (LayerShape layer : testing_support::sample_layers())
    for (const auto& [w, a] : {std::pair{8, 8}, {4, 4}, {3, 5}, {2, 2}, {1, 2}})
      for (const bool residual : {false, true}) {
        if (residual && !layer.is_weighted()) continue;
        layer.adds_residual = residual;
        const auto found = estimate(layer, {w, a, residual ? 16 : a}, accelerator.batch, gpu, dram);
        EXPECT_TRUE(found) << layer.name;
        const auto simulated = static_cast<double>(simulate(found->plan, memory).cycles);
        const double error = std::abs(static_cast<double>(found->cycles) - simulated) / simulated;
        errors.sum += error;
        ++errors.count;
        if (error <= errors.worst) continue;
        errors.worst = error;
        errors.worst_layer = layer.name + " W" + std::to_string(w) + "A" + std::to_string(a) + ": " + describe(found->plan, gpu);
      }
  return errors;
}

class Named : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(TensorCoreTiers, Named, testing::Values("t4", "t4-hawq", "a100", "h100", "h200"), [](const auto& instance) {
  std::string name = instance.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST_P(Named, AreEqualWithoutALimitOnBandwidth) {
  const auto accelerator = load_accelerator(GetParam());
  ASSERT_TRUE(accelerator);
  const Errors errors = compare(*accelerator, accelerator->dram.unlimited());
  EXPECT_EQ(errors.worst, 0) << errors.worst_layer;
  EXPECT_GT(errors.count, 250);
}

TEST_P(Named, DifferByAtMostTwoPercentWithIdealMemory) {
  const auto accelerator = load_accelerator(GetParam());
  const Errors errors = compare(*accelerator, accelerator->dram.ideal());
  EXPECT_LE(errors.worst, 0.02) << errors.worst_layer;
  EXPECT_LE(errors.sum / errors.count, 0.005);
  RecordProperty("worst_percent", std::to_string(100 * errors.worst));
}

}  // namespace
}  // namespace dyad::accel_models::tensor_core
