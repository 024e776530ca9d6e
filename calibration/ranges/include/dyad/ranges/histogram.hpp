/// \file A histogram of real values in fixed memory whose bins do not depend on the order in which values arrive.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dyad::ranges {

/// Counts values in 2 x 8192 bins between -2^e and 2^e, where e is the least exponent that holds every value seen. Bin widths are powers of
/// two, so growing merges neighbours exactly and the counts are a function of the set of values alone. Exact zeros are counted apart.
class Histogram {
 public:
  static constexpr int kBinsPerSide = 8192;

  /// Non-zero values of one bin: their number and the middle of the bin.
  struct Bin {
    float middle = 0;
    std::int64_t count = 0;
  };

  /// Values must be finite.
  void add(std::span<const float> values);

  std::int64_t count() const { return count_; }
  std::int64_t zeros() const { return zeros_; }
  float lowest() const { return lowest_; }  ///< 0 when nothing was added
  float highest() const { return highest_; }
  float bin_width() const;
  /// Occupied bins in increasing order.
  std::vector<Bin> bins() const;
  /// The value below which `fraction` (0 to 1) of all values lie, linear within a bin, inside [lowest, highest].
  float quantile(double fraction) const;

 private:
  void grow(int exponent);

  std::vector<std::int64_t> counts_;  ///< 2 kBinsPerSide; bin i covers [(i - kBinsPerSide), (i - kBinsPerSide) + 1) bin widths
  std::int64_t count_ = 0, zeros_ = 0;
  float lowest_ = 0, highest_ = 0;
  int exponent_ = 0;  ///< meaningful once counts_ is not empty
};

}  // namespace dyad::ranges
