// Uniform quantizers at their edges; the bulk is checked against HAWQ-V3's numbers in hawq_vectors_test.
#include "dyad/quantizer/uniform.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "dyad/base/random.hpp"

namespace dyad::quantizer {
namespace {

TEST(Uniform, ScalesFollowTheirFormula) {
  EXPECT_EQ(symmetric_scale({-0.5f, 1.0f}, 4), 1.0f / 7.0f);
  EXPECT_EQ(symmetric_scale({-3.0f, 1.0f}, 2), 3.0f);
  EXPECT_EQ(asymmetric_scale({0.0f, 3.0f}, 4), 3.0f / 15.0f);
  EXPECT_EQ(symmetric_scale({0, 0}, 8), 1e-8f / 127.0f);  // floored range
}

TEST(Uniform, TiesGoToEvenAndEndsSaturate) {
  const BitWidth s4{4, true}, u4{4, false};
  EXPECT_EQ(quantize_value(2.5f, 1.0f, s4), 2);
  EXPECT_EQ(quantize_value(3.5f, 1.0f, s4), 4);
  EXPECT_EQ(quantize_value(-2.5f, 1.0f, s4), -2);
  EXPECT_EQ(quantize_value(9.0f, 1.0f, s4), 7);
  EXPECT_EQ(quantize_value(-9.0f, 1.0f, s4), -8);
  EXPECT_EQ(quantize_value(-1.0f, 1.0f, u4), 0);
  EXPECT_EQ(quantize_value(99.0f, 1.0f, u4), 15);
}

TEST(Uniform, BiasSaturatesInsteadOfWrapping) {
  // 1 / 1e-12 = 1e12 is beyond int32; HAWQ-V3's float clamp would give 2^31 and wrap to INT32_MIN.
  const std::vector<float> bias{1.0f, -1.0f, 0.0f, 3.0f};
  const auto q = quantize_bias(bias, 1e-6f, std::vector<float>{1e-6f, 1e-6f, 0.0f, 1e6f});
  EXPECT_EQ(q, (std::vector<std::int32_t>{INT32_MAX, INT32_MIN, 0, 3}));
}

TEST(Uniform, WeightPercentileCountsFromOne) {
  // 10 values: k = ceil(10 * 10 / 100) = 1 and ceil(10 * 90 / 100) = 9.
  std::vector<float> values{10, 9, 8, 7, 6, 5, 4, 3, 2, 1};
  EXPECT_EQ(weight_range(values, 90).lowest, 1);
  EXPECT_EQ(weight_range(values, 90).highest, 9);
  EXPECT_EQ(weight_range(values, 0).highest, 10);
  EXPECT_EQ(weight_range(std::vector<float>{4.0f}, 99).highest, 4);  // one weight
}

RC_GTEST_PROP(UniformProperty, FakeQuantizationIsTheIntegerTimesTheScale, (std::uint64_t seed)) {
  Random random(seed);
  const BitWidth format{static_cast<int>(random.between(2, 16)), random.coin()};
  const float scale = static_cast<float>(random.uniform()) * 0.1f + 1e-4f;
  std::vector<float> values;
  for (int i = 0; i < 100; ++i) values.push_back(static_cast<float>(random.normal()) * scale * std::ldexp(1.0f, format.bits - 1));
  for (int i = -3; i <= 3; ++i) values.push_back((static_cast<float>(i) + 0.5f) * scale);  // near ties
  std::vector<float> fake = values;
  fake_quantize(fake, scale, format);
  for (std::size_t i = 0; i < values.size(); ++i)
    RC_ASSERT(fake[i] == static_cast<float>(quantize_value(values[i], 1.0f / scale, format)) * scale);
}

TEST(Uniform, PerTensorUsesOneScale) {
  const std::vector<float> weights{0.1f, -0.2f, 0.4f, -0.7f};
  const auto q = quantize_symmetric(weights, 2, 4, false, 0);
  ASSERT_EQ(q.scales.size(), 1u);
  EXPECT_EQ(q.scales[0], 0.7f / 7.0f);
  EXPECT_EQ(q.values, (std::vector<std::int32_t>{1, -2, 4, -7}));
}

}  // namespace
}  // namespace dyad::quantizer
