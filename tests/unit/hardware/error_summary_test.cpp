#include "dyad/hardware/error_summary.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace dyad::hardware {
namespace {

// Errors +10, -20, 0 %: mean of absolutes 10, bias -10/3; sorted absolutes 0, 10, 20, rank 0.9 * 2 = 1.8: 10 + 0.8 * 10 = 18.
// Pairs: (100, 200) predicted 110, 160 in order; (100, 50) and (200, 50) in order: tau 1.
TEST(ErrorSummary, IsWorkedByHand) {
  const std::vector<double> measured{100, 200, 50}, predicted{110, 160, 50};
  const std::vector<std::string> groups{"a", "b", "c"};
  const ErrorSummary summary = summarize_errors(predicted, measured, groups, 0);
  EXPECT_NEAR(summary.mape, 10, 1e-12);
  EXPECT_NEAR(summary.bias, -10.0 / 3, 1e-12);
  EXPECT_NEAR(summary.p90, 18, 1e-12);
  EXPECT_EQ(summary.kendall_tau, 1.0);
  // Three groups: a draw has all of one group with probability 1/27 each, above 2.5 %, so the interval reaches from 0 to 20.
  EXPECT_NEAR(summary.mape_low, 0, 1e-12);
  EXPECT_NEAR(summary.mape_high, 20, 1e-12);
}

TEST(ErrorSummary, DrawsGroupsTogether) {
  // One group: every draw is the whole, so the interval has no width.
  const std::vector<double> measured{100, 200, 50}, predicted{110, 160, 50};
  const std::vector<std::string> groups(3, "same");
  const ErrorSummary summary = summarize_errors(predicted, measured, groups, 5);
  EXPECT_NEAR(summary.mape_low, 10, 1e-12);
  EXPECT_NEAR(summary.mape_high, 10, 1e-12);
}

// Geometric mean of 100 and 121 is 110: deviations 1/11 and 1/10. The row that stands alone says nothing about scatter.
TEST(Scatter, ComparesRowsOfAGroup) {
  const std::vector<double> measured{100, 50, 121};
  const std::vector<std::string> groups{"a", "b", "a"};
  const Scatter scatter = measure_scatter(measured, groups);
  EXPECT_EQ(scatter.rows, 2);
  EXPECT_EQ(scatter.groups, 1);
  EXPECT_NEAR(scatter.mape, 100 * (1.0 / 11 + 1.0 / 10) / 2, 1e-9);
  EXPECT_NEAR(scatter.largest_ratio, 1.21, 1e-12);
}

}  // namespace
}  // namespace dyad::hardware
