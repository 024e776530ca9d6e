/// \file Operands that find faults in requantizers: ties, saturation edges, extreme multipliers and shifts, and random ones.
#pragma once

#include <cstdint>

#include "dyad/base/random.hpp"
#include "dyad/cosim/reference/dyadic_requantizer.hpp"

namespace dyad::cosim {

/// Bits of a requantizer's operands, each 2 to 32, signed.
struct RequantizerWidths {
  int acc = 32;
  int multiplier = 32;
  int out = 32;
};

/// `count` beats in three parts:
///  1. every combination of extreme accumulators, multipliers, shifts 0 to 62, zero points and bounds: kCorners or, below 8 kCorners, an
///     eighth of `count` spread over them;
///  2. the ties of 8-bit multipliers: acc * multiplier / 2^shift ends in one half for exactly one shift, so every tie of a multiplier in
///     -128 ... 255 with an accumulator of 16 bits is one of kTies beats; all of them when 5/6 of `count` hold them, else that many;
///  3. the rest at random: products of every size, ties of wide multipliers, bounds at, below and above the result.
/// Beats are within `widths`; the most negative multiplier never occurs.
class RequantizerCases {
 public:
  static constexpr std::int64_t kCorners = 12 * 12 * 63 * 3 * 4;
  static constexpr std::int64_t kTies = 65'535LL * 383;

  RequantizerCases(std::uint64_t seed, std::int64_t count, Rounding rounding, RequantizerWidths widths = {});
  reference::RequantizerBeat next();

 private:
  reference::RequantizerBeat corner(std::int64_t index) const;
  reference::RequantizerBeat tie(std::int64_t index);
  reference::RequantizerBeat random_beat();
  /// A copy that is within the widths.
  reference::RequantizerBeat fitted(reference::RequantizerBeat beat) const;
  void draw_bounds(reference::RequantizerBeat& beat);

  Random random_;
  Rounding rounding_;
  RequantizerWidths widths_;
  std::int64_t corners_ = 0, ties_ = 0;
  std::int64_t index_ = 0;
};

}  // namespace dyad::cosim
