#include "dyad/base/units.hpp"

#include <gtest/gtest.h>

#include "dyad/base/bits.hpp"

namespace dyad {
namespace {

TEST(Units, AddAndScaleInsideTheirOwnUnit) {
  EXPECT_EQ(Cycles(3) + Cycles(4) * 2, Cycles(11));
  EXPECT_LT(Cycles(3), Cycles(4));
  static_assert(!std::is_convertible_v<Cycles, Bits>);
  static_assert(!std::is_convertible_v<int, Cycles>);
}

TEST(Units, RatesTimesAmounts) {
  const Per<Picojoules, Bits> read(0.25);
  EXPECT_DOUBLE_EQ((read * Bits(8)).value, 2.0);
  EXPECT_DOUBLE_EQ(duration(Cycles(1000), Megahertz(500)).value, 2.0);
}

TEST(BitWidth, RangesOfSignedAndUnsigned) {
  EXPECT_EQ((BitWidth{8, true}.lowest()), -128);
  EXPECT_EQ((BitWidth{8, true}.highest()), 127);
  EXPECT_EQ((BitWidth{8, false}.highest()), 255);
  EXPECT_EQ((BitWidth{1, true}.lowest()), -1);
  EXPECT_EQ((BitWidth{1, true}.highest()), 0);
  EXPECT_EQ((BitWidth{32, true}.lowest()), INT32_MIN);
  EXPECT_EQ((BitWidth{4, false}.clamp(-3)), 0);
  EXPECT_EQ((BitWidth{4, false}.clamp(99)), 15);
}

}  // namespace
}  // namespace dyad
