#include "dyad/hardware/error_summary.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "dyad/base/random.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/statistics.hpp"

namespace dyad::hardware {
namespace {

// Linear between ranks: the definition of NumPy's and R's default.
double quantile(std::vector<double> values, double fraction) {
  std::sort(values.begin(), values.end());
  const double rank = fraction * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (rank - static_cast<double>(below)) * (values[above] - values[below]);
}

std::map<std::string, std::vector<std::size_t>> members_of(std::span<const std::string> groups) {
  std::map<std::string, std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < groups.size(); ++i) members[groups[i]].push_back(i);
  return members;
}

}  // namespace

ErrorSummary summarize_errors(std::span<const double> predicted, std::span<const double> measured, std::span<const std::string> groups,
                              std::uint64_t seed) {
  DYAD_EXPECT(!measured.empty() && predicted.size() == measured.size() && groups.size() == measured.size(), "lists of different length");
  const auto count = static_cast<double>(measured.size());
  std::vector<double> absolute;
  ErrorSummary summary;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const double error = 100 * (predicted[i] / measured[i] - 1);
    absolute.push_back(std::fabs(error));
    summary.mape += absolute.back() / count;
    summary.bias += error / count;
  }
  summary.p90 = quantile(absolute, 0.9);
  summary.kendall_tau = kendall_tau(predicted, measured);

  constexpr int kDraws = 2000;
  std::vector<std::vector<std::size_t>> members;
  for (auto& [name, rows] : members_of(groups)) members.push_back(std::move(rows));
  Random random(seed);
  std::vector<double> means;
  for (int draw = 0; draw < kDraws; ++draw) {
    double sum = 0, drawn = 0;
    for (std::size_t i = 0; i < members.size(); ++i)
      for (const std::size_t row : members[random.below(members.size())]) {
        sum += absolute[row];
        drawn += 1;
      }
    means.push_back(sum / drawn);
  }
  summary.mape_low = quantile(means, 0.025);
  summary.mape_high = quantile(means, 0.975);
  return summary;
}

Scatter measure_scatter(std::span<const double> measured, std::span<const std::string> groups) {
  Scatter scatter;
  double sum = 0;
  for (const auto& [name, rows] : members_of(groups)) {
    if (rows.size() < 2) continue;
    ++scatter.groups;
    scatter.rows += static_cast<std::int64_t>(rows.size());
    double logarithms = 0, least = measured[rows[0]], largest = least;
    for (const std::size_t row : rows) {
      logarithms += std::log(measured[row]);
      least = std::min(least, measured[row]);
      largest = std::max(largest, measured[row]);
    }
    const double mean = std::exp(logarithms / static_cast<double>(rows.size()));
    for (const std::size_t row : rows) sum += 100 * std::fabs(measured[row] / mean - 1);
    scatter.largest_ratio = std::max(scatter.largest_ratio, largest / least);
  }
  if (scatter.rows > 0) scatter.mape = sum / static_cast<double>(scatter.rows);
  return scatter;
}

}  // namespace dyad::hardware
