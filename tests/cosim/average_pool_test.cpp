#include <Vaverage_pool_half_up.h>
#include <gtest/gtest.h>

#include "checks/average_check.hpp"
#include "dyad/cosim/requantizer_driver.hpp"

namespace dyad::cosim {
namespace {

constexpr AverageRounding kRoundings[] = {AverageRounding::kHalfUp, AverageRounding::kHalfAway, AverageRounding::kFloor,
                                          AverageRounding::kHawq};

// The condition of the exactness argument (docs/rtl/average_divider.md), for every count there is: multiplier * count = 2^shift + e with
// 0 <= e < count <= 2^(shift - 31), and the multiplier fits 32 bits.
TEST(AverageReciprocal, IsExactForEveryCount) {
  for (std::int64_t count = 1; count <= kLargestAverageCount; ++count) {
    const auto reciprocal = average_reciprocal(count, AverageRounding::kFloor);
    ASSERT_TRUE(reciprocal.has_value());
    const std::int64_t power = std::int64_t{1} << reciprocal->shift;
    const std::int64_t excess = std::int64_t{reciprocal->multiplier} * count - power;
    ASSERT_GE(excess, 0) << count;
    ASSERT_LT(excess, count) << count;
    ASSERT_LE(count, power >> 31) << count;
  }
  EXPECT_FALSE(average_reciprocal(0, AverageRounding::kFloor));
  EXPECT_FALSE(average_reciprocal(kLargestAverageCount + 1, AverageRounding::kFloor));
}

// Windows of up to 4096 elements of 16 bits, signed or not, have exact averages in the exact modes.
TEST(AverageReciprocal, ReachesEverySumOfSixteenBitElements) {
  for (const AverageRounding rounding : {AverageRounding::kHalfUp, AverageRounding::kHalfAway, AverageRounding::kFloor})
    for (std::int64_t count = 1; count <= 4096; ++count) ASSERT_GE(average_reciprocal(count, rounding)->largest_sum, count * 65'535);
}

// HAWQ's float32: the next sum beyond largest_sum is one where the integer rule and float32 differ (or float32 stops holding integers).
TEST(AverageReciprocal, KnowsWhereHawqsFloatShows) {
  const auto rule = [](std::int64_t sum, std::int64_t count, const AverageReciprocal& r) {
    return sum >= 0 ? (sum + r.offset) / count : -(std::max<std::int64_t>(-sum - r.negative_offset, 0) / count);
  };
  for (const std::int64_t count : {1, 2, 7, 16, 36, 49, 64, 99, 100, 101, 196, 1024, 4096}) {
    const AverageReciprocal r = *average_reciprocal(count, AverageRounding::kHawq);
    const auto differs = [&](std::int64_t sum) { return rule(sum, count, r) != integer_average(sum, count, AverageRounding::kHawq); };
    for (std::int64_t sum = r.largest_sum; sum > std::max<std::int64_t>(0, r.largest_sum - 20'000); --sum) {
      ASSERT_FALSE(differs(sum)) << sum << " / " << count;
      ASSERT_FALSE(differs(-sum)) << -sum << " / " << count;
    }
    EXPECT_TRUE(differs(r.largest_sum + 1) || differs(-r.largest_sum - 1) || r.largest_sum == 1 << 24) << count;
  }
  // 7 x 7 and 8 x 8 windows of 16-bit elements, HAWQ's last layers, are inside.
  EXPECT_GE(average_reciprocal(49, AverageRounding::kHawq)->largest_sum, 49 * 65'535);
  EXPECT_GE(average_reciprocal(64, AverageRounding::kHawq)->largest_sum, 64 * 65'535);
}

// Through the RTL: every count from 1 to 4096, at the sums around 0, around a half, and at the largest ones.
TEST(AverageDivider, AgreesAtEveryCount) {
  for (const AverageRounding rounding : kRoundings) {
    std::vector<reference::AverageBeat> beats;
    for (std::int64_t count = 1; count <= 4096; ++count) {
      const std::int64_t largest = average_reciprocal(count, rounding)->largest_sum, top = largest / count * count;
      for (const std::int64_t at : {std::int64_t{0}, count / 2, count, count + (count + 1) / 2, top, top - count / 2, largest})
        for (const std::int64_t sum : {at - 1, at, at + 1})
          for (const std::int64_t each : {sum, -sum})
            if (each >= -largest && each <= largest) beats.push_back({static_cast<std::int32_t>(each), count});
    }
    const auto got = run_average_divider(rounding, beats);
    for (std::size_t i = 0; i < beats.size(); ++i)
      ASSERT_EQ(got[i], integer_average(beats[i].sum, beats[i].count, rounding)) << beats[i].sum << " / " << beats[i].count;
  }
}

// 1 + 2 + 4 over 3 is 2.33, 1 + 1 over 2 is 1, -1 alone is -1; a result four cycles after its last element.
TEST(AveragePool, GivesOneResultAWindow) {
  Dut<Vaverage_pool_half_up> dut;
  dut->in_valid_i = 0;
  dut->out_ready_i = 1;
  dut.reset();
  struct Element {
    int data, count;
    bool first, last;
  };
  const Element elements[] = {{1, 3, true, false}, {2, 3, false, false}, {4, 3, false, true},
                              {1, 2, true, false}, {1, 2, false, true},  {-1, 1, true, true}};
  const int results[] = {2, 1, -1}, cycles[] = {2 + 4, 4 + 4, 5 + 4};
  std::size_t seen = 0;
  for (int cycle = 0; cycle < 14; ++cycle) {
    dut->in_valid_i = cycle < 6;
    if (cycle < 6) {
      const Element& e = elements[cycle];
      dut->in_data_i = static_cast<std::uint32_t>(e.data);
      dut->in_first_i = e.first;
      dut->in_last_i = e.last;
      drive_average(*dut, reference::AverageElement{}, *average_reciprocal(e.count, AverageRounding::kHalfUp), 32);
    }
    dut.settle();
    ASSERT_EQ(dut->in_ready_o, 1);
    if (dut->out_valid_o) {
      ASSERT_LT(seen, std::size(results));
      EXPECT_EQ(static_cast<std::int32_t>(dut->out_data_o), results[seen]);
      EXPECT_EQ(cycle, cycles[seen]);
      ++seen;
    }
    dut.clock();
  }
  EXPECT_EQ(seen, std::size(results));
}

TEST(AveragePool, CheckSeesAWrongMode) {
  EXPECT_GE((check_average_pool<Vaverage_pool_half_up, AverageRounding::kHalfAway>({1, 20'000})).mismatches, 10);
}

}  // namespace
}  // namespace dyad::cosim
