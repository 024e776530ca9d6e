#include "dyad/ranges/histogram.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/base/result.hpp"

namespace dyad::ranges {
namespace {

constexpr int kSideBits = 13;
static_assert(Histogram::kBinsPerSide == 1 << kSideBits);
// Below this the scale to bins would leave float32; smaller values share the bins next to zero.
constexpr int kLeastExponent = -100;

}  // namespace

float Histogram::bin_width() const { return std::ldexp(1.0f, exponent_ - kSideBits); }

void Histogram::grow(int exponent) {
  if (counts_.empty()) {
    counts_.assign(2 * kBinsPerSide, 0);
    exponent_ = exponent;
    return;
  }
  const int steps = exponent - exponent_;
  if (steps <= 0) return;
  std::vector<std::int64_t> merged(counts_.size(), 0);
  for (int i = 0; i < 2 * kBinsPerSide; ++i) {
    const int index = (i - kBinsPerSide) >> std::min(steps, 30);  // floor division
    merged[static_cast<std::size_t>(index + kBinsPerSide)] += counts_[static_cast<std::size_t>(i)];
  }
  counts_ = std::move(merged);
  exponent_ = exponent;
}

void Histogram::add(std::span<const float> values) {
  if (values.empty()) return;
  float low = values[0], high = values[0];
  bool finite = true;
  for (const float v : values) {
    finite = finite && std::fabs(v) <= 3.4028235e38f;
    low = v < low ? v : low;
    high = v > high ? v : high;
  }
  DYAD_EXPECT(finite, "an observed value is not finite");
  lowest_ = count_ == 0 ? low : std::min(lowest_, low);
  highest_ = count_ == 0 ? high : std::max(highest_, high);
  count_ += static_cast<std::int64_t>(values.size());
  const float magnitude = std::max(std::fabs(low), std::fabs(high));
  if (magnitude == 0) {
    zeros_ += static_cast<std::int64_t>(values.size());
    return;
  }
  int exponent = 0;
  std::frexp(magnitude, &exponent);  // magnitude < 2^exponent
  grow(std::max(exponent, kLeastExponent));
  const float scale = std::ldexp(1.0f, kSideBits - exponent_);
  for (const float v : values) {
    if (v == 0) {
      ++zeros_;
      continue;
    }
    const float scaled = v * scale;  // exact: a power of two
    int index = static_cast<int>(scaled);
    index -= scaled < static_cast<float>(index) ? 1 : 0;
    ++counts_[static_cast<std::size_t>(index + kBinsPerSide)];
  }
}

std::vector<Histogram::Bin> Histogram::bins() const {
  std::vector<Bin> result;
  const float width = counts_.empty() ? 0 : bin_width();
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] > 0) result.push_back({(static_cast<float>(static_cast<int>(i) - kBinsPerSide) + 0.5f) * width, counts_[i]});
  return result;
}

float Histogram::quantile(double fraction) const {
  DYAD_EXPECT(fraction >= 0 && fraction <= 1, "a quantile's fraction is outside 0 to 1");
  const double target = fraction * static_cast<double>(count_);
  double below = 0;
  const auto inside = [&](double value) { return std::clamp(static_cast<float>(value), lowest_, highest_); };
  const double width = counts_.empty() ? 0 : bin_width();
  for (int i = 0; i <= 2 * kBinsPerSide; ++i) {
    if (i == kBinsPerSide) {  // the exact zeros lie between the two sides
      if (zeros_ > 0 && below + static_cast<double>(zeros_) >= target) return inside(0);
      below += static_cast<double>(zeros_);
    }
    if (counts_.empty() || i == 2 * kBinsPerSide) continue;
    const auto inside_bin = static_cast<double>(counts_[static_cast<std::size_t>(i)]);
    if (inside_bin > 0 && below + inside_bin >= target) return inside((i - kBinsPerSide + (target - below) / inside_bin) * width);
    below += inside_bin;
  }
  return highest_;
}

}  // namespace dyad::ranges
