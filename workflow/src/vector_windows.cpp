// Windows of generated average_pool vectors.
#include "vector_operands.hpp"

namespace dyad::workflow {
namespace {

std::int64_t window_count(const VectorRequest& request, Random& random, bool even) {
  constexpr std::int64_t kUsual[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 25, 36, 49, 64, 100, 196, 1024, 4096};
  for (int attempt = 0; attempt < 32; ++attempt) {
    const std::int64_t count = random.below(4) ? kUsual[random.below(std::size(kUsual))] : random.between(1, request.most_window);
    if (count <= request.most_window && (!even || count % 2 == 0)) return count;
  }
  return even && request.most_window >= 2 ? 2 : 1;
}

// `count` values of the format whose sum is `sum`, or as near as the format allows: random ones, then moved one after another.
std::vector<std::int32_t> values_with_sum(BitWidth format, std::int64_t count, std::int64_t sum, Random& random) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(count));
  std::int64_t missing = sum;
  for (std::int32_t& each : values) {
    each = static_cast<std::int32_t>(random.between(format.lowest(), format.highest()));
    missing -= each;
  }
  for (std::int32_t& each : values) {
    const std::int64_t moved = format.clamp(each + missing);
    missing -= moved - each;
    each = static_cast<std::int32_t>(moved);
  }
  return values;
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

AveragePoolCase average_pool_case(const VectorRequest& request, std::int64_t index) {
  Random random(request.seed, static_cast<std::uint64_t>(index));
  const BitWidth in = request.in;
  AveragePoolCase result;
  // A quotient that the output can hold, mostly.
  const std::int64_t lowest = std::max(in.lowest(), request.out.lowest()), highest = std::min(in.highest(), request.out.highest());
  const auto quotient = [&] { return random.below(8) ? random.between(lowest, highest) : random.between(in.lowest(), in.highest()); };
  const std::int64_t kind = index % 20;
  if (kind < 9) {  // sum = (2q + 1) count / 2, and one beside it; for odd counts the nearest sums on both sides
    const bool is_tie = kind < 6 && request.most_window >= 2;
    result.count = window_count(request, random, is_tie);
    const std::int64_t tie = floor_divide((2 * quotient() + 1) * result.count, 2);
    result.values = values_with_sum(in, result.count, tie + (is_tie ? 0 : (random.coin() ? 1 : result.count % 2 ? 0 : -1)), random);
    result.kind = is_tie ? "tie" : "beside a tie";
  } else if (kind < 13) {
    result.count = window_count(request, random, false);
    const std::int64_t bound = (random.coin() ? request.out.highest() : request.out.lowest()) + random.between(-1, 1);
    result.values = values_with_sum(in, result.count, bound * result.count + random.between(-1, 1), random);
    result.kind = "saturation edge";
  } else if (kind < 17) {
    result.count = window_count(request, random, false);
    const std::uint64_t which = random.below(4);
    for (std::int64_t i = 0; i < result.count; ++i) {
      const std::int64_t value = which == 0   ? in.lowest()
                                 : which == 1 ? in.highest()
                                 : which == 2 ? (random.coin() ? in.lowest() : in.highest())
                                              : in.clamp(random.between(-1, 1));
      result.values.push_back(static_cast<std::int32_t>(value));
    }
    result.kind = "extreme";
  } else {
    result.count = window_count(request, random, false);
    result.values = values_with_sum(in, result.count, quotient() * result.count + random.between(0, result.count - 1), random);
    result.kind = "usual";
  }
  std::int64_t sum = 0;
  for (const std::int32_t value : result.values) sum += value;
  result.expected = request.out.clamp(integer_average(sum, result.count, request.average_rounding));
  return result;
}

}  // namespace dyad::workflow
