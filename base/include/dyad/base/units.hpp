/// \file Quantities that must not be mixed up: cycles, bits, picojoules, microseconds, and their quotients.
#pragma once

#include <compare>
#include <cstdint>

namespace dyad {

/// A number with a unit. `Tag` names the unit; sums and comparisons stay inside it.
template <typename Tag, typename Number>
struct Quantity {
  using number_type = Number;
  Number value{};

  constexpr Quantity() = default;
  constexpr explicit Quantity(Number number) : value(number) {}
  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity& operator+=(Quantity other) {
    value += other.value;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    value -= other.value;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value + b.value); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value - b.value); }
  friend constexpr Quantity operator*(Quantity a, Number factor) { return Quantity(a.value * factor); }
  friend constexpr Quantity operator*(Number factor, Quantity a) { return Quantity(a.value * factor); }
};

using Cycles = Quantity<struct CyclesTag, std::int64_t>;
using Bits = Quantity<struct BitsTag, std::int64_t>;
using Picojoules = Quantity<struct PicojoulesTag, double>;
using Microseconds = Quantity<struct MicrosecondsTag, double>;
using Megahertz = Quantity<struct MegahertzTag, double>;

/// `A` for each `B`, as in Per<Picojoules, Bits>.
template <typename A, typename B>
struct Per {
  double value{};
  constexpr Per() = default;
  constexpr explicit Per(double number) : value(number) {}
  friend constexpr A operator*(Per rate, B amount) {
    return A(static_cast<typename A::number_type>(rate.value * static_cast<double>(amount.value)));
  }
  friend constexpr A operator*(B amount, Per rate) { return rate * amount; }
};

/// Wall time of `cycles` at `clock` (> 0).
constexpr Microseconds duration(Cycles cycles, Megahertz clock) { return Microseconds(static_cast<double>(cycles.value) / clock.value); }

}  // namespace dyad
