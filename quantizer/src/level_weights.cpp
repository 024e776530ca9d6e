// Post-training choices for level sets: steps of weights, thresholds of activations, and values rounded to levels.
#include <algorithm>
#include <cmath>
#include <limits>

#include "dyad/quantizer/uniform.hpp"
#include "dyad/ranges/histogram.hpp"
#include "post_training_state.hpp"

namespace dyad::quantizer {
namespace {

// The level of x in steps of `scale`, by the exact decision of level_table.
std::int32_t level_of(float x, float half_steps, const LevelTable& table) {
  const float grid = std::floor(x * half_steps);
  const float inside = std::clamp(grid, static_cast<float>(table.lowest), static_cast<float>(table.highest()));
  return table.values[static_cast<std::size_t>(static_cast<std::int32_t>(inside) - table.lowest)];
}

class LevelObserver final : public RangeObserver {
 public:
  explicit LevelObserver(std::unique_ptr<RangeObserver> uniform) : uniform_(std::move(uniform)) {}

  void observe(std::span<const float> values) override {
    histogram_.add(values);
    uniform_->observe(values);
  }

  // 99 thresholds: 0.02, 0.03, ... 1.00 of the largest magnitude; the largest wins among equals.
  Range range(BitWidth format) const override {
    const LevelSet levels = levels_of(LevelScheme::kApot, format.bits, format.is_signed);
    if (levels.is_uniform() || !is_known(levels)) return uniform_->range(format);
    const float most = format.is_signed ? std::max(-histogram_.lowest(), histogram_.highest()) : histogram_.highest();
    if (histogram_.count() == 0 || !(most > 0)) return {};
    const LevelTable table = level_table(levels, format.is_signed);
    const auto largest = static_cast<float>(table.highest()) / 2;
    const std::vector<ranges::Histogram::Bin> bins = histogram_.bins();
    double best_error = std::numeric_limits<double>::infinity();
    float best = most;
    for (int percent = 100; percent >= 2; --percent) {
      const float threshold = most * (static_cast<float>(percent) / 100.0f), step = threshold / largest, half_steps = 2.0f / step;
      if (!std::isfinite(half_steps)) break;
      double error = 0;
      for (const ranges::Histogram::Bin& bin : bins) {
        const double difference =
            static_cast<double>(bin.middle) - static_cast<double>(level_of(bin.middle, half_steps, table)) * static_cast<double>(step);
        error += static_cast<double>(bin.count) * difference * difference;
      }
      if (error >= best_error) continue;
      best_error = error;
      best = threshold;
    }
    return {format.is_signed ? -best : 0.0f, best};
  }

 private:
  std::unique_ptr<RangeObserver> uniform_;
  ranges::Histogram histogram_;
};

}  // namespace

LevelSet levels_of(LevelScheme scheme, int bits, bool is_signed) {
  if (scheme == LevelScheme::kUniform || bits >= kMostBits) return {};
  return {scheme, bits - (is_signed ? 1 : 0)};
}

QuantizedWeights quantize_to_levels(const Tensor<float>& weights, LevelSet levels, WeightRule rule) {
  const LevelTable table = level_table(levels, true);
  const auto largest = static_cast<float>(table.highest()) / 2;
  QuantizedWeights result;
  result.levels = levels;
  result.values = Tensor<std::int8_t>(weights.shape());
  const auto channels = static_cast<std::size_t>(weights.extent(0));
  const std::size_t size = static_cast<std::size_t>(weights.size()) / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    const std::span<const float> values = weights.values().subspan(c * size, size);
    float most = 0;
    for (const float v : values) most = std::max(most, std::fabs(v));
    const float widest = std::max(most, 1e-8f) / largest;
    float best = widest;
    double best_error = std::numeric_limits<double>::infinity();
    // 101 steps, 0.20 to 1.20 of the largest magnitude's; the largest wins among equals.
    for (int percent = 120; rule != WeightRule::kMinMax && percent >= 20; --percent) {
      const float step = widest * (static_cast<float>(percent) / 100.0f), half_steps = 2.0f / step;
      double error = 0;
      for (const float v : values) {
        const double difference = std::fabs(v - static_cast<float>(level_of(v, half_steps, table)) * step);
        error += rule == WeightRule::kMse ? difference * difference : difference * difference * difference;
      }
      if (error >= best_error) continue;
      best_error = error;
      best = step;
    }
    result.scales.push_back(best);
    for (std::size_t i = 0; i < size; ++i)
      result.values[static_cast<std::int64_t>(c * size + i)] = static_cast<std::int8_t>(level_of(values[i], 2.0f / best, table));
  }
  return result;
}

std::unique_ptr<RangeObserver> make_level_observer(std::unique_ptr<RangeObserver> uniform) {
  return std::make_unique<LevelObserver>(std::move(uniform));
}

void round_to(const ScaledFormat& format, std::span<float> values) {
  if (format.levels.is_uniform()) return fake_quantize(values, format.scale, format.format);
  const LevelTable table = level_table(format.levels, format.format.is_signed);
  const float half_steps = 2.0f / format.scale;
  for (float& v : values) v = static_cast<float>(level_of(v, half_steps, table)) * format.scale;
}

}  // namespace dyad::quantizer
