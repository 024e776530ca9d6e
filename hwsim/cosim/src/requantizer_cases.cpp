#include "dyad/cosim/requantizer_cases.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace dyad::cosim {
namespace {

using reference::RequantizerBeat;

// Element i of `part` elements spread over `all`; every element once when part == all.
std::int64_t spread(std::int64_t i, std::int64_t part, std::int64_t all) {
  constexpr std::int64_t kPrime = 999'983;  // divides neither kCorners nor kTies
  return part == all ? i : i * kPrime % all;
}

std::int32_t sign_extended(std::int64_t value, int bits) {
  return static_cast<std::int32_t>(static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << (64 - bits)) >> (64 - bits));
}

std::int64_t unclamped(const RequantizerBeat& beat, Rounding rounding) {
  return round_multiply(beat.acc, beat.multiplier, beat.shift, rounding) + beat.zero_point;
}

}  // namespace

RequantizerCases::RequantizerCases(std::uint64_t seed, std::int64_t count, Rounding rounding, RequantizerWidths widths)
    : random_(seed), rounding_(rounding), widths_(widths), corners_(std::min(kCorners, count / 8)), ties_(std::min(kTies, count * 5 / 6)) {
  static_assert(kCorners % 999'983 != 0 && kTies % 999'983 != 0);
}

RequantizerBeat RequantizerCases::next() {
  const std::int64_t i = index_++;
  RequantizerBeat beat = i < corners_           ? corner(spread(i, corners_, kCorners))
                         : i < corners_ + ties_ ? tie(spread(i - corners_, ties_, kTies))
                                                : random_beat();
  beat = fitted(beat);
  if (i >= corners_) draw_bounds(beat);
  return beat;
}

RequantizerBeat RequantizerCases::fitted(RequantizerBeat beat) const {
  beat.acc = sign_extended(beat.acc, widths_.acc);
  beat.multiplier = sign_extended(beat.multiplier, widths_.multiplier);
  const std::int64_t lowest = -(std::int64_t{1} << (widths_.multiplier - 1));
  if (beat.multiplier == lowest) ++beat.multiplier;
  beat.lowest = sign_extended(beat.lowest, widths_.out);
  beat.highest = sign_extended(beat.highest, widths_.out);
  if (beat.lowest > beat.highest) std::swap(beat.lowest, beat.highest);
  return beat;
}

RequantizerBeat RequantizerCases::corner(std::int64_t index) const {
  const auto digit = [&](std::int64_t base) {
    const std::int64_t value = index % base;
    index /= base;
    return static_cast<std::size_t>(value);
  };
  const auto extremes = [](int bits) {
    const std::int64_t top = std::int64_t{1} << (bits - 1), half = top / 2;
    return std::array<std::int64_t, 12>{-top, 1 - top, -half - 1, -half, -3, -1, 0, 1, 2, half, top - 2, top - 1};
  };
  const std::int64_t out_top = std::int64_t{1} << (widths_.out - 1);
  RequantizerBeat beat;
  beat.shift = static_cast<int>(digit(63));
  beat.acc = static_cast<std::int32_t>(extremes(widths_.acc)[digit(12)]);
  beat.multiplier = static_cast<std::int32_t>(extremes(widths_.multiplier)[digit(12)]);
  beat.zero_point = std::array<std::int32_t, 3>{0, INT32_MIN, INT32_MAX}[digit(3)];
  const std::size_t bounds = digit(4);
  beat.lowest = static_cast<std::int32_t>(std::array<std::int64_t, 4>{-out_top, -1, 0, out_top - 1}[bounds]);
  beat.highest = static_cast<std::int32_t>(std::array<std::int64_t, 4>{out_top - 1, 0, out_top - 1, out_top - 1}[bounds]);
  return beat;
}

RequantizerBeat RequantizerCases::tie(std::int64_t index) {
  RequantizerBeat beat;
  beat.acc = static_cast<std::int32_t>(index % 65'535) - 32'768;
  if (beat.acc >= 0) ++beat.acc;  // -32768 ... -1, 1 ... 32767
  beat.multiplier = static_cast<std::int32_t>(index / 65'535) - 128;
  if (beat.multiplier >= 0) ++beat.multiplier;  // -128 ... -1, 1 ... 255
  const RequantizerBeat narrow = fitted(beat);
  const std::int64_t product = std::int64_t{narrow.acc} * narrow.multiplier;
  beat.shift = product == 0 ? 1 : std::countr_zero(static_cast<std::uint64_t>(product)) + 1;
  beat.zero_point = static_cast<std::int32_t>(random_.next() >> 56) - 128;
  return beat;
}

RequantizerBeat RequantizerCases::random_beat() {
  RequantizerBeat beat;
  const std::uint64_t bits = random_.next(), kind = random_.next();
  // Operands of random sizes: 1 to 32 bits.
  beat.acc = static_cast<std::int32_t>(bits) >> (kind & 31);
  beat.multiplier = static_cast<std::int32_t>(bits >> 32) >> ((kind >> 5) & 1 ? (kind >> 6) & 31 : 0);
  beat.shift = static_cast<int>((kind >> 11) % 63);
  const RequantizerBeat narrow = fitted(beat);
  const std::int64_t product = std::int64_t{narrow.acc} * narrow.multiplier;
  const int zeros = product == 0 ? 0 : std::countr_zero(static_cast<std::uint64_t>(product));
  const int size = std::bit_width(static_cast<std::uint64_t>(product < 0 ? -product : product));
  switch ((kind >> 20) & 7) {
    case 0: beat.shift = std::min(zeros + 1, 62); break;                                                // a tie
    case 1: beat.shift = std::min(std::max(0, size - static_cast<int>((kind >> 24) & 15)), 62); break;  // a result of 0 to 15 bits
    case 2: beat.shift = std::min(62, 32 + zeros + static_cast<int>((kind >> 24) & 3)); break;          // gemmlowp's second rounding
    default: break;
  }
  if ((kind >> 30) & 1) beat.zero_point = static_cast<std::int32_t>(random_.next()) >> ((kind >> 32) & 31);
  return beat;
}

void RequantizerCases::draw_bounds(RequantizerBeat& beat) {
  const std::int64_t top = std::int64_t{1} << (widths_.out - 1);
  const std::uint64_t kind = random_.next();
  switch (kind & 7) {
    case 0: {  // bounds at, next to and beyond the result
      const std::int64_t y = std::clamp(unclamped(beat, rounding_), -top, top - 1);
      const auto near = [&](std::uint64_t draw) {
        return static_cast<std::int32_t>(std::clamp(y + static_cast<std::int64_t>(draw % 5) - 2, -top, top - 1));
      };
      beat.lowest = near(kind >> 8);
      beat.highest = near(kind >> 16);
      break;
    }
    case 1: {
      beat.lowest = static_cast<std::int32_t>(kind >> 32);
      beat.highest = static_cast<std::int32_t>(random_.next());
      break;
    }
    case 2:
    case 3: {  // the format of fewer bits, signed or not
      const int bits = 1 + static_cast<int>((kind >> 8) % static_cast<std::uint64_t>(widths_.out));
      const bool is_signed = bits == widths_.out || ((kind >> 16) & 1);
      beat.lowest = static_cast<std::int32_t>(is_signed ? -(std::int64_t{1} << (bits - 1)) : 0);
      beat.highest = static_cast<std::int32_t>((std::int64_t{1} << (is_signed ? bits - 1 : bits)) - 1);
      break;
    }
    default: {
      beat.lowest = static_cast<std::int32_t>(-top);
      beat.highest = static_cast<std::int32_t>(top - 1);
      break;
    }
  }
  beat = fitted(beat);
}

}  // namespace dyad::cosim
