#include "vector_operands.hpp"

#include <cmath>

namespace dyad::workflow {
namespace {

template <typename T>
T pick(Random& random, std::initializer_list<T> choices) {
  return *(choices.begin() + random.below(choices.size()));
}

// The inverse of an odd number modulo 2^64 (Newton; each step doubles the right bits, 3 at first).
std::uint64_t inverse(std::uint64_t odd) {
  std::uint64_t x = odd;
  for (int i = 0; i < 5; ++i) x *= 2 - odd * x;
  return x;
}

// The lowest `bits` of a word as two's complement.
std::int64_t sign_extended(std::uint64_t word, int bits) { return static_cast<std::int64_t>(word << (64 - bits)) >> (64 - bits); }

}  // namespace

bool OperandSource::fits(std::int64_t acc, std::int64_t multiplier, int shift) const {
  return acc >= -most_acc() - 1 && acc <= most_acc() && std::abs(multiplier) <= most_multiplier() && shift >= 0 &&
         shift <= request_.most_shift;
}

Operands OperandSource::made(std::int64_t acc, std::int64_t multiplier, int shift, std::string kind) {
  DYAD_EXPECT(fits(acc, multiplier, shift), "a generated operand leaves its format");
  return {static_cast<std::int32_t>(acc), {static_cast<std::int32_t>(multiplier), shift}, zero_point(), std::move(kind)};
}

std::int32_t OperandSource::zero_point() {
  if (!request_.zero_points) return 0;
  switch (random_.below(8)) {
    case 0: return static_cast<std::int32_t>(random_.between(-130, 255));
    case 1: return static_cast<std::int32_t>(random_.between(request_.out.lowest(), request_.out.highest()));
    default: return 0;
  }
}

std::int64_t OperandSource::edge() {
  const std::int64_t bound = random_.coin() ? request_.out.highest() : request_.out.lowest();
  return bound + random_.between(-2, 2);
}

Operands OperandSource::any() {
  switch (index_ % 20) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5: return request_.rounding == Rounding::kGemmlowp ? gemmlowp_tie() : tie();
    case 6:
    case 7:
    case 8: return beside_tie();
    case 9:
    case 10:
    case 11:
    case 12: {
      Operands result = reaching(0);  // the zero point is drawn first
      const std::int32_t zero = result.zero_point;
      result = reaching(edge() - zero);
      result.zero_point = zero;
      result.kind = "saturation edge";
      return result;
    }
    case 13:
    case 14:
    case 15:
    case 16: return extreme();
    default: return usual();
  }
}

// acc * multiplier = (odd) * 2^(shift - 1): acc = v 2^j, multiplier = u 2^k, shift = j + k + 1, u and v odd.
Operands OperandSource::tie() {
  for (int attempt = 0; attempt < 64; ++attempt) {
    const int shift = static_cast<int>(random_.between(1, std::min(request_.most_shift, request_.acc_bits + request_.multiplier_bits - 4)));
    if (random_.below(3) == 0 && shift < request_.acc_bits) {
      // Any odd multiplier: the accumulator that lands on the tie, by the inverse modulo 2^shift.
      const std::int64_t multiplier = random_.between(-most_multiplier(), most_multiplier()) | 1;
      const std::int64_t acc = sign_extended((std::uint64_t{1} << (shift - 1)) * inverse(static_cast<std::uint64_t>(multiplier)), shift);
      if (fits(acc, multiplier, shift)) return made(acc, multiplier, shift, "tie");
      continue;
    }
    const int k = static_cast<int>(
        random_.between(std::max(0, shift - 1 - (request_.acc_bits - 2)), std::min(shift - 1, request_.multiplier_bits - 2)));
    const int j = shift - 1 - k;
    const std::int64_t most_u = most_multiplier() >> k, most_v = most_acc() >> j;
    if (most_u < 1 || most_v < 1) continue;
    // Small factors give quotients inside the output's range, where the tie decides; large ones saturate.
    const std::int64_t small = std::int64_t{1} << (request_.out.bits / 2);
    const bool inside = random_.below(4) != 0;
    const std::int64_t u = random_.between(0, inside ? std::min(most_u, small) : most_u) | 1;
    const std::int64_t v = random_.between(0, inside ? std::min(most_v, small) : most_v) | 1;
    const std::int64_t multiplier = (random_.coin() ? u : -u) * (std::int64_t{1} << k),
                       acc = (random_.coin() ? v : -v) * (std::int64_t{1} << j);
    if (fits(acc, multiplier, shift)) return made(acc, multiplier, shift, "tie");
  }
  return made(1, 1, 1, "tie");
}

// Two roundings, so two kinds of tie: of the high multiply (by 31 bits, up) and of the shift (away); the saturating left shift besides.
Operands OperandSource::gemmlowp_tie() {
  const std::int64_t half = std::int64_t{1} << 30;
  const int most_e = request_.most_shift - 31;
  if (request_.multiplier_bits < 32 || most_e < 0) return extreme();  // 2^30 and a shift of 31 don't fit
  switch (random_.below(3)) {
    case 0: {  // an odd accumulator times 1/2
      const std::int64_t acc = random_.between(-most_acc(), most_acc()) | 1;
      return made(acc, random_.coin() ? half : -half, 31 + static_cast<int>(random_.between(0, most_e)), "tie of the high multiply");
    }
    case 1: {  // acc / 2 = odd * 2^(e - 1)
      if (most_e < 1) return extreme();
      const int e = static_cast<int>(random_.between(1, std::min(most_e, request_.acc_bits - 3)));
      const std::int64_t v = random_.between(0, std::min<std::int64_t>(most_acc() >> e, std::int64_t{1} << (request_.out.bits + 1))) | 1;
      const std::int64_t acc = v * (std::int64_t{1} << e);
      if (acc > most_acc()) return extreme();
      return made(random_.coin() ? acc : -acc, random_.coin() ? half : -half, 31 + e, "tie of the shift");
    }
    default: {  // at the edge where acc * 2^(31 - shift) saturates
      const int shift = static_cast<int>(random_.between(0, 30));
      const std::int64_t edge_of_shift = std::int64_t{1} << shift;
      const std::int64_t acc = (random_.coin() ? edge_of_shift : -edge_of_shift) + random_.between(-1, 1);
      return made(std::clamp(acc, -most_acc() - 1, most_acc()), random_.between(-most_multiplier(), most_multiplier()), shift,
                  "saturating left shift");
    }
  }
}

// The product is one more or one less than a tie.
Operands OperandSource::beside_tie() {
  const int most = std::min({request_.most_shift, request_.acc_bits - 1, 31});
  for (int attempt = 0; attempt < 64; ++attempt) {
    const int shift = request_.rounding == Rounding::kGemmlowp && most == 31 ? 31 : static_cast<int>(random_.between(2, most));
    const std::int64_t multiplier = random_.between(-most_multiplier(), most_multiplier()) | 1;
    const std::uint64_t product = (std::uint64_t{1} << (shift - 1)) + (random_.coin() ? 1 : ~std::uint64_t{0});
    const std::int64_t acc = sign_extended(product * inverse(static_cast<std::uint64_t>(multiplier)), shift);
    if (fits(acc, multiplier, shift)) return made(acc, multiplier, shift, "beside a tie");
  }
  return made(2, 1, 2, "tie");
}

Operands OperandSource::reaching(std::int64_t target) {
  const int top = request_.multiplier_bits - 2;
  const std::int64_t multiplier = random_.between(std::int64_t{1} << top, most_multiplier()) * (random_.below(4) ? 1 : -1);
  // acc = target * 2^shift / multiplier must fit: ratios from about 2^-20 to 1.
  const int most_down = std::max(0, std::min({20, request_.acc_bits - request_.out.bits - 2, request_.most_shift - top - 1}));
  const int shift = std::min(request_.most_shift, top + 1 + static_cast<int>(random_.between(0, most_down)));
  const double exact = static_cast<double>(target) * std::ldexp(1.0, shift) / static_cast<double>(multiplier);
  const double bounded = std::clamp(exact, -static_cast<double>(most_acc()), static_cast<double>(most_acc()));
  const std::int64_t acc = std::clamp<std::int64_t>(std::llround(bounded) + random_.between(-1, 1), -most_acc() - 1, most_acc());
  return made(acc, multiplier, shift, "edge");
}

Operands OperandSource::extreme() {
  const std::int64_t a = most_acc(), m = most_multiplier();
  const std::int64_t acc = pick<std::int64_t>(
      random_, {a, -a - 1, -a, a - 1, 0, 1, -1, a / 2, a / 2 + 1, -(a / 2) - 1, a / 3 * 2, -(a / 3),
                std::int64_t{1} << random_.below(static_cast<std::uint64_t>(request_.acc_bits - 1)),
                -(std::int64_t{1} << random_.below(static_cast<std::uint64_t>(request_.acc_bits))), random_.between(-a - 1, a)});
  const std::int64_t multiplier = pick<std::int64_t>(
      random_, {m, -m, m - 1, 0, 1, -1, m / 2, m / 2 + 1, -(m / 2) - 1, m / 3 * 2, -(m / 3),
                std::int64_t{1} << random_.below(static_cast<std::uint64_t>(request_.multiplier_bits - 1)), random_.between(-m, m)});
  const int s = request_.most_shift;
  const int shift =
      static_cast<int>(pick<std::int64_t>(random_, {0, 0, 1, 2, s, s, s - 1, std::min(s, 30), std::min(s, 31), std::min(s, 32),
                                                    random_.between(0, s), random_.between(0, s), random_.between(0, s)}));
  Operands result = made(acc, multiplier, shift, "extreme");
  if (request_.zero_points && random_.below(8) == 0) result.zero_point = pick(random_, {INT32_MAX, INT32_MIN, -1, 1});
  return result;
}

Operands OperandSource::usual() {
  const int top = request_.multiplier_bits - 2;
  const std::int64_t multiplier = random_.between(std::int64_t{1} << top, most_multiplier()) * (random_.below(16) ? 1 : -1);
  const int acc_bits = static_cast<int>(random_.between(std::min(request_.out.bits, request_.acc_bits - 1), request_.acc_bits - 1));
  const std::int64_t most = (std::int64_t{1} << acc_bits) - 1;
  const int shift =
      std::min(request_.most_shift, top + 1 + std::max(0, acc_bits - request_.out.bits + static_cast<int>(random_.between(-1, 2))));
  return made(random_.between(-most - 1, most), multiplier, shift, "usual");
}

}  // namespace dyad::workflow
