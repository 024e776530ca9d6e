// Clock rate of the bit-serial core inside the SystemC memory system, as a ratio to the same model clocked bare with the same inputs.
#include <Vbit_serial_core_8x8x256.h>
#include <benchmark/benchmark.h>

#include <chrono>

#include "core_simulation.hpp"
#include "dyad/accel_models/tiled/rtl.hpp"
#include "dyad/base/random.hpp"

namespace dyad::cosim {
namespace {

using Model = Vbit_serial_core_8x8x256;
namespace tiled = accel_models::tiled;

/// A 3 x 3 convolution of ResNet-20's second stage at W4A4 with random integers.
struct Layer {
  IntegerLayer layer;
  IntegerTensor input;
  tiled::Machine machine;
  hwsim::DramTiming dram;

  Layer() {
    layer.name = "conv";
    LayerShape& s = layer.shape;
    s.in_h = s.in_w = s.out_h = s.out_w = 16;
    s.in_channels = s.out_channels = 32;
    s.window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
    layer.inputs = {{4, false}};
    layer.output = {4, false};
    layer.relu = true;
    layer.weight_bits = {4, true};
    layer.weights = Tensor<std::int8_t>({32, 3, 3, 32});
    Random random(1);
    for (std::int64_t i = 0; i < layer.weights.size(); ++i) layer.weights[i] = static_cast<std::int8_t>(random.between(-8, 7));
    layer.requantizations = {{{{1 << 30, 36}}, {}, Rounding::kHalfUp, 0}};
    input = IntegerTensor({1, 16, 16, 32}, layer.inputs[0]);
    for (std::int64_t i = 0; i < input.size(); ++i) input.set(i, static_cast<std::int32_t>(random.below(16)));
    machine.rows = machine.columns = 8;
    machine.depth = 256;
    machine.activation_entries = machine.weight_entries = 1024;
    machine.pipeline_cycles = 15;
    machine.requantizer_lanes = 16;
    machine.output_port_bits = 64;
    machine.output_buffer_bits = 131072;
    dram.bits_per_kilocycle = 84'000;
    dram.latency = 40;
  }
};

/// Everything that drives the core in a cycle.
struct Inputs {
  std::uint8_t act_valid, wgt_valid, par_valid, piece_ready;
  std::remove_reference_t<decltype(Model::act_data_i)> act_data, wgt_data;
  std::remove_reference_t<decltype(Model::par_data_i)> par_data;
};

void BM_Cosim_BitSerialCore(benchmark::State& state) {
  const Layer one;
  tiled::LayerOperands operands;
  operands.layer = &one.layer;
  operands.inputs = {&one.input};
  const auto problem = tiled::make_problem(tiled::cost_shape(operands), tiled::operand_bits(operands), 1, one.machine);
  const auto schedule = tiled::make_schedule(problem, one.machine, one.dram, tiled::Order::kWeightsResident);
  CoreSimulationOf<Model> core(make_core("bit_serial_core_8x8x256")->shape());

  std::vector<Inputs> inputs;
  std::vector<CoreRegister> registers;
  std::int64_t cycles = 0;
  double inside_s = 0, bare_s = 0;
  const auto seconds = [](auto since) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count(); };
  const auto run = [&] {
    auto data = tiled::LayerData::make(operands, problem, *schedule, one.machine);
    const auto result = tiled::run_on_core(core, *data, one.machine, one.dram);
    return result ? result->clocked_cycles : 0;
  };
  core.observe([&](Model& m) {
    if (!m.prog_valid_i)
      inputs.push_back({m.act_valid_i, m.wgt_valid_i, m.par_valid_i, m.piece_ready_i, m.act_data_i, m.wgt_data_i, m.par_data_i});
  });
  run();
  core.observe({});
  for (auto _ : state) {
    const auto began = std::chrono::steady_clock::now();
    cycles += run();
    inside_s += seconds(began);
    // Bare: the registers hold what the last layer set, so RUN starts it again; then the recorded inputs, cycle by cycle.
    Dut<Model>& dut = core.dut();
    const auto bare = std::chrono::steady_clock::now();
    dut->prog_valid_i = 1;
    dut->prog_data_i = 0;
    dut.settle();
    dut.clock();
    dut->prog_valid_i = 0;
    for (const Inputs& in : inputs) {
      dut->act_valid_i = in.act_valid;
      dut->wgt_valid_i = in.wgt_valid;
      dut->par_valid_i = in.par_valid;
      dut->piece_ready_i = in.piece_ready;
      if (in.act_valid) dut->act_data_i = in.act_data;
      if (in.wgt_valid) dut->wgt_data_i = in.wgt_data;
      if (in.par_valid) dut->par_data_i = in.par_data;
      dut.settle();
      dut.clock();
    }
    bare_s += seconds(bare);
    if (dut->running_o) state.SkipWithError("the bare model did not finish the layer");
  }
  state.counters["sim_cycles_per_s"] = static_cast<double>(cycles) / inside_s;
  state.counters["bare_cycles_per_s"] = static_cast<double>(cycles) / bare_s;
  state.counters["ratio_to_bare"] = bare_s / inside_s;
}
BENCHMARK(BM_Cosim_BitSerialCore)->Name("BM_Cosim_BitSerialCore/8x8x256")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dyad::cosim

BENCHMARK_MAIN();
