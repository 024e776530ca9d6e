// GPUs with tensor cores: cycles and energy worked out by hand, peak rates, choice of instructions, and what is said of bad files.
#include <gtest/gtest.h>

#include <cmath>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/tensor_core/analytic.hpp"
#include "dyad/accel_models/tensor_core/cycle.hpp"
#include "support/layers.hpp"
#include "support/tiny_gpu.hpp"

namespace dyad::accel_models::tensor_core {
namespace {

using testing_support::conv;
using testing_support::linear;
using testing_support::sourced;
using testing_support::tiny_gpu;

Result<Accelerator> parse(const Json& document) { return parse_accelerator(document.dump(), "tiny.json"); }

Accelerator named(const char* name) {
  auto loaded = load_accelerator(name);
  EXPECT_TRUE(loaded) << loaded.error().place << ": " << loaded.error().message;
  return *std::move(loaded);
}
const Gpu& gpu_of(const Accelerator& accelerator) { return std::get<Gpu>(accelerator.core); }

/// m x k by k x n as one convolution of m pixels.
LayerShape product(std::int64_t m, std::int64_t n, std::int64_t k) {
  LayerShape layer = conv("product", k, n, 1, 1, 1);
  layer.in_h = layer.out_h = m;
  return layer;
}

class ByHand : public testing::Test {
 protected:
  const Accelerator tiny_ = *parse(tiny_gpu());
  /// Cycles in both tiers, with no limit on bandwidth.
  std::int64_t cycles(const LayerShape& layer, OperandBits bits = {8, 8, 8}) const {
    const auto found = estimate(layer, bits, 1, gpu_of(tiny_), tiny_.dram.unlimited());
    EXPECT_TRUE(found);
    const auto memory = memory_timing(gpu_of(tiny_), tiny_.dram.unlimited());
    EXPECT_EQ(simulate(found->plan, memory).cycles, found->cycles);
    return found->cycles;
  }
};

// 16 x 16 outputs, K = 64 in 4 steps of 16. A step: one instruction of each of four warps, 4 cycles; shared memory 512 bytes written and
// 1024 read, 12 cycles; chain of 10; so 12 + 3 for the barrier. Data come 20 + 30 cycles after a request, two are on their way:
// ends at 65, 80, 65 + 50 + 15 = 130, 145. Outputs: 256 * 2 / 64 = 8. Launch 100, start 15, write 50: 318.
TEST_F(ByHand, OneCtaWaitsForItsLoads) { EXPECT_EQ(cycles(product(16, 16, 64)), 100 + 15 + 145 + 8 + 50); }

// Five CTAs on 2 SMs of 2: a step of two takes 24 cycles at shared memory, their outputs 16; ends at 74, 98, 148, 172. Then one alone.
TEST_F(ByHand, WavesFollowEachOther) { EXPECT_EQ(cycles(product(80, 16, 64)), 100 + (15 + 172 + 16) + (15 + 145 + 8) + 50); }

// Three CTAs: the SM with two of them is the last.
TEST_F(ByHand, LastWaveTakesAsLongAsItsFullestSm) { EXPECT_EQ(cycles(product(48, 16, 64)), 100 + (15 + 172 + 16) + 50); }

// The tensor that is added is asked for when the products are there; 4 instructions an output instead of 2.
TEST_F(ByHand, FusedAdditionReadsInTheEpilogue) {
  LayerShape layer = product(16, 16, 64);
  layer.adds_residual = true;
  EXPECT_EQ(cycles(layer), 100 + 15 + 145 + 50 + 16 + 50);
}

// 256 outputs in four CTAs of 64, two an SM: (2 * 9 + 2) * 64 / 64 = 20 cycles of the lanes each. As 16 products on the tensor cores: more.
TEST_F(ByHand, DepthwiseConvolutionRunsOnTheLanes) { EXPECT_EQ(cycles(conv("dw", 16, 16, 4, 3, 1, 16)), 100 + 15 + 50 + 40 + 50); }

// 576 outputs, 9 chunks on at most 2 SMs * 16 CTAs, five and four: 5 * (2 + 2) * 64 / 64 = 20 cycles; 5 * 128 bytes from L2 take 10.
TEST_F(ByHand, AdditionOfTwoTensors) {
  LayerShape layer = conv("add", 16, 16, 6, 1, 1);
  layer.kind = LayerKind::kAdd;
  EXPECT_EQ(cycles(layer), 100 + 15 + 50 + 20 + 50);
}

// W1A1: K = 256 in two steps of 128, both loaded at once: 65, 80.
TEST_F(ByHand, OneBitOperandsTakeOneBitInstructions) { EXPECT_EQ(cycles(product(16, 16, 256), {1, 1, 8}), 100 + 15 + 80 + 8 + 50); }

// W1A2: two planes. Two instructions a warp and step, 8 cycles; chain of 20; 2 shifts and additions of 256 outputs on the lanes, 8;
// shared memory 16 * (2 + 1) * 128 / 8 = 768 bytes written, 1536 read, 18 cycles; so 20 + 3. Ends at 73, 96. One CTA: three stages' worth
// of 768 bytes would not fit twice.
TEST_F(ByHand, TwoBitActivationsTakeTwoPlanes) {
  const LayerShape layer = product(16, 16, 256);
  EXPECT_EQ(cycles(layer, {1, 2, 8}), 100 + 15 + 96 + 8 + 50);
  EXPECT_EQ(estimate(layer, {1, 2, 8}, 1, gpu_of(tiny_), tiny_.dram)->plan.planes, 2);
}

// K = 64 in two slices of two steps: two CTAs on two SMs, ends at 65, 80, one instruction for each of 256 partial sums, 4 cycles, which
// stay in L2 (20). Then 4 CTAs of 64 outputs, two an SM: 64 bytes * 2 * 4 from L2, 8 cycles each; lanes 2 * (2 + 2) = 8.
TEST(SplitK, TakesASecondKernel) {
  Json document = tiny_gpu();
  const Accelerator tiny = *parse(document);
  const Problem problem = make_problem(product(16, 16, 64), {8, 8, 8}, 1);
  const MemoryTiming memory = memory_timing(gpu_of(tiny), tiny.dram.unlimited());
  const auto plan = matrix_plan(problem, gpu_of(tiny), memory, 0, 0, 2);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan_cycles(*plan, memory), (100 + 15 + 80 + 4 + 20) + (100 + 15 + 20 + 16 + 50));
  EXPECT_EQ(simulate(*plan, memory).cycles, plan_cycles(*plan, memory));
  // Three slices of two steps are two of two.
  EXPECT_FALSE(matrix_plan(problem, gpu_of(tiny), memory, 0, 0, 3));
}

// One CTA of 4 steps: 4 instructions of 1024 products a step; 256 outputs of 2 instructions; (512 + 1024) bytes of shared memory a step;
// 2048 bytes of operands and 256 of outputs through L2 and DRAM.
TEST_F(ByHand, Energy) {
  const auto model = make_cost_model(tiny_, Tier::kAnalytic);
  const auto cost = (*model)->cost(product(16, 16, 64), {8, 8, 8}, Activity{});
  ASSERT_TRUE(cost);
  EXPECT_DOUBLE_EQ(cost->energy_pj.at("array"), 4 * 4 * 1024 * 1.0 + 256 * 2 * 2.0);
  EXPECT_DOUBLE_EQ(cost->energy_pj.at("sram"), 4 * 1536 * 8 * 0.5 + (2048 + 256) * 8 * 0.25);
  EXPECT_DOUBLE_EQ(cost->energy_pj.at("dram"), (2048 + 256) * 8 * 10.0);
  // 3 W at 1 GHz are 3000 pJ a cycle.
  EXPECT_DOUBLE_EQ(cost->energy_pj.at("leakage"), 3000.0 * static_cast<double>(cost->cycles.value));
  EXPECT_EQ(cost->dram_read.value, 2048 * 8);
  EXPECT_EQ(cost->dram_write.value, 256 * 8);
  // 16384 products of 2 * 4 * 256 a cycle.
  EXPECT_DOUBLE_EQ(cost->utilization, 16384.0 / (2048.0 * static_cast<double>(cost->cycles.value)));
  EXPECT_EQ(cost->cycles.value, cost->compute_cycles.value + cost->stall_cycles.value);
}

TEST_F(ByHand, WarmCacheNeedsNoDram) {
  Json document = tiny_gpu();
  document["kernel"]["l2_warm"]["value"] = 1;
  CostOptions options;
  options.dram = DramMode::kUnlimited;
  const auto model = make_cost_model(*parse(document), Tier::kCycle, options);
  const auto cost = (*model)->cost(product(16, 16, 64), {8, 8, 8}, Activity{});
  EXPECT_EQ(cost->dram_read.value + cost->dram_write.value, 0);
  // Loads take 20 cycles: ends at 35, 50, 70, 85.
  EXPECT_EQ(cost->cycles.value, 100 + 15 + 85 + 8 + 20);
}

// Weights that do not fit into half of L2 are read again for every wave of pixels.
TEST_F(ByHand, OperandsThatLeaveTheCacheAreReadAgain) {
  Json document = tiny_gpu();
  document["gpu"]["l2_bytes"]["value"] = 2000;
  const Accelerator small = *parse(document);
  const auto read = [](const Accelerator& accelerator) {
    return estimate(product(256, 16, 256), {8, 8, 8}, 1, gpu_of(accelerator), accelerator.dram)->plan.work.dram_read_bits / 8;
  };
  EXPECT_EQ(read(tiny_), 256 * 256 + 16 * 256);
  // 16 tiles of pixels, 4 at a time: four passes of the 4096 bytes of weights; pixels once.
  EXPECT_EQ(read(small), 256 * 256 + 4 * 16 * 256);
}

struct Peak {
  const char* accelerator;
  std::int64_t bits;
  MmaPath path;
  double tops;
};

// Vendors' dense peaks (docs/accel_models/tensor_core.md).
TEST(NamedGpus, PeaksAreTheVendors) {
  for (const Peak& peak :
       {Peak{"t4", 8, MmaPath::kMmaSync, 130}, Peak{"t4", 4, MmaPath::kMmaSync, 260}, Peak{"a100", 8, MmaPath::kMmaSync, 624},
        Peak{"a100", 4, MmaPath::kMmaSync, 1248}, Peak{"a100", 1, MmaPath::kMmaSync, 4992}, Peak{"h100", 8, MmaPath::kWgmma, 1979},
        Peak{"h200", 8, MmaPath::kWgmma, 1979}}) {
    const Accelerator accelerator = named(peak.accelerator);
    int found = 0;
    for (const MmaInstruction& x : gpu_of(accelerator).instructions) {
      if (x.bits != peak.bits || x.path != peak.path) continue;
      ++found;
      EXPECT_NEAR(2e-6 * gpu_of(accelerator).peak_macs_per_cycle(x) * accelerator.clock_mhz.value, peak.tops, 0.005 * peak.tops)
          << peak.accelerator << " " << peak.bits;
      if (x.path == MmaPath::kMmaSync) {
        EXPECT_EQ(x.interval_cycles, peak.accelerator == std::string("a100") ? 8 : 4);
      }
    }
    EXPECT_EQ(found, 1) << peak.accelerator << " " << peak.bits;
  }
  for (const auto& [name, gb_per_s] : {std::pair{"t4", 320}, {"a100", 2039}, {"h100", 3350}, {"h200", 4800}})
    EXPECT_NEAR((*make_cost_model(name, Tier::kAnalytic))->ceilings().dram_bytes_per_s, gb_per_s * 1e9, 1e6 * gb_per_s);
}

// Kernels without losses reach at least 90 % of the peak of the instruction when everything is large ...
TEST(NamedGpus, LargeProductsApproachThePeak) {
  for (const auto& [name, bits] : {std::pair{"t4", 8}, {"t4", 4}, {"a100", 8}, {"a100", 4}, {"a100", 1}, {"h100", 8}, {"h200", 8}}) {
    const auto cost = (*make_cost_model(name, Tier::kAnalytic))->cost(product(16384, 16384, 16384), {bits, bits, 8}, Activity{});
    ASSERT_TRUE(cost) << name;
    EXPECT_GE(cost->utilization, 0.9) << name << " " << bits;
    EXPECT_LE(cost->utilization, 1.0) << name << " " << bits;
    EXPECT_EQ(cost->bottleneck, "compute") << name << " " << bits;
  }
}

// ... and a small one takes its launch and its latencies: no more than three times the launch, though it has hardly a product.
TEST(NamedGpus, SmallProductsTakeTheirLaunch) {
  for (const char* name : {"t4", "a100", "h100", "h200"}) {
    const Accelerator accelerator = named(name);
    const auto cost = (*make_cost_model(accelerator, Tier::kAnalytic))->cost(product(1, 8, 8), {8, 8, 8}, Activity{});
    const double launch = gpu_of(accelerator).kernel.launch_cycles;
    EXPECT_GT(static_cast<double>(cost->cycles.value), launch);
    EXPECT_LT(static_cast<double>(cost->cycles.value), 3.5 * launch);
    EXPECT_EQ(cost->bottleneck, "fill");
    EXPECT_LT(cost->utilization, 0.001);
  }
}

// Bits step through those of the instructions; planes of the 1-bit unit are taken where they are cheaper (A100: up to 3, at 4 and 8 times
// the rates of 4 and 8 bits), and never where there is only XOR.
TEST(NamedGpus, ChooseTheCheapestInstruction) {
  const LayerShape layer = product(8192, 8192, 8192);
  const auto plan = [&](const char* name, int w, int a) {
    const Accelerator accelerator = named(name);
    const LayerPlan found = estimate(layer, {w, a, 8}, 1, gpu_of(accelerator), accelerator.dram)->plan;
    return std::pair(gpu_of(accelerator).instructions[static_cast<std::size_t>(found.instruction)].bits, found.planes);
  };
  using Choice = std::pair<std::int64_t, int>;
  EXPECT_EQ(plan("a100", 1, 1), Choice(1, 1));
  EXPECT_EQ(plan("a100", 1, 2), Choice(1, 2));
  EXPECT_EQ(plan("a100", 2, 4), Choice(4, 1));
  EXPECT_EQ(plan("a100", 3, 5), Choice(8, 1));
  EXPECT_EQ(plan("t4", 1, 1), Choice(1, 1));
  EXPECT_EQ(plan("t4", 1, 2), Choice(4, 1));
  EXPECT_EQ(plan("t4", 5, 1), Choice(8, 1));
  // Unpacked nibbles run at the rate of mma.sync, 63 % of wgmma's 8 bits.
  EXPECT_EQ(plan("h100", 4, 4), Choice(8, 1));
  EXPECT_EQ(plan("h200", 1, 1), Choice(1, 1));
}

TEST(NamedGpus, FewerBitsCostNoMore) {
  for (const char* name : {"t4", "a100", "h100", "h200"}) {
    const auto model = make_cost_model(name, Tier::kAnalytic);
    for (const LayerShape& layer : testing_support::sample_layers()) {
      if (!layer.is_weighted()) continue;
      std::int64_t cycles[9][9] = {};
      for (int w = 1; w <= 8; ++w)
        for (int a = 1; a <= 8; ++a) {
          cycles[w][a] = (*model)->cost(layer, {w, a, 8}, Activity{})->cycles.value;
          EXPECT_GE(cycles[w][a], cycles[w - 1][a]) << name << " " << layer.name << " W" << w << "A" << a;
          EXPECT_GE(cycles[w][a], cycles[w][a - 1]) << name << " " << layer.name << " W" << w << "A" << a;
        }
    }
  }
}

TEST(NamedGpus, NoLayerIsFree) {
  for (const char* name : {"t4", "a100", "h100", "h200"}) {
    const Accelerator accelerator = named(name);
    for (const Tier tier : {Tier::kAnalytic, Tier::kCycle}) {
      const auto model = make_cost_model(accelerator, tier);
      for (const LayerKind kind : {LayerKind::kConv, LayerKind::kMaxPool, LayerKind::kAveragePool, LayerKind::kAdd, LayerKind::kConcat,
                                   LayerKind::kRescale, LayerKind::kOther}) {
        LayerShape layer = conv("layer", 16, 16, 8, 2, 2);
        layer.kind = kind;
        const auto cost = (*model)->cost(layer, {8, 16, 16}, Activity{});
        if (kind == LayerKind::kConv) {
          EXPECT_FALSE(cost);  // 16-bit products are not for tensor cores of integers
          continue;
        }
        ASSERT_TRUE(cost);
        EXPECT_GT(static_cast<double>(cost->cycles.value), gpu_of(accelerator).kernel.launch_cycles);
        for (const char* component : {"array", "sram", "dram", "leakage"}) EXPECT_GT(cost->energy_pj.at(component), 0) << component;
        EXPECT_GT(cost->dram_read.value, 0);
        EXPECT_GT(cost->dram_write.value, 0);
      }
    }
  }
}

TEST(KernelParameters, AreAllNamed) {
  EXPECT_EQ(kernel_parameters().size() * sizeof(double), sizeof(KernelParameters));
  KernelParameters parameters;
  for (const KernelParameter& each : kernel_parameters()) parameters.*each.member = 77;
  const auto* numbers = reinterpret_cast<const double*>(&parameters);
  for (std::size_t i = 0; i < kernel_parameters().size(); ++i) EXPECT_EQ(numbers[i], 77);
}

// Efficiencies divide what they are about.
TEST(KernelParameters, SlowTheirPartDown) {
  Accelerator a100 = named("a100");
  const LayerShape layer = product(16384, 16384, 16384);
  const auto cycles_with = [&](double KernelParameters::*member, double value) {
    Gpu gpu = gpu_of(a100);
    gpu.kernel.*member = value;
    return static_cast<double>(*closed_form_cycles(layer, {8, 8, 8}, 1, gpu, a100.dram));
  };
  const double best = cycles_with(&KernelParameters::mma_efficiency, 1);
  EXPECT_NEAR(cycles_with(&KernelParameters::mma_efficiency, 0.5) / best, 2, 0.1);
  EXPECT_GT(cycles_with(&KernelParameters::l2_efficiency, 0.25) / best, 1.2);
  EXPECT_NEAR(cycles_with(&KernelParameters::launch_cycles, 1e5) - best, 1e5 - gpu_of(a100).kernel.launch_cycles, 1);
}

struct BadFile {
  const char* pointer;  // what is changed
  Json value;
  const char* place;
  const char* message;
};

TEST(GpuFile, NamesWhatIsWrong) {
  for (const BadFile& bad : {BadFile{"/kernel/mma_efficiency/value", 0, "/kernel/mma_efficiency/value", "above 0 to 1"},
                             BadFile{"/kernel/l2_warm/value", 1.5, "/kernel/l2_warm/value", "from 0 to 1"},
                             BadFile{"/kernel/launch_cycles/value", -1, "/kernel/launch_cycles/value", "not negative"},
                             BadFile{"/kernel/launch_cycles", 5, "/kernel/launch_cycles", ""},
                             BadFile{"/kernel/tiles/0/stage", 2, "/kernel/tiles/0/stage", "unknown key"},
                             BadFile{"/kernel/tiles/0/k_bits", 12, "/kernel/tiles/0/k_bits", "multiple of 8"},
                             BadFile{"/kernel/tiles/0/warps_m", 32, "/kernel/tiles/0/warps_m", "64 warps"},
                             BadFile{"/kernel/tiles", Json::array(), "/kernel/tiles", "without a tile"},
                             BadFile{"/kernel/element_warps/value", 33, "/kernel/element_warps/value", ""},
                             BadFile{"/gpu/registers/value", 1024, "/kernel/thread_registers", "registers"},
                             BadFile{"/gpu/instructions/0/path", "wmma", "/gpu/instructions/0/path", "no path 'wmma'"},
                             BadFile{"/gpu/instructions/0/bits", 2, "/gpu/instructions/0/bits", "1, 4 or 8"},
                             BadFile{"/gpu/instructions/0/interval_cycles/value", 0, "/gpu/instructions/0/interval_cycles/value", ""},
                             BadFile{"/gpu/instructions/0/operation", "and", "/gpu/instructions/0/operation", "unknown key"},
                             BadFile{"/gpu/instructions/1/operation", "or", "/gpu/instructions/1/operation", "no operation 'or'"},
                             BadFile{"/gpu/instructions", Json::array(), "/gpu/instructions", "8 bits"},
                             BadFile{"/gpu/l2_bytes_per_cycle/value", 0, "/gpu/l2_bytes_per_cycle/value", ""},
                             BadFile{"/gpu/sms/source", "", "/gpu/sms", ""},
                             BadFile{"/energy/watts", 3, "/energy/watts", "unknown key"},
                             BadFile{"/technology", "asic-45nm-ddr4", "/technology", "unknown key"},
                             BadFile{"/mma_core", Json::object(), "/mma_core", "unknown key"}}) {
    Json document = tiny_gpu();
    document[Json::json_pointer(bad.pointer)] = bad.value;
    const auto parsed = parse(document);
    ASSERT_FALSE(parsed) << bad.pointer;
    EXPECT_EQ(parsed.error().place, std::string("tiny.json:") + bad.place);
    EXPECT_NE(parsed.error().message.find(bad.message), std::string::npos) << parsed.error().message;
    EXPECT_FALSE(parsed.error().hint.empty()) << bad.pointer;
  }
  Json document = tiny_gpu();
  document.erase("gpu");
  EXPECT_NE(parse(document).error().message.find("'mma_core' or 'gpu' is missing"), std::string::npos) << parse(document).error().message;
}

TEST(GpuFile, EnergiesAndParametersChangeTheHash) {
  Json document = tiny_gpu();
  const std::string before = parse(document)->hash;
  document["energy"]["mac_pj"]["value"] = 1.5;
  EXPECT_NE(parse(document)->hash, before);
}

TEST(GpuFile, LayersThatFitNoTileAreErrors) {
  Json document = tiny_gpu();
  document["gpu"]["shared_bytes"]["value"] = 1000;
  const auto cost = (*make_cost_model(*parse(document), Tier::kAnalytic))->cost(product(16, 16, 16), {8, 8, 8}, Activity{});
  ASSERT_FALSE(cost);
  EXPECT_NE(cost.error().message.find("fits into an SM at W8A8"), std::string::npos);
}

}  // namespace
}  // namespace dyad::accel_models::tensor_core
