#include "dyad/cosim/reference/mma_tile.hpp"

#include <Vmma_tile.h>
#include <gtest/gtest.h>

#include <deque>
#include <tuple>

#include "checks/port_bits.hpp"
#include "dyad/cosim/dut.hpp"

namespace dyad::cosim {
namespace {

constexpr int kRows = 2, kColumns = 2, kWordBits = 128;

// Every product of two elements, in every lane of the word, in every format: one job a cycle, captured in the next cycle.
TEST(MmaTile, MultipliesEveryPairOfElements) {
  Dut<Vmma_tile> dut;
  dut->in_valid_i = 0;
  dut->in_capture_i = 0;
  dut.reset();
  PackedBits activations(kRows * kWordBits), weights(kColumns * kWordBits);
  struct Expected {
    int acc[kRows * kColumns], sum[kRows];
  };
  std::deque<Expected> expected;
  std::int64_t results = 0, wrong = 0;
  const auto clock = [&] {
    dut.settle();
    if (dut->out_valid_o) {
      ASSERT_FALSE(expected.empty());
      for (int i = 0; i < kRows * kColumns; ++i)
        wrong += static_cast<std::int32_t>(port_word(dut->out_acc_o, static_cast<std::size_t>(i))) != expected.front().acc[i];
      for (int r = 0; r < kRows; ++r)
        wrong += static_cast<std::int32_t>(port_word(dut->out_sum_o, static_cast<std::size_t>(r))) != expected.front().sum[r];
      expected.pop_front();
      ++results;
    }
    dut.clock();
  };
  std::int64_t jobs = 0;
  for (const int mode : {0, 1, 2})
    for (const auto& [a_signed, w_signed] : {std::tuple{false, false}, {false, true}, {true, false}, {true, true}}) {
      const int bits = mode == 0   ? 8
                       : mode == 1 ? 4
                                   : 1,
                count = 1 << bits, low_a = a_signed ? -count / 2 : 0, low_w = w_signed ? -count / 2 : 0;
      for (int lane = 0; lane < kWordBits / bits; ++lane)
        for (int a = 0; a < count; a += kRows)
          for (int w = 0; w < count; w += kColumns) {
            Expected products{};
            for (int r = 0; r < kRows; ++r) {
              products.sum[r] = low_a + (a + r) % count;
              activations.set(r * kWordBits + lane * bits, bits, static_cast<std::uint64_t>(products.sum[r]));
              for (int c = 0; c < kColumns; ++c) products.acc[r * kColumns + c] = products.sum[r] * (low_w + (w + c) % count);
            }
            for (int c = 0; c < kColumns; ++c)
              weights.set(c * kWordBits + lane * bits, bits, static_cast<std::uint64_t>(low_w + (w + c) % count));
            set_port(dut->in_activations_i, activations);
            set_port(dut->in_weights_i, weights);
            dut->in_mode_i = static_cast<std::uint8_t>(mode);
            dut->in_activation_signed_i = a_signed;
            dut->in_weight_signed_i = w_signed;
            dut->in_valid_i = 1;
            dut->in_first_i = 1;
            dut->in_capture_i = jobs > 0;  // the job of the cycle before
            expected.push_back(products);
            ++jobs;
            clock();
            for (int r = 0; r < kRows; ++r) activations.set(r * kWordBits + lane * bits, bits, 0);
            for (int c = 0; c < kColumns; ++c) weights.set(c * kWordBits + lane * bits, bits, 0);
          }
    }
  dut->in_valid_i = 0;
  dut->in_capture_i = 1;
  clock();
  dut->in_capture_i = 0;
  for (int i = 0; i < reference::MmaTile::kLatency; ++i) clock();
  EXPECT_EQ(results, jobs);
  EXPECT_EQ(wrong, 0);
}

// 16 products of 255 * 255 a word: 2,064 words are 33,024 elements, 2,147,385,600; 16 * 128 * 128 is the largest signed one.
TEST(MmaTile, HoldsTheLargestSumThatTheBoundAllows) {
  Dut<Vmma_tile> dut;
  dut->in_valid_i = 0;
  dut->in_capture_i = 0;
  dut.reset();
  PackedBits ones(kRows * kWordBits);
  for (int i = 0; i < kRows * kWordBits; i += 64) ones.set(i, 64, ~std::uint64_t{0});
  set_port(dut->in_activations_i, ones);
  set_port(dut->in_weights_i, ones);
  dut->in_mode_i = 0;
  dut->in_activation_signed_i = 0;
  dut->in_weight_signed_i = 0;
  for (int word = 0; word < 2064; ++word) {
    dut->in_valid_i = 1;
    dut->in_first_i = word == 0;
    dut.settle();
    dut.clock();
  }
  dut->in_valid_i = 0;
  dut->in_capture_i = 1;
  dut.settle();
  dut.clock();
  dut->in_capture_i = 0;
  for (int i = 1; i < reference::MmaTile::kLatency; ++i) {
    dut.settle();
    EXPECT_EQ(dut->out_valid_o, 0);
    dut.clock();
  }
  dut.settle();
  ASSERT_EQ(dut->out_valid_o, 1);
  for (std::size_t i = 0; i < kRows * kColumns; ++i) EXPECT_EQ(port_word(dut->out_acc_o, i), 2147385600u);
  for (std::size_t r = 0; r < kRows; ++r) EXPECT_EQ(port_word(dut->out_sum_o, r), 33024u * 255u);
}

}  // namespace
}  // namespace dyad::cosim
