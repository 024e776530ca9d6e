#include "lagrangian.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

namespace dyad::quantizer {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMostNodes = 2'000'000;

struct DualPoint {
  double value = -kInfinity;  ///< L(m)
  std::vector<double> slope;  ///< total cost of the minimizing items - limits: a supergradient
};

DualPoint dual(const IntegerProgram& program, const std::vector<double>& multipliers) {
  DualPoint point;
  point.value = 0;
  point.slope.assign(multipliers.size(), 0);
  for (const auto& group : program.groups) {
    double least = kInfinity;
    const Item* best = nullptr;
    for (const Item& item : group) {
      double value = item.loss;
      for (std::size_t k = 0; k < multipliers.size(); ++k) value += multipliers[k] * item.costs[k];
      if (value < least) {
        least = value;
        best = &item;
      }
    }
    point.value += least;
    for (std::size_t k = 0; k < multipliers.size(); ++k) point.slope[k] += best->costs[k];
  }
  for (std::size_t k = 0; k < multipliers.size(); ++k) {
    const double limit = with_slack(program.limits[k]);
    point.value -= multipliers[k] * limit;
    point.slope[k] -= limit;
  }
  return point;
}

/// One limit: the maximum of the concave piecewise linear L by bisection on the sign of its slope.
std::vector<double> bisect(const IntegerProgram& program) {
  if (dual(program, {0}).slope[0] <= 0) return {0};
  double low = 0, high = 1;
  while (dual(program, {high}).slope[0] > 0 && high < 1e300) high *= 4;
  for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
    const double middle = low + (high - low) / 2;
    (dual(program, {middle}).slope[0] > 0 ? low : high) = middle;
  }
  return dual(program, {low}).value > dual(program, {high}).value ? std::vector{low} : std::vector{high};
}

/// Several limits: Polyak's supergradient steps toward `target`, in units that make the limits alike; best point seen.
std::vector<double> ascend(const IntegerProgram& program, double target) {
  const std::size_t count = program.limits.size();
  std::vector<double> scale(count), point(count, 0), best(count, 0);
  for (std::size_t k = 0; k < count; ++k) scale[k] = program.limits[k] > 0 ? 1 / program.limits[k] : 1;
  double best_value = -kInfinity, relaxation = 1;
  int since_best = 0;
  for (int step = 0; step < 3000; ++step) {
    const DualPoint here = dual(program, point);
    if (here.value > best_value) {
      best_value = here.value;
      best = point;
      since_best = 0;
    } else if (++since_best == 20) {
      relaxation /= 2;
      since_best = 0;
      point = best;
      continue;
    }
    double norm = 0;
    for (std::size_t k = 0; k < count; ++k)
      if (point[k] > 0 || here.slope[k] > 0) norm += here.slope[k] * scale[k] * here.slope[k] * scale[k];
    if (norm == 0 || relaxation < 1e-9) break;
    const double length = relaxation * std::max(target - here.value, 0.0) / norm;
    if (length == 0) break;
    for (std::size_t k = 0; k < count; ++k) point[k] = std::max(0.0, point[k] + length * here.slope[k] * scale[k] * scale[k]);
  }
  return best;
}

/// Depth-first enumeration of choices whose excesses add up to less than the gap.
class Enumeration {
 public:
  Enumeration(const IntegerProgram& program, const std::vector<double>& multipliers, double lower,
              const std::vector<std::size_t>& incumbent)
      : program_(program), lower_(lower), limit_count_(program.limits.size()) {
    for (const double limit : program.limits) limits_.push_back(with_slack(limit));
    const std::size_t groups = program.groups.size();
    candidates_.resize(groups);
    for (std::size_t g = 0; g < groups; ++g) {
      double least = kInfinity;
      for (std::size_t i = 0; i < program.groups[g].size(); ++i) {
        const Item& item = program.groups[g][i];
        double value = item.loss;
        for (std::size_t k = 0; k < limit_count_; ++k) value += multipliers[k] * item.costs[k];
        candidates_[g].push_back({value, i});
        least = std::min(least, value);
        magnitude_ += std::abs(item.loss) / static_cast<double>(program.groups[g].size());
      }
      for (auto& candidate : candidates_[g]) candidate.excess -= least;
      std::stable_sort(candidates_[g].begin(), candidates_[g].end(), [](const auto& x, const auto& y) { return x.excess < y.excess; });
    }
    // Groups whose second item is dearest first: they leave the fewest branches.
    order_.resize(groups);
    std::iota(order_.begin(), order_.end(), 0);
    const auto second = [&](std::size_t g) { return candidates_[g].size() > 1 ? candidates_[g][1].excess : kInfinity; };
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t x, std::size_t y) { return second(x) > second(y); });
    rest_.assign((groups + 1) * limit_count_, 0);
    for (std::size_t d = groups; d-- > 0;) {
      for (std::size_t k = 0; k < limit_count_; ++k) {
        double least = kInfinity;
        for (const Item& item : program.groups[order_[d]]) least = std::min(least, item.costs[k]);
        rest_[d * limit_count_ + k] = rest_[(d + 1) * limit_count_ + k] + least;
      }
    }
    taken_.assign(groups, 0);
    best_ = kInfinity;
    if (!incumbent.empty()) {
      best_ = 0;
      for (std::size_t g = 0; g < groups; ++g) best_ += program.groups[g][incumbent[g]].loss;
    }
  }

  Certificate run() {
    std::vector<double> costs(limit_count_, 0);
    descend(0, 0, costs);
    return {nodes_ <= kMostNodes, better_};
  }

 private:
  struct Candidate {
    double excess;
    std::size_t item;
  };

  void descend(std::size_t depth, double excess, const std::vector<double>& costs) {
    if (depth == order_.size()) return accept();
    const std::size_t group = order_[depth];
    std::vector<double> next(limit_count_);
    for (const Candidate& candidate : candidates_[group]) {
      // Rounding of a few sums of doubles: what is this close to the incumbent is not better.
      if (excess + candidate.excess >= best_ - lower_ - 1e-13 * magnitude_) return;
      if (++nodes_ > kMostNodes) return;
      const Item& item = program_.groups[group][candidate.item];
      bool fits = true;
      for (std::size_t k = 0; k < limit_count_ && fits; ++k) {
        next[k] = costs[k] + item.costs[k];
        fits = next[k] + rest_[(depth + 1) * limit_count_ + k] <= limits_[k] * (1 + 1e-13);
      }
      if (!fits) continue;
      taken_[group] = candidate.item;
      descend(depth + 1, excess + candidate.excess, next);
      if (nodes_ > kMostNodes) return;
    }
  }

  void accept() {
    double loss = 0;
    for (std::size_t g = 0; g < taken_.size(); ++g) loss += program_.groups[g][taken_[g]].loss;
    if (loss >= best_) return;
    for (std::size_t k = 0; k < limit_count_; ++k) {
      double sum = 0;
      for (std::size_t g = 0; g < taken_.size(); ++g) sum += program_.groups[g][taken_[g]].costs[k];
      if (sum > limits_[k]) return;
    }
    best_ = loss;
    better_ = taken_;
  }

  const IntegerProgram& program_;
  double lower_;
  std::size_t limit_count_;
  std::vector<double> limits_;
  std::vector<std::vector<Candidate>> candidates_;
  std::vector<std::size_t> order_;
  std::vector<double> rest_;  ///< [depth][limit]: least cost of the groups from that depth on
  std::vector<std::size_t> taken_;
  double best_ = kInfinity;
  double magnitude_ = 0;
  std::int64_t nodes_ = 0;
  std::optional<std::vector<std::size_t>> better_;
};

}  // namespace

Certificate improve_or_prove(const IntegerProgram& program, const std::vector<std::size_t>& incumbent) {
  double target = 0;
  for (std::size_t g = 0; g < program.groups.size(); ++g) {
    if (!incumbent.empty()) {
      target += program.groups[g][incumbent[g]].loss;
      continue;
    }
    double most = -kInfinity;
    for (const Item& item : program.groups[g]) most = std::max(most, item.loss);
    target += most;
  }
  std::vector<double> multipliers;
  if (program.limits.size() == 1) multipliers = bisect(program);
  if (program.limits.size() > 1) multipliers = ascend(program, target);
  return Enumeration(program, multipliers, dual(program, multipliers).value, incumbent).run();
}

}  // namespace dyad::quantizer
