#include "dyad/base/statistics.hpp"

#include <cmath>
#include <cstdint>

#include "dyad/base/result.hpp"

namespace dyad {

std::optional<double> kendall_tau(std::span<const double> a, std::span<const double> b) {
  DYAD_EXPECT(a.size() == b.size(), "rank correlation of lists of different length");
  const auto sign = [](double from, double to) { return (to > from) - (to < from); };
  std::int64_t balance = 0, untied_a = 0, untied_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = i + 1; j < a.size(); ++j) {
      const int order_a = sign(a[i], a[j]), order_b = sign(b[i], b[j]);
      balance += order_a * order_b;
      untied_a += order_a != 0;
      untied_b += order_b != 0;
    }
  if (untied_a == 0 || untied_b == 0) return std::nullopt;
  return static_cast<double>(balance) / std::sqrt(static_cast<double>(untied_a) * static_cast<double>(untied_b));
}

}  // namespace dyad
