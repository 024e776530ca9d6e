// Speed of the bit-serial tiers: layer costs a second, simulated cycles a second.
#include <benchmark/benchmark.h>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/bit_serial/analytic.hpp"
#include "dyad/accel_models/bit_serial/cycle.hpp"
#include "support/layers.hpp"

namespace dyad::accel_models::bit_serial {
namespace {

const char* const kNames[] = {"bismo-edge", "bismo-cloud"};

/// Cost of one layer, order chosen, without the CostModel's strings and maps; all 8 x 8 bit pairs of all sample layers in turn.
void BM_AccelModels_Analytic(benchmark::State& state) {
  const Accelerator accelerator = *load_accelerator(kNames[state.range(0)]);
  const Machine machine = std::get<Machine>(accelerator.core);
  const std::vector<LayerShape> layers = testing_support::sample_layers();
  std::int64_t costs = 0;
  for (auto _ : state)
    for (const LayerShape& layer : layers)
      for (int w = 1; w <= 8; ++w)
        for (int a = 1; a <= 8; ++a) {
          benchmark::DoNotOptimize(estimate(layer, {w, a, a}, accelerator.batch, machine, accelerator.dram));
          ++costs;
        }
  state.SetLabel(accelerator.name);
  state.counters["layer_costs_per_s"] = benchmark::Counter(static_cast<double>(costs), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_AccelModels_Analytic)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

/// A fixed order: schedule and cycles only.
void BM_AccelModels_AnalyticFixedMapping(benchmark::State& state) {
  const Accelerator accelerator = *load_accelerator(kNames[state.range(0)]);
  const Machine machine = std::get<Machine>(accelerator.core);
  const std::vector<LayerShape> layers = testing_support::sample_layers();
  std::int64_t costs = 0;
  for (auto _ : state)
    for (const LayerShape& layer : layers)
      for (int w = 1; w <= 8; ++w)
        for (int a = 1; a <= 8; ++a) {
          const Problem problem = make_problem(layer, {w, a, a}, accelerator.batch, machine);
          const auto schedule =
              make_schedule(problem, machine, accelerator.dram, layer.is_weighted() ? Order::kActivationsResident : Order::kElementwise);
          benchmark::DoNotOptimize(schedule_cycles(*schedule, machine, accelerator.dram));
          ++costs;
        }
  state.SetLabel(accelerator.name);
  state.counters["layer_costs_per_s"] = benchmark::Counter(static_cast<double>(costs), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_AccelModels_AnalyticFixedMapping)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

/// Timing only, every sample layer at W4A4.
void BM_AccelModels_Cycle(benchmark::State& state) {
  const Accelerator accelerator = *load_accelerator(kNames[state.range(0)]);
  const Machine machine = std::get<Machine>(accelerator.core);
  std::int64_t cycles = 0;
  for (auto _ : state)
    for (const LayerShape& layer : testing_support::sample_layers())
      cycles +=
          simulate(estimate(layer, {4, 4, 4}, accelerator.batch, machine, accelerator.dram)->schedule, machine, accelerator.dram).cycles;
  state.SetLabel(accelerator.name);
  state.counters["sim_cycles_per_s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_AccelModels_Cycle)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dyad::accel_models::bit_serial

// SystemC's library has a main of its own, so benchmark_main would not be linked.
BENCHMARK_MAIN();
