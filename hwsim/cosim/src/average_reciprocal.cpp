#include "dyad/cosim/average_reciprocal.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>

namespace dyad::cosim {
namespace {

// The largest magnitude up to which `average` steps where the divider does: from q - 1 to q at |sum| = q * count + offset.
// Both are monotone, so that nothing between the steps can differ.
template <class Average>
std::int64_t steps_agree_up_to(std::int64_t limit, std::int64_t count, std::int64_t offset, const Average& average) {
  for (std::int64_t q = 1;; ++q) {
    const std::int64_t step = q * count + offset;
    if (step - 1 > limit) return limit;
    if (average(step - 1) != q - 1) {  // stepped too early
      std::int64_t last = step - 1;
      while (last > 0 && average(last) != q - 1) --last;
      return last;
    }
    if (step <= limit && average(step) != q) return step - 1;
  }
}

// Kept once found: a count of 1 takes millions of steps.
std::int64_t hawq_limit(std::int64_t count, const AverageReciprocal& reciprocal) {
  static std::array<std::atomic<std::int64_t>, kLargestAverageCount + 1> found;  // 0: not yet
  std::atomic<std::int64_t>& known = found[static_cast<std::size_t>(count)];
  if (const std::int64_t limit = known) return limit;
  constexpr std::int64_t kExactInFloat = std::int64_t{1} << 24;
  const auto positive = [&](std::int64_t sum) { return std::int64_t{integer_average(sum, count, AverageRounding::kHawq)}; };
  const auto negative = [&](std::int64_t sum) { return -std::int64_t{integer_average(-sum, count, AverageRounding::kHawq)}; };
  known = steps_agree_up_to(steps_agree_up_to(kExactInFloat, count, -std::int64_t{reciprocal.offset}, positive), count,
                            reciprocal.negative_offset, negative);
  return known;
}

}  // namespace

std::optional<AverageReciprocal> average_reciprocal(std::int64_t count, AverageRounding rounding) {
  if (count < 1 || count > kLargestAverageCount) return std::nullopt;
  AverageReciprocal result;
  result.shift = 31 + static_cast<int>(std::bit_width(static_cast<std::uint64_t>(count - 1)));
  result.multiplier = static_cast<std::uint32_t>(((std::int64_t{1} << result.shift) + count - 1) / count);
  if (rounding == AverageRounding::kHalfUp || rounding == AverageRounding::kHalfAway) result.offset = static_cast<std::uint16_t>(count / 2);
  if (rounding == AverageRounding::kHawq) {
    result.offset = static_cast<std::uint16_t>(count / 100);
    result.negative_offset = static_cast<std::uint16_t>(std::max<std::int64_t>(1, (count + 99) / 100));
  }
  result.largest_sum = INT32_MAX - result.offset;
  if (rounding == AverageRounding::kHawq) result.largest_sum = hawq_limit(count, result);
  return result;
}

}  // namespace dyad::cosim
