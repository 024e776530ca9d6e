// Level sets against their definition, and the decision for the nearest level against exact comparison of distances.
#include "dyad/base/level_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace dyad {
namespace {

std::vector<LevelSet> all_sets() {
  std::vector<LevelSet> sets;
  for (int bits = 1; bits <= kMostApotBits; ++bits) sets.push_back({LevelScheme::kApot, bits});
  for (int bits = 1; bits <= kMostPotBits; ++bits) sets.push_back({LevelScheme::kPot, bits});
  return sets;
}

TEST(LevelSet, MagnitudesByHand) {
  // {0, 32, 8, 2} + {0, 16, 4, 1}
  EXPECT_EQ(level_magnitudes({LevelScheme::kApot, 4}), (std::vector<std::int32_t>{0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48}));
  EXPECT_EQ(level_magnitudes({LevelScheme::kPot, 2}), (std::vector<std::int32_t>{0, 1, 2, 4}));
  EXPECT_EQ(level_magnitudes({LevelScheme::kPot, 3}), (std::vector<std::int32_t>{0, 1, 2, 4, 8, 16, 32, 64}));
  EXPECT_EQ(level_magnitudes({LevelScheme::kApot, 5}).back(), 100);
  EXPECT_EQ(level_magnitudes({LevelScheme::kApot, 6}).back(), 448);
}

TEST(LevelSet, EveryMagnitudeIsAFewShiftedCopies) {
  for (const LevelSet set : all_sets()) {
    const auto magnitudes = level_magnitudes(set);
    EXPECT_EQ(magnitudes.size(), std::size_t{1} << set.magnitude_bits) << describe(set);
    EXPECT_TRUE(std::is_sorted(magnitudes.begin(), magnitudes.end())) << describe(set);
    EXPECT_EQ(std::adjacent_find(magnitudes.begin(), magnitudes.end()), magnitudes.end()) << describe(set);
    const int terms = set.scheme == LevelScheme::kPot ? 1 : (set.magnitude_bits + 1) / 2;  // two bits a term
    for (const std::int32_t magnitude : magnitudes) EXPECT_LE(shift_terms(-magnitude), terms) << describe(set) << " " << magnitude;
  }
  EXPECT_EQ(shift_terms(36), 2);
  EXPECT_EQ(shift_terms(0), 0);
}

TEST(LevelSet, FormatsHoldTheLevels) {
  EXPECT_EQ(level_format({LevelScheme::kApot, 4}, false), (BitWidth{6, false}));  // 48
  EXPECT_EQ(level_format({LevelScheme::kApot, 5}, true), (BitWidth{8, true}));    // 100
  EXPECT_EQ(level_format({LevelScheme::kApot, 2}, false), (BitWidth{3, false}));  // 4
}

TEST(LevelSet, NamesAreKnown) {
  for (const LevelScheme scheme : {LevelScheme::kUniform, LevelScheme::kApot, LevelScheme::kPot})
    EXPECT_EQ(level_scheme_from_name(to_string(scheme)), scheme);
  EXPECT_FALSE(level_scheme_from_name("log"));
  EXPECT_FALSE(is_known({LevelScheme::kApot, 7}));
  EXPECT_FALSE(is_known({LevelScheme::kApot, 0}));
  EXPECT_FALSE(is_known({LevelScheme::kPot, 5}));
  EXPECT_FALSE(is_known({LevelScheme::kUniform, 1}));
}

// Every y that is a multiple of 1/8 (so every halfway point, and both sides of it), and far beyond both ends: the nearest level by distance
// in eighths; of two equally near, the larger.
TEST(LevelTable, DecidesForTheNearestLevelAndTiesUp) {
  for (const LevelSet set : all_sets())
    for (const bool is_signed : {false, true}) {
      std::vector<std::int64_t> levels;
      for (const std::int32_t m : level_magnitudes(set)) {
        levels.push_back(m);
        if (is_signed && m != 0) levels.push_back(-m);
      }
      const std::int64_t most = *std::max_element(levels.begin(), levels.end());
      const LevelTable table = level_table(set, is_signed);
      std::int64_t ties = 0;
      for (std::int64_t eighths = -9 * most - 16; eighths <= 9 * most + 16; ++eighths) {
        std::int64_t nearest = levels[0];
        for (const std::int64_t level : levels) {
          const std::int64_t distance = std::abs(eighths - 8 * level), best = std::abs(eighths - 8 * nearest);
          if (level != nearest && distance == best) ++ties;
          if (distance < best || (distance == best && level > nearest)) nearest = level;
        }
        ASSERT_EQ(table.level(eighths >> 2), nearest) << describe(set) << " " << eighths << "/8";  // floor(2 y)
      }
      EXPECT_GT(ties, 0) << describe(set);
    }
}

}  // namespace
}  // namespace dyad
