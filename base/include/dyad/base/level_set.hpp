/// \file Sets of values that weights and activations may be restricted to: additive powers of two and plain powers of two.
///
/// A magnitude of B bits is an integer, the sum of terms of a few small sets, each a power of two or 0 (docs/quantizer/apot.md has the
/// table). Source: Li et al., Additive Powers-of-Two Quantization, ICLR 2020, equation 5, and its reference implementation (B odd, and the
/// plain set: 0 and 2^-i for i = 1 to 2^B - 1, here times 2^(2^B - 1) and divided by the largest).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/bits.hpp"

namespace dyad {

enum class LevelScheme {
  kUniform,  ///< every integer of the format
  kApot,     ///< additive powers of two, 1 to 6 magnitude bits
  kPot,      ///< 0 and powers of two, 1 to 4 magnitude bits
};
/// "uniform", "apot", "pot".
std::string_view to_string(LevelScheme scheme);
std::optional<LevelScheme> level_scheme_from_name(std::string_view name);

/// A scheme and the bits of a magnitude; a sign is beside it. A uniform set has no magnitude bits: its format says all.
struct LevelSet {
  LevelScheme scheme = LevelScheme::kUniform;
  int magnitude_bits = 0;

  bool is_uniform() const { return scheme == LevelScheme::kUniform; }
  constexpr bool operator==(const LevelSet&) const = default;
};

constexpr int kMostApotBits = 6;  ///< magnitude bits
constexpr int kMostPotBits = 4;   ///< magnitude bits: the largest level is 2^14

/// Whether the scheme has a set of that many magnitude bits. A uniform set must have 0.
bool is_known(LevelSet set);
/// "APoT, 4 magnitude bits".
std::string describe(LevelSet set);

/// The 2^magnitude_bits magnitudes, ascending from 0. The set is known and not uniform.
std::vector<std::int32_t> level_magnitudes(LevelSet set);
/// The smallest format that holds the levels.
BitWidth level_format(LevelSet set, bool is_signed);
/// Shifted copies of an operand that a multiplication by this level adds up: non-zero bits of the magnitude, each a power of two.
int shift_terms(std::int32_t level);

/// The exact decision for the nearest level. With y a real number in units of one level step, the level of y is values[g - lowest] at
/// g = clamp(floor(2 y), lowest, highest()). Halfway between two levels the larger is taken, as in Rounding::kHalfUp: neighbours a < b meet
/// at (a + b) / 2, so y >= (a + b) / 2 is floor(2 y) >= a + b, an integer.
struct LevelTable {
  std::int32_t lowest = 0;           ///< -2 times the largest magnitude, or 0 without a sign
  std::vector<std::int16_t> values;  ///< by g - lowest

  std::int32_t highest() const { return lowest + static_cast<std::int32_t>(values.size()) - 1; }
  std::int32_t level(std::int64_t grid) const;
};
/// The set is known and not uniform.
LevelTable level_table(LevelSet set, bool is_signed);

}  // namespace dyad
