// Speed of the bit-serial tiers: layer costs a second, simulated cycles a second.
#include <benchmark/benchmark.h>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"
#include "dyad/base/random.hpp"
#include "support/layers.hpp"

namespace dyad::accel_models::tiled {
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

/// Arguments: machine, bits of both operands, network. Every shape of ResNet-20 or ResNet-18 with random operands; requantized to as many
/// bits, the convolutions with biases and one ratio a channel.
void BM_AccelModels_CycleWithData(benchmark::State& state) {
  const Accelerator accelerator = *load_accelerator(kNames[state.range(0)]);
  const Machine machine = std::get<Machine>(accelerator.core);
  const int bits = static_cast<int>(state.range(1));
  const std::string network = state.range(2) == 20 ? "r20/" : "r18/";
  Random random(20261120);
  struct Work {
    IntegerLayer layer;
    IntegerTensor input;
    Problem problem;
    Schedule schedule;
    LayerOperands operands() const { return {&layer, {&input}}; }
  };
  std::vector<Work> works;
  for (const LayerShape& shape : testing_support::sample_layers()) {
    if (shape.name.rfind(network, 0) != 0 || !shape.is_weighted()) continue;
    Work work;
    IntegerLayer& layer = work.layer;
    layer.name = shape.name;
    layer.shape = shape;
    layer.inputs = {{bits, false}};
    layer.weight_bits = {bits, true};
    layer.weights =
        Tensor<std::int8_t>({shape.out_channels, shape.window.kernel_h, shape.window.kernel_w, shape.in_channels / shape.groups});
    for (std::int8_t& w : layer.weights.values())
      w = static_cast<std::int8_t>(random.between(layer.weight_bits.lowest(), layer.weight_bits.highest()));
    layer.output = {bits, false};
    layer.relu = true;
    layer.requantizations.resize(1);
    for (std::int64_t k = 0; k < shape.out_channels; ++k) {
      layer.bias.push_back(static_cast<std::int32_t>(random.between(-1000, 1000)));
      layer.requantizations[0].ratios.push_back({static_cast<std::int32_t>(random.between(1 << 30, INT32_MAX)), 36 + bits});
    }
    work.input = IntegerTensor({accelerator.batch, shape.in_h, shape.in_w, shape.in_channels}, layer.inputs[0]);
    for (std::int64_t i = 0; i < work.input.size(); ++i)
      work.input.set(i, static_cast<std::int32_t>(random.between(0, layer.inputs[0].highest())));
    works.push_back(std::move(work));
    Work& kept = works.back();
    kept.problem = make_problem(cost_shape(kept.operands()), operand_bits(kept.operands()), accelerator.batch, machine);
    kept.schedule =
        estimate(cost_shape(kept.operands()), operand_bits(kept.operands()), accelerator.batch, machine, accelerator.dram)->schedule;
  }
  std::int64_t cycles = 0;
  for (auto _ : state)
    for (const Work& work : works) {
      LayerData data = *LayerData::make(work.operands(), work.problem, work.schedule, machine);
      cycles += simulate(work.schedule, machine, accelerator.dram, nullptr, &data).cycles;
      benchmark::DoNotOptimize(data.output());
    }
  state.SetLabel(accelerator.name + " " + network + "* W" + std::to_string(bits) + "A" + std::to_string(bits));
  state.counters["sim_cycles_per_s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_AccelModels_CycleWithData)->ArgsProduct({{0, 1}, {1, 2, 4, 8}, {20, 18}})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dyad::accel_models::tiled

// SystemC's library has a main of its own, so benchmark_main would not be linked.
BENCHMARK_MAIN();
