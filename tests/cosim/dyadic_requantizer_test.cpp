#include <Vdyadic_requantizer_half_up.h>
#include <gtest/gtest.h>

#include <vector>

#include "checks/dyadic_requantizer_check.hpp"
#include "dyad/cosim/requantizer_driver.hpp"

namespace dyad::cosim {
namespace {

using reference::RequantizerBeat;

// 5 / 2 = 2.5, -5 / 2 = -2.5, 3 / 2 = 1.5, -3 / 2 = -1.5, worked by hand from each mode's rule.
TEST(DyadicRequantizer, RoundsTiesAsItsModeSays) {
  const RequantizerBeat beats[] = {{5, 1, 1}, {-5, 1, 1}, {3, 1, 1}, {-3, 1, 1}, {5, -1, 1}, {7, 1, 2}, {-7, 1, 2}};  // last two: 1.75
  using Values = std::vector<std::int32_t>;
  EXPECT_EQ(run_requantizer(Rounding::kHalfUp, beats), (Values{3, -2, 2, -1, -2, 2, -2}));
  EXPECT_EQ(run_requantizer(Rounding::kHalfEven, beats), (Values{2, -2, 2, -2, -2, 2, -2}));
  EXPECT_EQ(run_requantizer(Rounding::kHalfAway, beats), (Values{3, -3, 2, -2, -3, 2, -2}));
  EXPECT_EQ(run_requantizer(Rounding::kFloor, beats), (Values{2, -3, 1, -2, -3, 1, -2}));
}

// Two roundings: half up by 2^31, then half away from zero. 5/2 and -5/2 take the first alone; at shift 32, 1/4 is 1/2 before the first,
// upward 1, then 1/2 again, away from zero 1, where one rounding gives 0; -1/4 is -1/2, upward 0; -3/4 is -3/2, upward -1, then -1/2, away
// -1.
TEST(DyadicRequantizer, GemmlowpRoundsTwice) {
  constexpr std::int32_t kHalf = 1 << 30;  // a half at shift 31, a quarter at shift 32
  const RequantizerBeat beats[] = {{5, kHalf, 31}, {-5, kHalf, 31}, {1, kHalf, 32}, {-1, kHalf, 32}, {-3, kHalf, 32}};
  EXPECT_EQ(run_requantizer(Rounding::kGemmlowp, beats), (std::vector<std::int32_t>{3, -2, 1, 0, -1}));
  EXPECT_EQ(run_requantizer(Rounding::kHalfUp, beats), (std::vector<std::int32_t>{3, -2, 0, 0, -1}));
}

// acc * 2^31 saturates at int32 before the product: 2^31 - 1 times 3 over 2^31 is 3 - 3/2^31, rounded 3.
TEST(DyadicRequantizer, GemmlowpSaturatesItsLeftShift) {
  const RequantizerBeat beats[] = {{1, 3, 0}, {-1, 3, 0}, {100, 3, 0}, {1, INT32_MAX, 0}};
  EXPECT_EQ(run_requantizer(Rounding::kGemmlowp, beats), (std::vector<std::int32_t>{3, -3, 3, INT32_MAX - 1}));
  EXPECT_EQ(run_requantizer(Rounding::kHalfUp, beats), (std::vector<std::int32_t>{3, -3, 300, INT32_MAX}));
}

TEST(DyadicRequantizer, AddsTheZeroPointBeforeTheClamp) {
  const RequantizerBeat beats[] = {
      {1000, 1, 0, -900, -128, 127}, {1000, 1, 0, -872, -128, 127}, {1000, 1, 0, -1129, -128, 127}, {INT32_MIN, INT32_MAX, 0, INT32_MIN}};
  EXPECT_EQ(run_requantizer(Rounding::kHalfEven, beats), (std::vector<std::int32_t>{100, 127, -128, INT32_MIN}));
}

TEST(DyadicRequantizer, GivesAResultThreeCyclesAfterItsBeatAndOneACycle) {
  Dut<Vdyadic_requantizer_half_up> dut;
  dut->in_valid_i = 1;
  dut->out_ready_i = 1;
  dut->in_multiplier_i = 1;
  dut->in_shift_i = 0;
  dut->in_zero_point_i = 0;
  dut->in_lowest_i = 0x80000000u;
  dut->in_highest_i = 0x7fffffffu;
  dut.reset();
  for (int cycle = 0; cycle < 100; ++cycle) {
    dut->in_acc_i = static_cast<std::uint32_t>(cycle);
    dut.settle();
    ASSERT_EQ(dut->in_ready_o, 1);
    ASSERT_EQ(dut->out_valid_o, cycle >= 3);
    if (cycle >= 3) {
      ASSERT_EQ(dut->out_data_o, static_cast<std::uint32_t>(cycle - 3));
    }
    dut.clock();
  }
}

// Every beat of the tie part is a tie, and no (accumulator, multiplier) occurs twice.
TEST(RequantizerCases, EnumerateEveryTieOnce) {
  constexpr std::int64_t kCount = RequantizerCases::kTies / 5 * 6 + 6 + RequantizerCases::kCorners;
  RequantizerCases cases(1, kCount, Rounding::kHalfUp);
  for (std::int64_t i = 0; i < RequantizerCases::kCorners; ++i) (void)cases.next();
  std::vector<bool> seen(static_cast<std::size_t>(65'536) * 384);
  for (std::int64_t i = 0; i < RequantizerCases::kTies; ++i) {
    const RequantizerBeat beat = cases.next();
    const std::int64_t product = std::int64_t{beat.acc} * beat.multiplier;
    ASSERT_EQ(product & ((std::int64_t{1} << beat.shift) - 1), std::int64_t{1} << (beat.shift - 1));
    const std::size_t place = static_cast<std::size_t>(beat.acc + 32'768) * 384 + static_cast<std::size_t>(beat.multiplier + 128);
    ASSERT_FALSE(seen[place]);
    seen[place] = true;
  }
}

// The check finds a module that rounds otherwise.
TEST(DyadicRequantizer, CheckSeesAWrongMode) {
  const Check check = check_dyadic_requantizer<Vdyadic_requantizer_half_up, Rounding::kHalfAway>({1, 1000});
  EXPECT_GE(check.mismatches, 10);
  EXPECT_NE(check.first.find("out_data_o"), std::string::npos) << check.first;
}

}  // namespace
}  // namespace dyad::cosim
