#include <Voutput_stationary_16x16.h>
#include <Voutput_stationary_3x5.h>
#include <Vweight_stationary_3x5.h>
#include <gtest/gtest.h>

#include "checks/systolic_array_check.hpp"

namespace dyad::cosim {
namespace {

// (16 x 50) times (50 x 16), int8 by uint8: the first result shows 50 + 16 + 16 + 1 cycles after the first word, as stated.
TEST(SystolicArray, MultipliesMatricesOutputStationary) {
  constexpr int kRows = 16, kColumns = 16, kDepth = 50;
  Dut<Voutput_stationary_16x16> dut;
  dut->in_valid_i = 0;
  dut->in_capture_i = 0;
  dut.reset();
  Random random(5);
  int a[kDepth][kRows], w[kDepth][kColumns];
  for (auto& row : a)
    for (int& value : row) value = static_cast<int>(random.between(-128, 127));
  for (auto& row : w)
    for (int& value : row) value = static_cast<int>(random.between(0, 255));
  dut->in_activation_signed_i = 1;
  dut->in_weight_signed_i = 0;
  PackedBits activations(kRows * 8), weights(kColumns * 8);
  for (int k = 0; k <= kDepth + kRows + kColumns; ++k) {
    dut->in_valid_i = k < kDepth;
    dut->in_first_i = k == 0;
    dut->in_capture_i = k == kDepth;
    if (k < kDepth) {
      for (int r = 0; r < kRows; ++r) activations.set(r * 8, 8, static_cast<std::uint64_t>(a[k][r]));
      for (int c = 0; c < kColumns; ++c) weights.set(c * 8, 8, static_cast<std::uint64_t>(w[k][c]));
    }
    set_port(dut->in_activations_i, activations);
    set_port(dut->in_weights_i, weights);
    dut.settle();
    EXPECT_EQ(dut->out_valid_o, 0) << k;
    dut.clock();
  }
  dut.settle();
  EXPECT_EQ(dut->out_valid_o, 1);
  for (int r = 0; r < kRows; ++r) {
    int sum = 0;
    for (int k = 0; k < kDepth; ++k) sum += a[k][r];
    EXPECT_EQ(static_cast<int>(port_word(dut->out_sum_o, static_cast<std::size_t>(r))), sum);
    for (int c = 0; c < kColumns; ++c) {
      int dot = 0;
      for (int k = 0; k < kDepth; ++k) dot += a[k][r] * w[k][c];
      EXPECT_EQ(static_cast<int>(port_word(dut->out_acc_o, static_cast<std::size_t>(r * kColumns + c))), dot) << r << " " << c;
    }
  }
}

// Captures as close as they may be: 3 + 5 - 1 cycles apart; one cycle closer is refused.
TEST(SystolicArray, RefusesCapturesThatAreTooClose) {
  const auto captures = [](int distance) {
    Dut<Voutput_stationary_3x5> dut;
    dut->in_valid_i = 0;
    dut->in_capture_i = 0;
    dut.reset();
    for (int cycle = 0; cycle < 4 * distance; ++cycle) {
      dut->in_capture_i = cycle % distance == 0;
      dut.settle();
      dut.clock();
    }
  };
  EXPECT_NO_THROW(captures(7));
  EXPECT_THROW(captures(6), AssertionFailed);
}

// Weights of the next matrix are loaded while vectors of this one stream, the last row together with the vector that switches to the matrix
// before: that row belongs to the matrix after.
TEST(SystolicArray, LoadsTheNextWeightsWhileVectorsStream) {
  constexpr int kRows = 3, kColumns = 5, kLatency = kRows + kColumns + 1;
  Dut<Vweight_stationary_3x5> dut;
  dut->in_valid_i = 0;
  dut->in_load_i = 0;
  dut->in_activation_signed_i = 0;
  dut->in_weight_signed_i = 0;
  dut.reset();
  // Cycle k loads row k % 3 with the value k / 3 + 1 (matrix 1, 2, …), from cycle 3 on vectors of ones come; in_first_i when a matrix is
  // complete.
  for (int k = 0; k < 40; ++k) {
    PackedBits activations(kRows * 8), weights(kColumns * 4);
    for (int r = 0; r < kRows; ++r) activations.set(r * 8, 8, 1);
    for (int c = 0; c < kColumns; ++c) weights.set(c * 4, 4, static_cast<std::uint64_t>(k / 3 + 1));
    dut->in_load_i = 1;
    dut->in_load_row_i = static_cast<std::uint8_t>(k % 3);
    dut->in_valid_i = k >= 3;
    dut->in_first_i = k % 3 == 0;
    set_port(dut->in_activations_i, activations);
    set_port(dut->in_weights_i, weights);
    dut.settle();
    const int vector = k - kLatency;  // the cycle whose vector shows
    EXPECT_EQ(dut->out_valid_o, vector >= 3) << k;
    if (vector >= 3) {
      for (std::size_t c = 0; c < kColumns; ++c)
        EXPECT_EQ(port_word(dut->out_acc_o, c), static_cast<std::uint32_t>(kRows * ((vector / 3) & 15))) << k;
      EXPECT_EQ(dut->out_sum_o, 3u);
    }
    dut.clock();
  }
}

}  // namespace
}  // namespace dyad::cosim
