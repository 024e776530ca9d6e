// APoT levels and the nearest level, against the reference implementation's vectors (apot_*.json).
#include "dyad/quantizer/apot.hpp"

#include <gtest/gtest.h>

#include "support/vector_json.hpp"

namespace dyad::quantizer {
namespace {

using testing_support::vector_cases;
using testing_support::VectorCase;

TEST(Apot, LevelsOfThreeBitsByHand) {
  // {0, 1, 4, 8} + {0, 2}: 0 1 4 8 2 3 6 10.
  EXPECT_EQ(apot_levels(3).numerators, (std::vector<std::int32_t>{0, 1, 2, 3, 4, 6, 8, 10}));
  EXPECT_EQ(apot_levels(3).denominator, 10);
  EXPECT_EQ(apot_levels(BitWidth{4, true}).numerators, apot_levels(3).numerators);
}

TEST(Apot, NearestLevelByHand) {
  const ApotLevels levels = apot_levels(2);                 // 0, 1/4, 1/2, 1
  EXPECT_EQ(apot_quantize(0.3f, 1.0f, levels, true), 1);    // 0.05 from 1/4
  EXPECT_EQ(apot_quantize(-0.8f, 1.0f, levels, true), -4);  // 0.2 from 1, 0.3 from 1/2
  EXPECT_EQ(apot_quantize(0.75f, 1.0f, levels, true), 2);   // a tie: the smaller
  EXPECT_EQ(apot_quantize(0.125f, 1.0f, levels, true), 0);  // a tie
  EXPECT_EQ(apot_quantize(-9.0f, 2.0f, levels, true), -4);  // clamped
  EXPECT_EQ(apot_quantize(-9.0f, 2.0f, levels, false), 0);
  EXPECT_EQ(apot_quantize(1.2f, 2.0f, levels, false), 2);  // 0.6
}

TEST(Apot, LevelsAreTheReferences) {
  DYAD_NEEDS_VECTORS("apot_level_sets");
  for (const VectorCase& v : vector_cases("apot_level_sets"))
    for (int bits = 2; bits <= kMostApotBits; ++bits) {
      const auto expected = v.json.at("sets").at("B" + std::to_string(bits) + "_apot").at("sorted").get<std::vector<float>>();
      const ApotLevels levels = apot_levels(bits);
      ASSERT_EQ(levels.numerators.size(), expected.size()) << bits;
      // The reference adds its terms in float32 before dividing: a few units in the last place.
      for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(static_cast<float>(levels.numerators[i]) / static_cast<float>(levels.denominator), expected[i], 3e-7f)
            << bits << " " << i;
    }
}

TEST(Apot, QuantizesAsTheReference) {
  DYAD_NEEDS_VECTORS("apot_quantize");
  int compared = 0;
  for (const VectorCase& v : vector_cases("apot_quantize")) {
    if (v.text("scheme") != "apot") continue;
    const auto compare = [&](const std::string& name, const std::string& values, BitWidth format) {
      const ApotLevels levels = apot_levels(format);
      const float alpha = v.one_float(name + "_alpha");
      const auto x = v.floats(values), expected = v.floats(name + "_q");
      for (std::size_t i = 0; i < x.size(); ++i, ++compared) {
        const std::int32_t level = apot_quantize(x[i], alpha, levels, format.is_signed);
        EXPECT_NEAR(static_cast<float>(level) / static_cast<float>(levels.denominator) * alpha, expected[i], 1e-6f) << v.where << " " << i;
      }
    };
    compare("w", "w_norm", {v.integer("bit"), true});
    compare("x", "x", {v.integer("bit"), false});
  }
  EXPECT_GT(compared, 600);
}

}  // namespace
}  // namespace dyad::quantizer
