// Clock rate of the Verilated systolic arrays, alone: new operands in every cycle, a capture every 64 cycles.
#include <Vfusion_array_8x8.h>
#include <Voutput_stationary_16x16.h>
#include <Vweight_stationary_16x16.h>
#include <benchmark/benchmark.h>

#include "checks/port_bits.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"

namespace dyad::cosim {
namespace {

void set_controls(Voutput_stationary_16x16& array, int cycle) {
  array.in_activation_signed_i = 0;
  array.in_weight_signed_i = 1;
  array.in_capture_i = cycle == 0;
}
void set_controls(Vweight_stationary_16x16& array, int cycle) {
  array.in_activation_signed_i = 0;
  array.in_weight_signed_i = 1;
  array.in_load_i = cycle < 16;
  array.in_load_row_i = static_cast<std::uint8_t>(cycle & 15);
}
void set_controls(Vfusion_array_8x8& array, int cycle) {
  array.in_sum_i = 1;
  array.in_activation_mode_i = 1;
  array.in_weight_mode_i = 1;
  array.in_activation_signed_i = 0;
  array.in_weight_signed_i = 1;
  array.in_pass_shift_i = 0;
  array.in_capture_i = cycle == 0;
}

template <class Port>
void fill(Port& port, Random& random) {
  PackedBits bits(8 * static_cast<std::int64_t>(sizeof(Port)));
  for (std::int64_t at = 0; at < bits.bits(); at += 32) bits.set(at, 32, random.next());
  set_port(port, bits);
}

/// The operands of 64 cycles are drawn before, so that the model alone is timed.
template <class Model>
void BM_Rtl_SystolicArray(benchmark::State& state) {
  Dut<Model> dut;
  Random random(1);
  std::vector<std::remove_reference_t<decltype(dut->in_activations_i)>> activations(64);
  std::vector<std::remove_reference_t<decltype(dut->in_weights_i)>> weights(64);
  for (auto& word : activations) fill(word, random);
  for (auto& word : weights) fill(word, random);
  dut->in_valid_i = 0;
  dut->in_capture_i = 0;
  dut.reset();
  dut->in_valid_i = 1;
  std::int64_t cycles = 0;
  for (auto _ : state)
    for (int cycle = 0; cycle < 64; ++cycle, ++cycles) {
      dut->in_first_i = cycle == 0;
      set_controls(*dut, cycle);
      dut->in_activations_i = activations[static_cast<std::size_t>(cycle)];
      dut->in_weights_i = weights[static_cast<std::size_t>(cycle)];
      dut.settle();
      dut.clock();
      benchmark::DoNotOptimize(port_word(dut->out_acc_o, 0));
    }
  state.counters["sim_cycles_per_s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Rtl_SystolicArray<Voutput_stationary_16x16>)->Name("BM_Rtl_OutputStationary/16x16");
BENCHMARK(BM_Rtl_SystolicArray<Vweight_stationary_16x16>)->Name("BM_Rtl_WeightStationary/16x16");
BENCHMARK(BM_Rtl_SystolicArray<Vfusion_array_8x8>)->Name("BM_Rtl_FusionArray/8x8");

}  // namespace
}  // namespace dyad::cosim
