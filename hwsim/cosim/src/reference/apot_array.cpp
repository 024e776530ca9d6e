#include "dyad/cosim/reference/apot_array.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <set>
#include <utility>

namespace dyad::cosim::reference {

int apot_code_value(std::uint8_t code) {
  const int a = code >> 3 & 15, b = code & 7;
  const int magnitude = (a == 0 ? 0 : 1 << (a - 1)) + (b == 0 ? 0 : 1 << (b - 1));
  return code & 0x80 ? -magnitude : magnitude;
}

std::optional<std::uint8_t> apot_code(int weight) {
  constexpr int kHighestA = 14, kHighestB = 6;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(std::abs(static_cast<std::int64_t>(weight)));
  if (magnitude == 0) return std::uint8_t{0};
  if (std::popcount(magnitude) > 2) return std::nullopt;
  const int high = std::bit_width(magnitude) - 1, low = std::countr_zero(magnitude);
  if (high > kHighestA || (low != high && low > kHighestB)) return std::nullopt;
  return static_cast<std::uint8_t>((weight < 0 ? 0x80 : 0) | (high + 1) << 3 | (low == high ? 0 : low + 1));
}

std::vector<std::uint8_t> apot_codes(int weight) {
  if (const std::optional<std::uint8_t> one = apot_code(weight)) return {*one};
  // One power of two apart, the two others together.
  for (int term = 0; term <= 14; ++term) {
    const int power = weight < 0 ? -(1 << term) : 1 << term;
    if ((std::abs(weight) >> term & 1) == 0) continue;
    if (const std::optional<std::uint8_t> rest = apot_code(weight - power)) return {*rest, *apot_code(power)};
  }
  return {};
}

std::vector<int> apot_levels(int magnitude_bits) {
  // Terms of which one each is taken (facts of the published construction: powers of two dealt out in turn), scaled to integers.
  static const std::vector<std::vector<int>> kTerms[] = {
      {{0, 1, 2, 4}},                                     // 2 bits
      {{0, 8, 4, 1}, {0, 2}},                             // 3
      {{0, 32, 8, 2}, {0, 16, 4, 1}},                     // 4
      {{0, 64, 16, 2}, {0, 32, 8, 1}, {0, 4}},            // 5
      {{0, 256, 32, 4}, {0, 128, 16, 2}, {0, 64, 8, 1}},  // 6
  };
  if (magnitude_bits < 2 || magnitude_bits > 6) return {};
  std::set<int> sums{0};
  for (const std::vector<int>& terms : kTerms[magnitude_bits - 2]) {
    std::set<int> next;
    for (const int sum : sums)
      for (const int term : terms) next.insert(sum + term);
    sums = std::move(next);
  }
  return {sums.begin(), sums.end()};
}

std::vector<int> pot_levels(int magnitude_bits) {
  if (magnitude_bits < 1 || magnitude_bits > 4) return {};
  std::vector<int> levels{0};
  for (int i = 0; i < (1 << magnitude_bits) - 1; ++i) levels.push_back(1 << i);
  return levels;
}

std::int32_t apot_product(std::uint8_t activation, bool activation_signed, std::uint8_t code) {
  return (activation_signed ? static_cast<std::int8_t>(activation) : static_cast<int>(activation)) * apot_code_value(code);
}

std::int64_t apot_dot_product(const PackedBits& activations, std::int64_t activation_offset, bool activation_signed,
                              const PackedBits& codes, std::int64_t code_offset, int word_bits) {
  std::int64_t sum = 0;
  for (int at = 0; at < word_bits; at += 8)
    sum += apot_product(static_cast<std::uint8_t>(activations.get(activation_offset + at, 8)), activation_signed,
                        static_cast<std::uint8_t>(codes.get(code_offset + at, 8)));
  return sum;
}

void ApotDot::clock(const Inputs& in) {
  std::optional<ArrayAddend> addend;
  if (in.valid) {
    const std::int64_t sum = apot_dot_product(in.activations, 0, in.activation_signed, in.weights, 0, word_bits_);
    addend = ArrayAddend{in.first, false, {static_cast<std::uint32_t>(sum)}, {}};
  }
  pipeline_.clock(in.reset, std::move(addend), false);
}

void ApotArray::clock(const Inputs& in) {
  std::optional<ArrayAddend> addend;
  if (in.valid) {
    addend = ArrayAddend{in.first, false, {}, {}};
    for (int r = 0; r < rows_; ++r) {
      const std::int64_t row = static_cast<std::int64_t>(r) * word_bits_;
      for (int c = 0; c < columns_; ++c)
        addend->acc.push_back(static_cast<std::uint32_t>(apot_dot_product(in.activations, row, in.activation_signed, in.weights,
                                                                          static_cast<std::int64_t>(c) * word_bits_, word_bits_)));
      std::int64_t sum = 0;
      for (int at = 0; in.sum && at < word_bits_; at += 8)
        sum += in.activation_signed ? in.activations.get_signed(row + at, 8) : static_cast<std::int64_t>(in.activations.get(row + at, 8));
      addend->sum.push_back(static_cast<std::uint32_t>(sum));
    }
  }
  pipeline_.clock(in.reset, std::move(addend), in.capture);
}

}  // namespace dyad::cosim::reference
