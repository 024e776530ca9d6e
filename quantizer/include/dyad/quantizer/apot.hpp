/// \file Additive powers of two (APoT): level sets as integers over a denominator, and the nearest level.
///
/// A magnitude of B bits is a sum of terms, one of each of a few small sets, divided by the largest sum:
/// B = 1: {0, 1}; 2: {0, 1, 2, 4}; 3: {0, 1, 4, 8} + {0, 2}; 4: {0, 2, 8, 32} + {0, 1, 4, 16};
/// 5: {0, 2, 16, 64} + {0, 1, 8, 32} + {0, 4}; 6: {0, 4, 32, 256} + {0, 2, 16, 128} + {0, 1, 8, 64}.
/// Activations of b bits use B = b, weights a sign and B = b - 1.
/// Source: Li et al., Additive Powers-of-Two Quantization, ICLR 2020, equation 5, and its reference implementation (B odd).
#pragma once

#include <cstdint>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/level_set.hpp"

namespace dyad::quantizer {

struct ApotLevels {
  std::vector<std::int32_t> numerators;  ///< 2^magnitude_bits, ascending from 0
  std::int32_t denominator = 1;          ///< the last numerator
};

/// level_magnitudes of base/level_set.hpp; 1 <= magnitude_bits <= kMostApotBits.
ApotLevels apot_levels(int magnitude_bits);
/// Of weights (signed, 2 to 7 bits) or activations (unsigned, 1 to 6 bits).
ApotLevels apot_levels(BitWidth format);

/// x / alpha, clamped to [-1, 1] (signed) or [0, 1], to the nearest level in float32; returns the level's numerator with the sign of x.
/// Between two levels equally near, the smaller. alpha > 0; levels are those of `format`.
std::int32_t apot_quantize(float x, float alpha, const ApotLevels& levels, bool is_signed);

}  // namespace dyad::quantizer
