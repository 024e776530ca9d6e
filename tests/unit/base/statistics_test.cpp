// Kendall's tau-b on lists small enough to count by hand.
#include "dyad/base/statistics.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad {
namespace {

TEST(KendallTau, CountsPairsWithoutTies) {
  const std::vector<double> a = {1, 2, 3, 4};
  // Of the 6 pairs of (1, 3, 2, 4) only (3, 2) is out of order: (5 - 1) / 6.
  EXPECT_DOUBLE_EQ(*kendall_tau(a, std::vector<double>{1, 3, 2, 4}), 4.0 / 6.0);
  EXPECT_DOUBLE_EQ(*kendall_tau(a, std::vector<double>{10, 20, 30, 400}), 1.0);
  EXPECT_DOUBLE_EQ(*kendall_tau(a, std::vector<double>{4, 3, 2, 1}), -1.0);
}

TEST(KendallTau, LeavesTiedPairsOut) {
  // a has one tied pair (1, 1), b none: pairs (1,2) (1,3) (1,2) (1,3) (2,3) untied in a = 5, in b 6.
  // b = (2, 1, 3, 4): all five are concordant. tau-b = 5 / sqrt(5 * 6).
  EXPECT_DOUBLE_EQ(*kendall_tau(std::vector<double>{1, 1, 2, 3}, std::vector<double>{2, 1, 3, 4}), 5.0 / std::sqrt(30.0));
}

TEST(KendallTau, IsUndefinedWithoutAnOrder) {
  EXPECT_FALSE(kendall_tau(std::vector<double>{}, std::vector<double>{}));
  EXPECT_FALSE(kendall_tau(std::vector<double>{1}, std::vector<double>{2}));
  EXPECT_FALSE(kendall_tau(std::vector<double>{1, 1, 1}, std::vector<double>{1, 2, 3}));
  EXPECT_THROW(kendall_tau(std::vector<double>{1, 2}, std::vector<double>{1}), InternalError);
}

RC_GTEST_PROP(KendallTau, ChangesSignWithTheOrder, (std::vector<int> values)) {
  std::vector<double> a, b, negated;
  for (std::size_t i = 0; i < values.size(); ++i) {
    a.push_back(static_cast<double>(i % 7));
    b.push_back(values[i]);
    negated.push_back(-static_cast<double>(values[i]));
  }
  const auto tau = kendall_tau(a, b), opposite = kendall_tau(a, negated);
  RC_ASSERT(tau.has_value() == opposite.has_value());
  if (tau) {
    RC_ASSERT(*tau == -*opposite);
    RC_ASSERT(std::abs(*tau) <= 1.0 + 1e-12);
    RC_ASSERT(*tau == *kendall_tau(b, a));
  }
}

}  // namespace
}  // namespace dyad
