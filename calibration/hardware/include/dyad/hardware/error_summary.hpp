/// \file How far predictions are from measurements.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace dyad::hardware {

/// Errors are predicted / measured - 1.
struct ErrorSummary {
  double mape = 0;                     ///< mean of their absolute values, percent
  double mape_low = 0, mape_high = 0;  ///< 95 % interval of the mean: bootstrap over groups, 2,000 draws
  double p90 = 0;                      ///< 90th percentile of their absolute values (linear between ranks), percent
  double bias = 0;                     ///< mean, percent
  std::optional<double> kendall_tau;   ///< tau-b of predicted and measured times
};

/// `groups` (same length): entries that are drawn together by the bootstrap, for they are not independent.
ErrorSummary summarize_errors(std::span<const double> predicted, std::span<const double> measured, std::span<const std::string> groups,
                              std::uint64_t seed);

/// The scatter of a set of measurements itself: rows of the same group measure the same thing.
struct Scatter {
  std::int64_t rows = 0, groups = 0;  ///< in groups of two or more
  double mape = 0;                    ///< mean deviation from the geometric mean of the group, percent
  double largest_ratio = 1;           ///< of two rows of a group
};
Scatter measure_scatter(std::span<const double> measured, std::span<const std::string> groups);

}  // namespace dyad::hardware
