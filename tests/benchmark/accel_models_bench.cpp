// Speed of the cost models of every built-in accelerator: tables and layer costs a second, simulated cycles a second. Times and rates are
// of the thread's CPU time, so that what else runs on the machine changes them little.
#include <benchmark/benchmark.h>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"
#include "dyad/base/random.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/summary.hpp"
#include "dyad/workflow/simulate.hpp"
#include "support/layers.hpp"

namespace dyad::accel_models::tiled {
namespace {

/// The full table of MobileNetV2, every weighted layer at 8 x 8 bit pairs, as `dyad simulate --table` computes it.
void table(benchmark::State& state, const std::string& name) {
  const auto network = network::make_topology("mobilenetv2", {});
  const auto model = make_cost_model(name, Tier::kAnalytic);
  std::size_t layers = 0;
  for (auto _ : state) {
    const auto found = workflow::cost_table(*network, **model);
    if (!found) return state.SkipWithError(found.error().message.c_str());
    layers = found->layer_names.size();
  }
  state.counters["layers"] = static_cast<double>(layers);
  state.counters["layer_costs_per_s"] = benchmark::Counter(static_cast<double>(layers) * 64, benchmark::Counter::kIsIterationInvariantRate);
}

/// A fixed order, without the CostModel's strings and maps: schedule and cycles of every sample layer at all 8 x 8 bit pairs.
void fixed_mapping(benchmark::State& state, const std::string& name) {
  const Accelerator accelerator = *load_accelerator(name);
  const Machine machine = std::get<Machine>(accelerator.core);
  struct Work {
    Problem problem;
    Order order;
  };
  std::vector<Work> works;
  for (const LayerShape& layer : testing_support::sample_layers())
    for (int w = 1; w <= 8; ++w)
      for (int a = 1; a <= 8; ++a)
        if (const auto found = estimate(layer, {w, a, a}, accelerator.batch, machine, accelerator.dram))
          works.push_back({make_problem(layer, {w, a, a}, accelerator.batch, machine), found->schedule.order});
  for (auto _ : state)
    for (const Work& work : works)
      benchmark::DoNotOptimize(
          schedule_cycles(*make_schedule(work.problem, machine, accelerator.dram, work.order), machine, accelerator.dram));
  state.counters["layer_costs_per_s"] =
      benchmark::Counter(static_cast<double>(works.size()), benchmark::Counter::kIsIterationInvariantRate);
}

/// The order chosen, too.
void chosen_mapping(benchmark::State& state, const std::string& name) {
  const Accelerator accelerator = *load_accelerator(name);
  const Machine machine = std::get<Machine>(accelerator.core);
  const std::vector<LayerShape> layers = testing_support::sample_layers();
  for (auto _ : state)
    for (const LayerShape& layer : layers)
      for (int w = 1; w <= 8; ++w)
        for (int a = 1; a <= 8; ++a) benchmark::DoNotOptimize(estimate(layer, {w, a, a}, accelerator.batch, machine, accelerator.dram));
  state.counters["layer_costs_per_s"] =
      benchmark::Counter(static_cast<double>(layers.size() * 64), benchmark::Counter::kIsIterationInvariantRate);
}

/// ResNet-18 at 224 x 224, W8A8, batch 1, in the cycle tier: timing only, every layer simulated once (equal ones are remembered).
void cycle_resnet18(benchmark::State& state, const std::string& name) {
  const auto network = network::make_topology("resnet18", {});
  const BitAssignment bits = network::uniform_bits(*network, {8, 8}, false);
  std::int64_t cycles = 0;
  for (auto _ : state) {
    CostOptions options;
    options.batch = 1;
    const auto model = make_cost_model(name, Tier::kCycle, options);
    const auto found = workflow::simulate_network(*network, bits, **model);
    if (!found) return state.SkipWithError(found.error().message.c_str());
    cycles = found->totals.cycles.value;
  }
  state.counters["cycles_of_network"] = static_cast<double>(cycles);
}

/// Timing only, without a memory of simulated layers: every sample layer at W4A4.
void cycle_timing(benchmark::State& state, const std::string& name) {
  const Accelerator accelerator = *load_accelerator(name);
  const Machine machine = std::get<Machine>(accelerator.core);
  std::vector<Schedule> schedules;
  for (const LayerShape& layer : testing_support::sample_layers())
    schedules.push_back(estimate(layer, {4, 4, 4}, accelerator.batch, machine, accelerator.dram)->schedule);
  std::int64_t cycles = 0;
  for (auto _ : state)
    for (const Schedule& schedule : schedules) cycles += simulate(schedule, machine, accelerator.dram).cycles;
  state.counters["sim_cycles_per_s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}

/// Every weighted shape of a network ("r20/", "r18/") with random operands of `bits` bits; requantized to as many bits, with biases and one
/// ratio a channel.
void cycle_with_data(benchmark::State& state, const std::string& name, int bits, const std::string& network) {
  const Accelerator accelerator = *load_accelerator(name);
  const Machine machine = std::get<Machine>(accelerator.core);
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
    for (std::int8_t& w : layer.weights.values()) {
      w = static_cast<std::int8_t>(random.between(layer.weight_bits.lowest(), layer.weight_bits.highest()));
      // Shift-add machines take sums of as many powers of two as they have passes.
      if (machine.operands == Operands::kCodes)
        while (!shift_codes(w, machine.packing(bits, 8).weight_entries)) w = static_cast<std::int8_t>(w > 0 ? w - 1 : w + 1);
    }
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
  state.counters["sim_cycles_per_s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}

void register_all() {
  using benchmark::RegisterBenchmark;
  for (const std::string& name : accelerator_names()) {
    const auto accelerator = load_accelerator(name);
    const auto add = [&](const char* what, auto function) {
      return RegisterBenchmark(("BM_AccelModels_" + std::string(what) + "/" + name).c_str(), function, name)->Unit(benchmark::kMillisecond);
    };
    add("Table", table);
    add("CycleResNet18", cycle_resnet18)->Iterations(1);
    if (!std::holds_alternative<Machine>(accelerator->core)) continue;
    add("FixedMapping", fixed_mapping);
    add("ChosenMapping", chosen_mapping);
    add("CycleTiming", cycle_timing);
    for (const int bits : {8, 4, 2, 1})
      for (const char* network : {"r20/", "r18/"})
        RegisterBenchmark(("BM_AccelModels_CycleWithData/" + name + "/" + network + std::to_string(bits)).c_str(), cycle_with_data, name,
                          bits, network)
            ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace
}  // namespace dyad::accel_models::tiled

// SystemC's library has a main of its own, so benchmark_main would not be linked.
int main(int argc, char** argv) {
  dyad::accel_models::tiled::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
