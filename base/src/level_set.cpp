#include "dyad/base/level_set.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "dyad/base/result.hpp"

namespace dyad {
namespace {

using Terms = std::vector<std::vector<std::int32_t>>;

const Terms& apot_terms(int magnitude_bits) {
  static const Terms kTerms[kMostApotBits] = {
      {{0, 1}},
      {{0, 1, 2, 4}},
      {{0, 1, 4, 8}, {0, 2}},
      {{0, 2, 8, 32}, {0, 1, 4, 16}},
      {{0, 2, 16, 64}, {0, 1, 8, 32}, {0, 4}},
      {{0, 4, 32, 256}, {0, 2, 16, 128}, {0, 1, 8, 64}},
  };
  return kTerms[magnitude_bits - 1];
}

}  // namespace

bool is_known(LevelSet set) {
  switch (set.scheme) {
    case LevelScheme::kUniform: return set.magnitude_bits == 0;
    case LevelScheme::kApot: return set.magnitude_bits >= 1 && set.magnitude_bits <= kMostApotBits;
    case LevelScheme::kPot: return set.magnitude_bits >= 1 && set.magnitude_bits <= kMostPotBits;
  }
  return false;
}

std::string describe(LevelSet set) {
  if (set.is_uniform()) return "uniform integers";
  return (set.scheme == LevelScheme::kApot ? "APoT, " : "powers of two, ") + std::to_string(set.magnitude_bits) + " magnitude bits";
}

std::vector<std::int32_t> level_magnitudes(LevelSet set) {
  DYAD_EXPECT(!set.is_uniform() && is_known(set), "levels of an unknown set");
  std::vector<std::int32_t> sums{0};
  if (set.scheme == LevelScheme::kPot) {
    for (int i = 0; i < (1 << set.magnitude_bits) - 1; ++i) sums.push_back(std::int32_t{1} << i);
    return sums;
  }
  for (const auto& terms : apot_terms(set.magnitude_bits)) {
    std::vector<std::int32_t> next;
    for (const std::int32_t sum : sums)
      for (const std::int32_t term : terms) next.push_back(sum + term);
    sums = std::move(next);
  }
  std::sort(sums.begin(), sums.end());
  return sums;
}

BitWidth level_format(LevelSet set, bool is_signed) {
  const auto largest = static_cast<std::uint32_t>(level_magnitudes(set).back());
  return {static_cast<int>(std::bit_width(largest)) + (is_signed ? 1 : 0), is_signed};
}

int shift_terms(std::int32_t level) { return std::popcount(static_cast<std::uint32_t>(std::abs(level))); }

std::int32_t LevelTable::level(std::int64_t grid) const {
  return values[static_cast<std::size_t>(std::clamp<std::int64_t>(grid, lowest, highest()) - lowest)];
}

LevelTable level_table(LevelSet set, bool is_signed) {
  const std::vector<std::int32_t> magnitudes = level_magnitudes(set);
  std::vector<std::int32_t> levels = magnitudes;
  if (is_signed)
    for (const std::int32_t magnitude : magnitudes)
      if (magnitude != 0) levels.push_back(-magnitude);
  std::sort(levels.begin(), levels.end());
  LevelTable table;
  table.lowest = 2 * levels.front();
  std::size_t at = 0;
  for (std::int32_t grid = table.lowest; grid <= 2 * levels.back(); ++grid) {
    while (at + 1 < levels.size() && grid >= levels[at] + levels[at + 1]) ++at;
    table.values.push_back(static_cast<std::int16_t>(levels[at]));
  }
  return table;
}

}  // namespace dyad
