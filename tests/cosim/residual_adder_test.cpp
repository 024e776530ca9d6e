#include <Vresidual_adder_half_even.h>
#include <Vresidual_adder_half_up.h>
#include <gtest/gtest.h>

#include "checks/residual_adder_check.hpp"
#include "dyad/cosim/requantizer_driver.hpp"

namespace dyad::cosim {
namespace {

using reference::ResidualBeat;

// 2.5 + 2.5: each operand is rounded before the addition, so that half even gives 4 and half up 6.
TEST(ResidualAdder, RoundsEachOperandOnce) {
  const ResidualBeat beats[] = {{5, {1, 1}, 5, {1, 1}}, {5, {1, 1}, -5, {1, 1}}, {5, {1, 1}, 1, {3, 1}, 10}};
  using Values = std::vector<std::int32_t>;
  EXPECT_EQ(run_residual_adder(Rounding::kHalfEven, beats), (Values{4, 0, 14}));  // 2 + 2, 2 - 2, 2 + 2 + 10
  EXPECT_EQ(run_residual_adder(Rounding::kHalfUp, beats), (Values{6, 1, 15}));    // 3 + 3, 3 - 2, 3 + 2 + 10
  EXPECT_EQ(run_residual_adder(Rounding::kHalfAway, beats), (Values{6, 0, 15}));
  EXPECT_EQ(run_residual_adder(Rounding::kFloor, beats), (Values{4, -1, 13}));
}

// The largest magnitudes: 2 * (2^31)(2^31 - 1) = 2^63 - 2^32, and the zero point on top.
TEST(ResidualAdder, HoldsTheLargestSums) {
  const ResidualBeat low{INT32_MIN, {INT32_MAX, 0}, INT32_MIN, {INT32_MAX, 0}, INT32_MIN};
  const ResidualBeat high{INT32_MIN, {-INT32_MAX, 0}, INT32_MIN, {-INT32_MAX, 0}, INT32_MAX};
  const ResidualBeat beats[] = {low, high};
  EXPECT_EQ(run_residual_adder(Rounding::kHalfUp, beats), (std::vector<std::int32_t>{INT32_MIN, INT32_MAX}));
}

TEST(ResidualAdder, CheckSeesAWrongMode) {
  EXPECT_GE((check_residual_adder<Vresidual_adder_half_up, Rounding::kHalfEven>({1, 1000})).mismatches, 10);
}

}  // namespace
}  // namespace dyad::cosim
