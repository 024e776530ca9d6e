#include "dyad/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace dyad {
namespace {

Result<int> half(int value) {
  if (value % 2) return Error{"--value", "is odd", "use an even number"};
  return value / 2;
}

Result<void> check(int value) {
  DYAD_TRY([[maybe_unused]] const int h, half(value));
  return {};
}

Result<int> quarter(int value) {
  DYAD_CHECK(check(value));
  DYAD_TRY(const int h, half(value));
  return half(h);
}

TEST(Result, CarriesValuesAndErrorsThroughCallers) {
  EXPECT_EQ(*quarter(12), 3);
  ASSERT_FALSE(quarter(6));
  EXPECT_EQ(quarter(6).error().message, "is odd");
  EXPECT_EQ(quarter(5).error().place, "--value");
}

TEST(Result, TakingAValueThatIsNotThereIsOurBug) { EXPECT_THROW(half(3).value(), InternalError); }

TEST(Result, HoldsValuesThatOnlyMove) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(4);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 4);
}

TEST(Expect, ThrowsWithThePlace) {
  try {
    DYAD_EXPECT(1 > 2, "numbers are off");
    FAIL();
  } catch (const InternalError& error) {
    EXPECT_NE(std::string(error.what()).find("numbers are off (1 > 2"), std::string::npos);
  }
}

}  // namespace
}  // namespace dyad
