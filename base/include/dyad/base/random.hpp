/// \file Random numbers that are the same on every machine and with any number of threads.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace dyad {

/// SplitMix64 (Steele, Lea, Flood 2014). Streams with other keys are independent: Random(seed, stream).
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0)
      : state_(seed * 0x9E3779B97F4A7C15ull + mix(stream + 0x632BE59BD9B4E019ull)) {}
  std::uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15ull); }
  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// Uniform in [0, bound), bound >= 1; without modulo bias (Lemire).
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [lowest, highest].
  std::int64_t between(std::int64_t lowest, std::int64_t highest) {
    return lowest + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(highest - lowest) + 1));
  }
  bool coin() { return next() >> 63; }
  /// Standard normal (Box-Muller).
  double normal();

 private:
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

/// 0 .. count-1 in random order (Fisher-Yates).
std::vector<std::int64_t> random_permutation(std::int64_t count, Random& random);

}  // namespace dyad
