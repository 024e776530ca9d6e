#include "dyad/ranges/observers.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "dyad/ranges/histogram.hpp"

namespace dyad::ranges {
namespace {

// A range that holds zero.
Range around_zero(float lowest, float highest) { return {std::min(lowest, 0.0f), std::max(highest, 0.0f)}; }

// The interval of a threshold: symmetric for signed integers, from zero for unsigned ones.
Range of_threshold(float threshold, BitWidth format) { return {format.is_signed ? -threshold : 0.0f, threshold}; }

// The largest magnitude that `format` can be asked to hold.
float largest(const Histogram& histogram, BitWidth format) {
  const float high = std::max(histogram.highest(), 0.0f);
  return format.is_signed ? std::max(high, -histogram.lowest()) : high;
}

class MinMaxObserver final : public RangeObserver {
 public:
  void observe(std::span<const float> values) override {
    for (const float v : values) {
      lowest_ = v < lowest_ ? v : lowest_;
      highest_ = v > highest_ ? v : highest_;
    }
  }
  Range range(BitWidth) const override { return {lowest_, highest_}; }

 private:
  float lowest_ = 0, highest_ = 0;
};

class AverageObserver final : public RangeObserver {
 public:
  explicit AverageObserver(double momentum) : tracker_({momentum, 0, false}) {}
  void observe(std::span<const float> values) override { tracker_.observe(values); }
  Range range(BitWidth) const override { return around_zero(tracker_.lowest(), tracker_.highest()); }

 private:
  HawqRangeTracker tracker_;
};

class HistogramObserver : public RangeObserver {
 public:
  void observe(std::span<const float> values) override { histogram_.add(values); }

 protected:
  Histogram histogram_;
};

class PercentileObserver final : public HistogramObserver {
 public:
  explicit PercentileObserver(double percentile) : fraction_(percentile / 100) {}
  Range range(BitWidth) const override {
    if (histogram_.count() == 0) return {};
    return around_zero(histogram_.quantile(1 - fraction_), histogram_.quantile(fraction_));
  }

 private:
  double fraction_;
};

// Ties to even for |x| < 2^22, without a call: adding 1.5 * 2^23 leaves no fraction bits.
float round_half_even(float x) { return (x + 12582912.0f) - 12582912.0f; }

// Sum over the bins of count * (x - quantized x)^2 with `step` and levels lowest..highest.
double squared_error(const std::vector<Histogram::Bin>& bins, float step, float lowest, float highest) {
  const float reciprocal = 1.0f / step;
  double sum = 0;
  for (const Histogram::Bin& bin : bins) {
    const float level = round_half_even(std::clamp(bin.middle * reciprocal, lowest, highest));
    const double error = static_cast<double>(bin.middle) - static_cast<double>(level) * static_cast<double>(step);
    sum += static_cast<double>(bin.count) * error * error;
  }
  return sum;
}

class MseObserver final : public HistogramObserver {
 public:
  // 99 thresholds: 0.02, 0.03, ... 1.00 of the largest magnitude; the largest threshold wins among equals.
  Range range(BitWidth format) const override {
    const float most = largest(histogram_, format);
    if (!(most > 0)) return {};
    const std::vector<Histogram::Bin> bins = histogram_.bins();
    const auto lowest = static_cast<float>(format.lowest());
    const auto highest = static_cast<float>(format.highest());
    const float steps = std::max(highest, 1.0f);
    double best_error = std::numeric_limits<double>::infinity();
    float best = most;
    for (int percent = 100; percent >= 2; --percent) {
      const float threshold = most * (static_cast<float>(percent) / 100.0f);
      const float step = threshold / steps;
      if (!(step > 0) || !std::isfinite(1.0f / step)) break;
      const double error = squared_error(bins, step, lowest, highest);
      if (error < best_error) {
        best_error = error;
        best = threshold;
      }
    }
    return of_threshold(best, format);
  }
};

// Divergence of the first `kept` bins of magnitudes, the rest clipped into the last, from their quantization to `levels` equal groups.
double clipped_divergence(const std::vector<double>& counts, std::size_t kept, std::size_t levels) {
  constexpr double kSmallest = 1e-9;  // weight of a bin that only clipping fills
  double inside = 0, total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    if (i < kept) inside += counts[i];
  }
  if (inside <= 0) return std::numeric_limits<double>::infinity();
  double divergence = 0;
  for (std::size_t level = 0; level < levels; ++level) {
    const std::size_t begin = level * kept / levels, end = (level + 1) * kept / levels;
    double sum = 0;
    std::size_t occupied = 0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += counts[i];
      occupied += counts[i] > 0 ? 1 : 0;
    }
    for (std::size_t i = begin; i < end; ++i) {
      const double p = (counts[i] + (i + 1 == kept ? total - inside : 0)) / total;
      if (p <= 0) continue;
      const double q = counts[i] > 0 ? sum / static_cast<double>(occupied) / inside : 0;
      divergence += p * std::log(p / std::max(q, kSmallest));
    }
  }
  return divergence;
}

class KlObserver final : public HistogramObserver {
 public:
  // 128 thresholds over 2048 bins of |x|; exact zeros are left out, since every quantizer keeps them.
  Range range(BitWidth format) const override {
    constexpr std::size_t kBins = 2048, kThresholds = 128;
    const float most = largest(histogram_, format);
    if (!(most > 0)) return {};
    const std::size_t levels = std::size_t{1} << std::min(format.is_signed ? format.bits - 1 : format.bits, 30);
    if (levels >= kBins) return of_threshold(most, format);
    std::vector<double> counts(kBins, 0.0);
    for (const Histogram::Bin& bin : histogram_.bins()) {
      if (!format.is_signed && bin.middle < 0) continue;
      const double place = static_cast<double>(std::fabs(bin.middle)) / static_cast<double>(most) * kBins;
      counts[std::min(static_cast<std::size_t>(place), kBins - 1)] += static_cast<double>(bin.count);
    }
    double best_divergence = std::numeric_limits<double>::infinity();
    std::size_t best = kBins;
    for (std::size_t i = kThresholds; i >= 1; --i) {
      const std::size_t kept = levels + (kBins - levels) * i / kThresholds;
      const double divergence = clipped_divergence(counts, kept, levels);
      if (divergence < best_divergence) {
        best_divergence = divergence;
        best = kept;
      }
    }
    return of_threshold(most * (static_cast<float>(best) / static_cast<float>(kBins)), format);
  }
};

using Factory = std::function<std::unique_ptr<RangeObserver>(const ObserverOptions&)>;

const std::vector<std::pair<std::string, Factory>>& factories() {
  static const std::vector<std::pair<std::string, Factory>> list{
      {"minmax", [](const ObserverOptions&) { return std::make_unique<MinMaxObserver>(); }},
      {"average", [](const ObserverOptions& o) { return std::make_unique<AverageObserver>(o.momentum); }},
      {"percentile", [](const ObserverOptions& o) { return std::make_unique<PercentileObserver>(o.percentile); }},
      {"mse", [](const ObserverOptions&) { return std::make_unique<MseObserver>(); }},
      {"kl", [](const ObserverOptions&) { return std::make_unique<KlObserver>(); }},
  };
  return list;
}

}  // namespace

float kth_smallest(std::span<const float> values, std::int64_t k) {
  DYAD_EXPECT(k >= 1 && k <= static_cast<std::int64_t>(values.size()), "no such rank");
  std::vector<float> sorted(values.begin(), values.end());
  std::nth_element(sorted.begin(), sorted.begin() + (k - 1), sorted.end());
  return sorted[static_cast<std::size_t>(k - 1)];
}

void HawqRangeTracker::observe(std::span<const float> batch) {
  if (batch.empty()) return;
  float low = *std::min_element(batch.begin(), batch.end());
  float high = *std::max_element(batch.begin(), batch.end());
  if (options_.percentile > 0) {
    const auto n = static_cast<double>(batch.size());
    const auto rank = [&](double place) {  // Python's round(): ties to even. HAWQ fails on rank 0; here it is 1.
      return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::nearbyint(place)), 1, static_cast<std::int64_t>(batch.size()));
    };
    high = kth_smallest(batch, rank(n * options_.percentile * 0.01));
    if (options_.zero_lowest) {
      low = 0;
    } else {  // the k-th smallest of -x is minus the (N + 1 - k)-th smallest of x
      const std::int64_t k = rank(n * (1 - (100 - options_.percentile) * 0.01));
      low = kth_smallest(batch, static_cast<std::int64_t>(batch.size()) + 1 - k);
    }
  }
  if (lowest_ == highest_) {
    lowest_ += low;
    highest_ += high;
  } else if (options_.momentum == -1) {
    lowest_ = std::min(lowest_, low);
    highest_ = std::max(highest_, high);
  } else {
    const auto keep = static_cast<float>(options_.momentum);
    const auto take = static_cast<float>(1 - options_.momentum);
    lowest_ = lowest_ * keep + low * take;
    highest_ = highest_ * keep + high * take;
  }
}

Result<std::unique_ptr<RangeObserver>> make_observer(std::string_view name, const ObserverOptions& options) {
  if (options.momentum != -1 && !(options.momentum >= 0 && options.momentum <= 1))
    return Error{"momentum", "is neither -1 nor between 0 and 1", "for example 0.99"};
  if (!(options.percentile > 50 && options.percentile <= 100))
    return Error{"percentile", "is not above 50 and up to 100", "for example 99.99"};
  for (const auto& [known, make] : factories())
    if (known == name) return make(options);
  std::string names;
  for (const std::string& known : observer_names()) names += (names.empty() ? "" : ", ") + known;
  return Error{"observer", "no range observer is called '" + std::string(name) + "'", "choose one of " + names};
}

std::vector<std::string> observer_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : factories()) names.push_back(name);
  return names;
}

}  // namespace dyad::ranges
