#include "dyad/base/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace dyad {
namespace {

TEST(Random, SameSeedSameNumbersOtherStreamOthers) {
  Random a(7, 1), b(7, 1), c(7, 2), d(8, 1);
  const std::uint64_t first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
  EXPECT_NE(first, d.next());
}

TEST(Random, UniformAndNormalHaveTheirMoments) {
  Random random(1);
  const int count = 200000;
  double sum = 0, square = 0, normal_sum = 0, normal_square = 0;
  for (int i = 0; i < count; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    square += u * u;
    const double n = random.normal();
    normal_sum += n;
    normal_square += n * n;
  }
  // Five standard errors: sd of u is 1/sqrt(12), of u^2 is sqrt(4/45), of n is 1, of n^2 is sqrt(2).
  const double root = std::sqrt(count);
  EXPECT_NEAR(sum / count, 0.5, 5 * std::sqrt(1.0 / 12) / root);
  EXPECT_NEAR(square / count, 1.0 / 3, 5 * std::sqrt(4.0 / 45) / root);
  EXPECT_NEAR(normal_sum / count, 0.0, 5 / root);
  EXPECT_NEAR(normal_square / count, 1.0, 5 * std::sqrt(2.0) / root);
}

TEST(Random, BelowReachesEveryValueEvenly) {
  Random random(2);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(10000 * 6.0 / 7));
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t value = random.between(-3, 3);
    EXPECT_TRUE(value >= -3 && value <= 3);
  }
  EXPECT_EQ(random.below(1), 0u);
  random.between(INT64_MIN, INT64_MAX);
}

TEST(Random, PermutationHoldsEveryIndexOnce) {
  Random random(3);
  auto order = random_permutation(1000, random);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (std::int64_t i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(random_permutation(0, random).empty());
}

}  // namespace
}  // namespace dyad
