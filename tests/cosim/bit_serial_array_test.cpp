#include "dyad/cosim/reference/bit_serial_array.hpp"

#include <Vbit_serial_array.h>
#include <gtest/gtest.h>

#include <tuple>

#include "checks/port_bits.hpp"
#include "dyad/cosim/dut.hpp"

namespace dyad::cosim {
namespace {

constexpr int kRows = 8, kColumns = 8, kDepth = 256;

class BitSerialArrayTest : public ::testing::Test {
 protected:
  BitSerialArrayTest() : activations_(kRows * kDepth), weights_(kColumns * kDepth) {
    dut_->in_valid_i = 0;
    dut_->in_capture_i = 0;
    dut_.reset();
  }
  void clock() {
    dut_.settle();
    dut_.clock();
  }
  // Presents all planes of one word; bit `lane` of row r holds `activations[r]`, of column c `weights[c]`, all other bits 0.
  void multiply_lane(const int* activations, int activation_bits, bool activation_signed, const int* weights, int weight_bits,
                     bool weight_signed, int lane) {
    bool first = true;
    for (const reference::PlanePair& pair : reference::plane_order(activation_bits, weight_bits)) {
      for (int r = 0; r < kRows; ++r)
        activations_.set(r * kDepth + lane, 1, static_cast<std::uint64_t>(activations[r]) >> pair.activation & 1);
      for (int c = 0; c < kColumns; ++c) weights_.set(c * kDepth + lane, 1, static_cast<std::uint64_t>(weights[c]) >> pair.weight & 1);
      set_port(dut_->in_activations_i, activations_);
      set_port(dut_->in_weights_i, weights_);
      dut_->in_valid_i = 1;
      dut_->in_first_i = first;
      dut_->in_shift_i = pair.shift;
      dut_->in_negate_i = reference::plane_pair_negative(pair, activation_bits, activation_signed, weight_bits, weight_signed);
      dut_->in_sum_i = pair.weight == 0;
      dut_->in_sum_negate_i = activation_signed && pair.activation == activation_bits - 1;
      clock();
      first = false;
    }
    dut_->in_valid_i = 0;
    for (int r = 0; r < kRows; ++r) activations_.set(r * kDepth + lane, 1, 0);
    for (int c = 0; c < kColumns; ++c) weights_.set(c * kDepth + lane, 1, 0);
    dut_->in_capture_i = 1;
    clock();
    dut_->in_capture_i = 0;
    for (int i = 1; i < reference::BitSerialArray::kLatency; ++i) clock();
    dut_.settle();
  }
  std::int32_t acc(int i) { return static_cast<std::int32_t>(port_word(dut_->out_acc_o, static_cast<std::size_t>(i))); }
  std::int32_t sum(int i) { return static_cast<std::int32_t>(port_word(dut_->out_sum_o, static_cast<std::size_t>(i))); }

  Dut<Vbit_serial_array> dut_;
  PackedBits activations_, weights_;
};

// Every product of every two numbers of 1 to 8 bits, signed and unsigned, in one of the lanes: with linearity in the lanes, all dot
// products.
TEST_F(BitSerialArrayTest, MultipliesEveryPairOfNumbers) {
  std::int64_t products = 0, wrong = 0, wrong_sums = 0;
  for (int a_bits = 1; a_bits <= 8; ++a_bits)
    for (int w_bits = 1; w_bits <= 8; ++w_bits)
      for (const auto& [a_signed, w_signed] : {std::tuple{false, false}, {false, true}, {true, false}, {true, true}}) {
        const int a_count = 1 << a_bits, w_count = 1 << w_bits, a_low = a_signed ? -a_count / 2 : 0, w_low = w_signed ? -w_count / 2 : 0;
        for (int a = 0; a < a_count; a += kRows)
          for (int w = 0; w < w_count; w += kColumns) {
            int activations[kRows], weights[kColumns];
            for (int r = 0; r < kRows; ++r) activations[r] = a_low + (a + r) % a_count;
            for (int c = 0; c < kColumns; ++c) weights[c] = w_low + (w + c) % w_count;
            multiply_lane(activations, a_bits, a_signed, weights, w_bits, w_signed, static_cast<int>(products % kDepth));
            ASSERT_EQ(dut_->out_valid_o, 1);
            for (int r = 0; r < kRows; ++r) {
              for (int c = 0; c < kColumns; ++c) wrong += acc(r * kColumns + c) != activations[r] * weights[c];
              wrong_sums += sum(r) != activations[r];
            }
            products += std::int64_t{std::min(a_count, kRows)} * std::min(w_count, kColumns) + 1;
          }
      }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(wrong_sums, 0);
  EXPECT_GE(products, 4 * 510 * 510);
}

// A signed bit is 0 or -1: the one plane of a 1-bit operand is its sign plane.
TEST_F(BitSerialArrayTest, ReadsASignedBitAsMinusOne) {
  const int minus_one[8] = {-1, -1, -1, -1, -1, -1, -1, -1}, one[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  multiply_lane(minus_one, 1, true, minus_one, 1, true, 3);
  EXPECT_EQ(acc(0), 1);
  EXPECT_EQ(sum(0), -1);
  multiply_lane(minus_one, 1, true, one, 1, false, 3);
  EXPECT_EQ(acc(0), -1);
  multiply_lane(one, 1, false, minus_one, 1, true, 3);
  EXPECT_EQ(acc(0), -1);
  EXPECT_EQ(sum(0), 1);
}

// k = 33,024 of 255 * 255 each is 2,147,385,600, the largest multiple of the depth that the bound of the page (33,025) allows; one word
// more wraps.
TEST_F(BitSerialArrayTest, HoldsTheLargestSumThatTheBoundAllows) {
  for (const auto& [words, expected] : {std::tuple{129, 2147385600}, {130, static_cast<std::int32_t>(130 * 256 * 65025LL - (1LL << 32))}}) {
    for (int i = 0; i < kRows * kDepth; i += 64) activations_.set(i, 64, ~std::uint64_t{0});
    set_port(dut_->in_activations_i, activations_);
    set_port(dut_->in_weights_i, activations_);
    dut_->in_valid_i = 1;
    dut_->in_negate_i = 0;
    dut_->in_sum_negate_i = 0;
    bool first = true;
    for (const reference::PlanePair& pair : reference::plane_order(8, 8))
      for (int word = 0; word < words; ++word) {
        dut_->in_first_i = first;
        dut_->in_shift_i = pair.shift && word == 0;
        dut_->in_sum_i = pair.weight == 0;
        clock();
        first = false;
      }
    dut_->in_valid_i = 0;
    dut_->in_capture_i = 1;
    clock();
    dut_->in_capture_i = 0;
    for (int i = 1; i < reference::BitSerialArray::kLatency; ++i) clock();
    dut_.settle();
    ASSERT_EQ(dut_->out_valid_o, 1);
    for (int i = 0; i < kRows * kColumns; ++i) ASSERT_EQ(acc(i), expected);
    for (int r = 0; r < kRows; ++r) ASSERT_EQ(sum(r), words * 256 * 255);
  }
}

}  // namespace
}  // namespace dyad::cosim
