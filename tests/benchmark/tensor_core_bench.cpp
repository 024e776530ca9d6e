// Speed of the tiers of GPUs: layer costs a second, layers of ResNet-18 simulated.
#include <benchmark/benchmark.h>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/tensor_core/analytic.hpp"
#include "dyad/accel_models/tensor_core/cycle.hpp"
#include "support/layers.hpp"

namespace dyad::accel_models::tensor_core {
namespace {

const char* const kNames[] = {"t4", "a100", "h100"};

/// The cheapest kernel of every sample layer at W8A8 and W4A4: all tiles, instructions and slices of K.
void BM_AccelModels_GpuAnalytic(benchmark::State& state) {
  const Accelerator accelerator = *load_accelerator(kNames[state.range(0)]);
  const Gpu& gpu = std::get<Gpu>(accelerator.core);
  const std::vector<LayerShape> layers = testing_support::sample_layers();
  std::int64_t costs = 0;
  for (auto _ : state)
    for (const LayerShape& layer : layers)
      for (const int bits : {8, 4}) {
        benchmark::DoNotOptimize(closed_form_cycles(layer, {bits, bits, bits}, accelerator.batch, gpu, accelerator.dram));
        ++costs;
      }
  state.SetLabel(accelerator.name);
  state.counters["layer_costs_per_s"] = benchmark::Counter(static_cast<double>(costs), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_AccelModels_GpuAnalytic)->Arg(0)->Arg(1)->Arg(2);

/// One tile, one instruction, K not cut: what a fit of a given kernel asks.
void BM_AccelModels_GpuAnalyticFixedMapping(benchmark::State& state) {
  const Accelerator accelerator = *load_accelerator(kNames[state.range(0)]);
  const Gpu& gpu = std::get<Gpu>(accelerator.core);
  const MemoryTiming memory = memory_timing(gpu, accelerator.dram);
  std::vector<LayerShape> layers;
  for (const LayerShape& layer : testing_support::sample_layers())
    if (layer.is_weighted()) layers.push_back(layer);
  std::int64_t costs = 0;
  for (auto _ : state)
    for (const LayerShape& layer : layers) {
      const auto plan = matrix_plan(make_problem(layer, {8, 8, 8}, accelerator.batch), gpu, memory, 3, 0, 1);
      benchmark::DoNotOptimize(plan_cycles(*plan, memory));
      ++costs;
    }
  state.SetLabel(accelerator.name);
  state.counters["layer_costs_per_s"] = benchmark::Counter(static_cast<double>(costs), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_AccelModels_GpuAnalyticFixedMapping)->Arg(0)->Arg(1)->Arg(2);

/// Every shape of ResNet-18 at 224 x 224, batch 1, W4A4, once.
void BM_AccelModels_GpuCycle(benchmark::State& state) {
  const Accelerator accelerator = *load_accelerator(kNames[state.range(0)]);
  const Gpu& gpu = std::get<Gpu>(accelerator.core);
  const MemoryTiming memory = memory_timing(gpu, accelerator.dram);
  std::int64_t simulated = 0, layers = 0;
  for (auto _ : state)
    for (const LayerShape& layer : testing_support::sample_layers()) {
      if (layer.name.rfind("r18/", 0) != 0) continue;
      simulated += simulate(estimate(layer, {4, 4, 4}, accelerator.batch, gpu, accelerator.dram)->plan, memory).cycles;
      ++layers;
    }
  state.SetLabel(accelerator.name);
  state.counters["sim_cycles_per_s"] = benchmark::Counter(static_cast<double>(simulated), benchmark::Counter::kIsRate);
  state.counters["layers_per_s"] = benchmark::Counter(static_cast<double>(layers), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_AccelModels_GpuCycle)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dyad::accel_models::tensor_core

// SystemC's library has a main of its own, so benchmark_main would not be linked.
BENCHMARK_MAIN();
