/// \file Activation range observers by name: minmax, average, percentile, mse, kl (docs/ranges/observers.md).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/range_observer.hpp"
#include "dyad/base/result.hpp"

namespace dyad::ranges {

struct ObserverOptions {
  /// `average`: share of the old range that a batch keeps, 0 to 1; -1 keeps running extremes.
  double momentum = 0.99;
  /// `percentile`: the share of values inside the range, in percent, above 50 and up to 100.
  double percentile = 99.99;
};

/// An observer, or an Error that lists the names. Memory is fixed however many values it sees; results depend on the values (for `average`
/// on their batches, one call each) and not on threads.
Result<std::unique_ptr<RangeObserver>> make_observer(std::string_view name, const ObserverOptions& options = {});
std::vector<std::string> observer_names();

/// k-th smallest value, 1-based; 1 <= k <= values.size().
float kth_smallest(std::span<const float> values, std::int64_t k);

/// HAWQ-V3's tracker of an activation's range, in its float32 order of operations. While lowest == highest (as at the start) a batch's
/// extremes are added to them; after that momentum -1 keeps the extremes, any other m moves both ends to x * m + batch * (1 - m). Source:
/// HAWQ-V3 (Yao et al., 2021), its QuantAct module.
class HawqRangeTracker {
 public:
  struct Options {
    double momentum = 0.99;
    double percentile = 0;     ///< 0: a batch's range is its extremes; else HAWQ's percentile of the batch
    bool zero_lowest = false;  ///< with a percentile: the batch's lowest is 0 (unsigned quantizers)
  };
  explicit HawqRangeTracker(Options options) : options_(options) {}
  void observe(std::span<const float> batch);
  /// Goes on from a range that was kept.
  void restore(Range range) {
    lowest_ = range.lowest;
    highest_ = range.highest;
  }
  float lowest() const { return lowest_; }
  float highest() const { return highest_; }

 private:
  Options options_;
  float lowest_ = 0, highest_ = 0;
};

}  // namespace dyad::ranges
