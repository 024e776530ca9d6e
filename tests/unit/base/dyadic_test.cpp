// Dyadic arithmetic against a 128-bit oracle stated independently of the implementation.
#include "dyad/base/dyadic.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "dyad/base/random.hpp"

namespace dyad {
namespace {

__extension__ using Wide = __int128;

// round(numerator / 2^shift) from the words of the definition: compare twice the distance with one step.
std::int64_t oracle(Wide numerator, int shift, Rounding rounding) {
  const Wide step = Wide{1} << shift;
  Wide below = numerator / step;
  if (numerator % step < 0) --below;  // greatest integer not above the quotient
  const Wide twice = 2 * (numerator - below * step);
  const bool tie = twice == step;
  bool up = twice > step;
  if (tie) {
    if (rounding == Rounding::kHalfUp) up = true;
    if (rounding == Rounding::kHalfEven) up = below % 2 != 0;
    if (rounding == Rounding::kHalfAway) up = numerator > 0;
  }
  if (rounding == Rounding::kFloor) up = false;
  return static_cast<std::int64_t>(below + (up ? 1 : 0));
}

const Rounding kSingleRoundings[] = {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kFloor};

RC_GTEST_PROP(Dyadic, EqualsWideOracleOnAnyProduct, (std::int32_t acc, std::int32_t multiplier)) {
  RC_PRE(multiplier != INT32_MIN);
  for (int shift = 0; shift <= 62; ++shift)
    for (const Rounding rounding : kSingleRoundings)
      RC_ASSERT(round_multiply(acc, multiplier, shift, rounding) == oracle(static_cast<Wide>(acc) * multiplier, shift, rounding));
}

TEST(Dyadic, EqualsWideOracleOnEveryTieOfSmallMultipliers) {
  for (int shift = 1; shift <= 8; ++shift)
    for (std::int32_t multiplier = -128; multiplier < 128; ++multiplier)
      for (std::int32_t acc = -512; acc <= 512; ++acc)
        for (const Rounding rounding : kSingleRoundings)
          ASSERT_EQ(round_multiply(acc, multiplier, shift, rounding), oracle(static_cast<Wide>(acc) * multiplier, shift, rounding))
              << acc << " * " << multiplier << " >> " << shift << " " << to_string(rounding);
}

// gemmlowp's own formulation: a nudge by sign, a truncating division by 2^31, then RoundingDivideByPOT.
std::int64_t gemmlowp_words(std::int32_t a, std::int32_t b, int exponent) {
  const Wide product = static_cast<Wide>(a) * b;
  const Wide nudge = product >= 0 ? (Wide{1} << 30) : 1 - (Wide{1} << 30);
  const auto high = static_cast<std::int64_t>((product + nudge) / (Wide{1} << 31));
  const std::int64_t mask = (std::int64_t{1} << exponent) - 1;
  const std::int64_t remainder = high & mask;
  const std::int64_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> exponent) + (remainder > threshold ? 1 : 0);
}

RC_GTEST_PROP(Dyadic, GemmlowpEqualsItsPublishedFormulation, (std::int32_t acc, std::int32_t multiplier)) {
  RC_PRE(multiplier != INT32_MIN);
  for (int exponent = 0; exponent <= 31; ++exponent)
    RC_ASSERT(round_multiply(acc, multiplier, 31 + exponent, Rounding::kGemmlowp) == gemmlowp_words(acc, multiplier, exponent));
}

TEST(Dyadic, RoundsTiesAsNamed) {
  // 5/2 and -5/2, 3/2 and -3/2.
  EXPECT_EQ(round_multiply(5, 1, 1, Rounding::kHalfUp), 3);
  EXPECT_EQ(round_multiply(-5, 1, 1, Rounding::kHalfUp), -2);
  EXPECT_EQ(round_multiply(5, 1, 1, Rounding::kHalfEven), 2);
  EXPECT_EQ(round_multiply(-5, 1, 1, Rounding::kHalfEven), -2);
  EXPECT_EQ(round_multiply(3, 1, 1, Rounding::kHalfEven), 2);
  EXPECT_EQ(round_multiply(5, 1, 1, Rounding::kHalfAway), 3);
  EXPECT_EQ(round_multiply(-5, 1, 1, Rounding::kHalfAway), -3);
  EXPECT_EQ(round_multiply(-3, 1, 1, Rounding::kFloor), -2);
}

TEST(Dyadic, Float32ScaleRoundsInFloat32AndSaturates) {
  EXPECT_EQ(round_float32_scale(5, 0.5f), 2);
  EXPECT_EQ(round_float32_scale(7, 0.5f), 4);
  EXPECT_EQ(round_float32_scale(16777217, 1.0f), 16777216);  // float32(acc) drops the last bit
  EXPECT_EQ(round_float32_scale(INT32_MAX, 4.0f), INT32_MAX);
  EXPECT_EQ(round_float32_scale(INT32_MIN, 4.0f), INT32_MIN);
}

TEST(Dyadic, MantissaThatRoundsToTwoTo31IsHalvedAndShiftLowered) {
  const auto dyadic = dyadic_from_ratio(1.0 - 0x1.0p-40);  // frexp mantissa * 2^31 rounds to 2^31
  ASSERT_TRUE(dyadic.has_value());
  EXPECT_EQ(dyadic->multiplier, 1 << 30);
  EXPECT_EQ(dyadic->shift, 30);
  EXPECT_EQ(dyadic_from_ratio(-(1.0 - 0x1.0p-40))->multiplier, -(1 << 30));
}

TEST(Dyadic, RatiosOutsideTheFormAreRefused) {
  EXPECT_FALSE(dyadic_from_ratio(0x1.0p31).has_value());
  EXPECT_FALSE(dyadic_from_ratio(0.5, RequantizationForm::kShift32).has_value());
  EXPECT_EQ(*dyadic_from_ratio(0.25, RequantizationForm::kShift32), (Dyadic{1 << 30, 32}));
  EXPECT_EQ(*dyadic_from_ratio(0.0), (Dyadic{0, 31}));
  EXPECT_EQ(*dyadic_from_ratio(0x1.0p-70), (Dyadic{0, 31}));
}

RC_GTEST_PROP(Dyadic, RatioIsRepresentedWithinHalfAStepOfItsMantissa, (std::uint32_t mantissa, std::uint8_t exponent)) {
  const double ratio = std::ldexp(1.0 + mantissa * 0x1.0p-32, -(exponent % 31));
  const auto dyadic = dyadic_from_ratio(ratio);
  RC_ASSERT(dyadic.has_value());
  RC_ASSERT(dyadic->shift >= 0 && dyadic->shift <= 62);
  RC_ASSERT(std::fabs(dyadic->value() - ratio) <= ratio * 0x1.0p-31);
}

RC_GTEST_PROP(Dyadic, RequantizeSaturatesToItsFormat, (std::int32_t acc, std::uint8_t bits, bool is_signed)) {
  const BitWidth out{1 + bits % 16, is_signed};
  const std::int32_t y = requantize(acc, {1 << 30, 30}, Rounding::kHalfEven, 0, out);
  RC_ASSERT(y == std::clamp<std::int64_t>(acc, out.lowest(), out.highest()));
}

TEST(IntegerAverage, RoundsExactlyAndAsHawqDoes) {
  EXPECT_EQ(integer_average(-4, 4, AverageRounding::kHawq), 0);  // HAWQ loses one LSB of exact negative integers
  EXPECT_EQ(integer_average(7, 2, AverageRounding::kHawq), 3);
  EXPECT_EQ(integer_average(-7, 2, AverageRounding::kHalfUp), -3);
  EXPECT_EQ(integer_average(-7, 2, AverageRounding::kHalfAway), -4);
  EXPECT_EQ(integer_average(-7, 2, AverageRounding::kFloor), -4);
  EXPECT_EQ(integer_average(7, 2, AverageRounding::kFloor), 3);
}

RC_GTEST_PROP(IntegerAverage, EqualsWideOracle, (std::int32_t sum, std::uint8_t n)) {
  const std::int64_t count = 1 + n;
  const double exact = static_cast<double>(sum) / static_cast<double>(count);  // 32-bit sum, 8-bit count: ties are exact in double
  RC_ASSERT(integer_average(sum, count, AverageRounding::kHalfUp) == static_cast<std::int32_t>(std::floor(exact + 0.5)));
  RC_ASSERT(integer_average(sum, count, AverageRounding::kHalfAway) == static_cast<std::int32_t>(std::round(exact)));
  RC_ASSERT(integer_average(sum, count, AverageRounding::kFloor) == static_cast<std::int32_t>(std::floor(exact)));
}

}  // namespace
}  // namespace dyad
