#include <Vfusion_array.h>
#include <Vfusion_array_3x2.h>
#include <gtest/gtest.h>

#include "checks/fusion_array_check.hpp"

namespace dyad::cosim {
namespace {

// A vector of 100 16 bit activations times 2 columns of 16 bit weights in four passes over 8 bit halves, one element a row and cycle:
// dot products and the sum of the activations (counted in the passes with the lower half of the weights).
TEST(FusionArray, AccumulatesSixteenBitPasses) {
  constexpr int kRows = 4, kColumns = 2, kDepth = 104;  // 26 words of 4 rows
  for (const bool is_signed : {false, true}) {
    Random random(is_signed);
    std::vector<std::int64_t> a(kDepth), w(kDepth * kColumns);
    const std::int64_t lowest = is_signed ? -32768 : 0, highest = is_signed ? 32767 : 65535;
    for (std::int64_t& value : a) value = random.below(4) == 0 ? lowest : random.between(lowest, highest);
    for (std::int64_t& value : w) value = random.below(4) == 0 ? highest : random.between(lowest, highest);
    Dut<Vfusion_array> dut;
    dut->in_valid_i = 0;
    dut->in_capture_i = 0;
    dut.reset();
    PackedBits activations(kRows * 32), weights(kRows * kColumns * 32);
    dut->in_valid_i = 1;
    dut->in_activation_mode_i = 2;
    dut->in_weight_mode_i = 2;
    for (int pass = 0; pass < 4; ++pass)
      for (int word = 0; word < kDepth / kRows; ++word) {
        const int a_high = pass & 1, w_high = pass >> 1;
        for (int r = 0; r < kRows; ++r) {
          const std::size_t k = static_cast<std::size_t>(word * kRows + r);
          activations.set(r * 32, 32, static_cast<std::uint64_t>(a[k]) >> 8 * a_high & 0xff);
          for (int c = 0; c < kColumns; ++c)
            weights.set((r * kColumns + c) * 32, 32,
                        static_cast<std::uint64_t>(w[k * kColumns + static_cast<std::size_t>(c)]) >> 8 * w_high & 0xff);
        }
        dut->in_first_i = pass == 0 && word == 0;
        dut->in_sum_i = w_high == 0;
        dut->in_activation_signed_i = is_signed && a_high;
        dut->in_weight_signed_i = is_signed && w_high;
        dut->in_pass_shift_i = static_cast<std::uint8_t>(a_high + w_high);
        set_port(dut->in_activations_i, activations);
        set_port(dut->in_weights_i, weights);
        dut.settle();
        dut.clock();
      }
    dut->in_valid_i = 0;
    dut->in_capture_i = 1;
    for (int cycle = 0; cycle < reference::FusionArray::latency(kRows, kColumns); ++cycle) {
      dut.settle();
      EXPECT_EQ(dut->out_valid_o, 0) << cycle;
      dut.clock();
      dut->in_capture_i = 0;
    }
    dut.settle();
    ASSERT_EQ(dut->out_valid_o, 1);
    std::int64_t sum = 0;
    for (const std::int64_t value : a) sum += value;
    EXPECT_EQ(dut->out_sum_o, static_cast<std::uint32_t>(sum));
    for (std::size_t c = 0; c < kColumns; ++c) {
      std::int64_t dot = 0;
      for (std::size_t k = 0; k < kDepth; ++k) dot += a[k] * w[k * kColumns + c];
      EXPECT_EQ(port_word(dut->out_acc_o, c), static_cast<std::uint32_t>(dot)) << "column " << c;
    }
  }
}

// One word, then a capture d cycles later while the next job's words follow in every cycle.
TEST(FusionArray, CapturesAtEveryDistance) {
  for (int distance = 1; distance <= 12; ++distance) {
    Dut<Vfusion_array_3x2> dut;
    dut->in_valid_i = 0;
    dut->in_capture_i = 0;
    dut.reset();
    PackedBits activations(3 * 32), weights(6 * 32);
    for (int r = 0; r < 3; ++r) activations.set(r * 32, 32, 2);
    for (int u = 0; u < 6; ++u) weights.set(u * 32, 32, 3);
    dut->in_valid_i = 1;
    dut->in_sum_i = 1;
    dut->in_activation_mode_i = 2;
    dut->in_weight_mode_i = 2;
    dut->in_activation_signed_i = 0;
    dut->in_weight_signed_i = 0;
    dut->in_pass_shift_i = 0;
    set_port(dut->in_activations_i, activations);
    set_port(dut->in_weights_i, weights);
    int captures = 0;
    for (int cycle = 0; cycle < 60; ++cycle) {
      dut->in_first_i = cycle % distance == 0;  // jobs of `distance` words, back to back
      dut->in_capture_i = cycle % distance == 0 && cycle > 0;
      dut.settle();
      if (dut->out_valid_o) {
        ++captures;
        for (std::size_t c = 0; c < 2; ++c)
          EXPECT_EQ(port_word(dut->out_acc_o, c), static_cast<std::uint32_t>(distance * 3 * 6)) << distance;
        EXPECT_EQ(dut->out_sum_o, static_cast<std::uint32_t>(distance * 3 * 2)) << distance;
      }
      dut.clock();
    }
    EXPECT_EQ(captures, (59 - reference::FusionArray::latency(3, 2)) / distance) << distance;
  }
}

}  // namespace
}  // namespace dyad::cosim
