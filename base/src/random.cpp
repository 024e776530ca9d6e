#include "dyad/base/random.hpp"

#include <cmath>
#include <numbers>
#include <numeric>

#include "dyad/base/result.hpp"

namespace dyad {

std::uint64_t Random::below(std::uint64_t bound) {
  if (bound == 0) return next();  // 2^64 values: the whole range was asked for
  const std::uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    __extension__ const auto product = static_cast<unsigned __int128>(next()) * bound;
    if (static_cast<std::uint64_t>(product) >= threshold) return static_cast<std::uint64_t>(product >> 64);
  }
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::vector<std::int64_t> random_permutation(std::int64_t count, Random& random) {
  DYAD_EXPECT(count >= 0, "a permutation of a negative count");
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

}  // namespace dyad
