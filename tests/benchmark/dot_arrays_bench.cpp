// Clock rate of the Verilated arrays, alone: a new pair of operands in every cycle, a capture every 64 cycles.
#include <Vapot_array_8x8x128.h>
#include <Vbit_serial_array.h>
#include <Vmma_tile_8x8x128.h>
#include <benchmark/benchmark.h>

#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"

namespace dyad::cosim {
namespace {

void set_controls(Vbit_serial_array& array, int cycle) {
  array.in_shift_i = cycle % 4 == 0;
  array.in_negate_i = cycle % 5 == 0;
  array.in_sum_i = cycle % 8 == 0;
  array.in_sum_negate_i = 0;
}
void set_controls(Vmma_tile_8x8x128& array, int) {
  array.in_mode_i = 0;
  array.in_activation_signed_i = 0;
  array.in_weight_signed_i = 1;
}
void set_controls(Vapot_array_8x8x128& array, int) {
  array.in_activation_signed_i = 0;
  array.in_sum_i = 1;
}

template <class Model>
void BM_Rtl_Array(benchmark::State& state) {
  Dut<Model> dut;
  Random random(1);
  dut->in_valid_i = 0;
  dut->in_capture_i = 0;
  dut.reset();
  dut->in_valid_i = 1;
  std::int64_t cycles = 0;
  for (auto _ : state)
    for (int cycle = 0; cycle < 64; ++cycle, ++cycles) {
      dut->in_first_i = cycle == 0;
      dut->in_capture_i = cycle == 0;
      set_controls(*dut, cycle);
      for (std::size_t i = 0; i < sizeof(dut->in_activations_i) / 4; i += 2) {
        const std::uint64_t bits = random.next();
        dut->in_activations_i[i] = static_cast<std::uint32_t>(bits);
        dut->in_weights_i[i + 1] = static_cast<std::uint32_t>(bits >> 32);
      }
      dut.settle();
      dut.clock();
      benchmark::DoNotOptimize(dut->out_acc_o[0]);
    }
  state.counters["cycles_per_s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Rtl_Array<Vbit_serial_array>)->Name("BM_Rtl_BitSerialArray/8x8x256");
BENCHMARK(BM_Rtl_Array<Vmma_tile_8x8x128>)->Name("BM_Rtl_MmaTile/8x8x128");
BENCHMARK(BM_Rtl_Array<Vapot_array_8x8x128>)->Name("BM_Rtl_ApotArray/8x8x128");

}  // namespace
}  // namespace dyad::cosim
