#include "weight_quantizer.hpp"

#include <cmath>

#include "dyad/quantizer/apot.hpp"
#include "dyad/quantizer/uniform.hpp"

namespace dyad::training {
namespace {

constexpr float kFirstAlpha = 3.0f;  // of normalized weights; Li et al., 2020, reference implementation
constexpr int kMostNormalizedBits = 6;

/// (K) as (K, 1, ...) like `weight`.
at::Tensor by_channel(const at::Tensor& values, const at::Tensor& weight) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(weight.dim()), 1);
  shape[0] = values.size(0);
  return values.view(shape);
}

/// HAWQ-V3's symmetric scale of each output channel, from its extremes or percentiles.
at::Tensor range_steps(const at::Tensor& weight, int bits, double percentile) {
  const at::Tensor values = weight.detach().contiguous();
  const std::int64_t channels = values.size(0), size = values.numel() / channels;
  at::Tensor steps = at::empty({channels}, at::kFloat);
  for (std::int64_t k = 0; k < channels; ++k)
    steps.data_ptr<float>()[k] = quantizer::symmetric_scale(
        quantizer::weight_range({values.data_ptr<float>() + k * size, static_cast<std::size_t>(size)}, percentile), bits);
  return steps;
}

}  // namespace

WeightQuantizer::WeightQuantizer(QuantizationScheme scheme, int bits, double percentile, bool has_batch_norm,
                                 const std::vector<float>& first_steps)
    : scheme_(scheme), bits_(bits), percentile_(percentile), has_batch_norm_(has_batch_norm) {
  const bool is_normalized = scheme == QuantizationScheme::kUniform || scheme == QuantizationScheme::kApot;
  if (is_normalized && bits > kMostNormalizedBits) {
    scheme_ = QuantizationScheme::kHawq;
    percentile_ = 0;
  }
  const auto highest = static_cast<float>(BitWidth{bits, true}.highest());
  levels_ = {-highest, highest};
  switch (scheme_) {
    case QuantizationScheme::kLsq:
      levels_.lowest = -highest - 1;
      learned_ = at::empty({static_cast<std::int64_t>(first_steps.size())}, at::kFloat);
      std::copy(first_steps.begin(), first_steps.end(), learned_.data_ptr<float>());
      break;
    case QuantizationScheme::kHawq: levels_.lowest = -highest - 1; return;
    case QuantizationScheme::kUniform: learned_ = at::full({1}, kFirstAlpha, at::kFloat); break;
    case QuantizationScheme::kApot: {
      learned_ = at::full({1}, kFirstAlpha, at::kFloat);
      const quantizer::ApotLevels levels = quantizer::apot_levels(BitWidth{bits, true});
      const auto count = static_cast<std::int64_t>(levels.numerators.size());
      numerators_ = at::empty({count}, at::kFloat);
      for (std::int64_t i = 0; i < count; ++i)
        numerators_.data_ptr<float>()[i] = static_cast<float>(levels.numerators[static_cast<std::size_t>(i)]);
      midpoints_ = (numerators_.slice(0, 1) + numerators_.slice(0, 0, -1)) * 0.5;
      levels_ = {-static_cast<float>(levels.denominator), static_cast<float>(levels.denominator)};
      break;
    }
  }
  learned_.set_requires_grad(true);
}

std::vector<std::pair<std::string, at::Tensor>> WeightQuantizer::learned() const {
  if (!learned_.defined()) return {};
  return {{scheme_ == QuantizationScheme::kLsq ? "weight_step" : "weight_alpha", learned_}};
}

int WeightQuantizer::stored_bits() const {
  int bits = bits_;
  while (static_cast<float>(BitWidth{bits, true}.highest()) < levels_.highest) ++bits;
  return bits;
}

at::Tensor WeightQuantizer::nearest(const at::Tensor& values) const {
  if (scheme_ != QuantizationScheme::kApot) return at::round(values);
  // An index counts the middles below the magnitude, so of two levels equally near the smaller is taken.
  const at::Tensor magnitude = numerators_.index_select(0, at::bucketize(values.abs().flatten(), midpoints_)).view(values.sizes());
  return magnitude * at::sign(values);
}

WeightQuantizer::Scaled WeightQuantizer::scaled(const at::Tensor& weight) const {
  if (scheme_ == QuantizationScheme::kLsq || scheme_ == QuantizationScheme::kHawq) {
    const at::Tensor step = scheme_ == QuantizationScheme::kLsq ? learned_ : range_steps(weight, bits_, percentile_);
    const at::Tensor in_steps = weight * by_channel(step, weight).reciprocal();
    at::Tensor inside = at::clamp(in_steps, levels_.lowest, levels_.highest);
    // HAWQ-V3 has no mask: the gradient of a saturated weight passes as well.
    if (scheme_ == QuantizationScheme::kHawq) return {inside, step, in_steps - inside};
    return {inside, step, {}};
  }
  const at::Tensor constant = weight.detach();
  const at::Tensor normalized = (weight - constant.mean()) / constant.std();
  const at::Tensor step = learned_ / levels_.highest;
  const at::Tensor in_steps = normalized / step;
  const at::Tensor inside = at::clamp(in_steps, levels_.lowest, levels_.highest);
  // Calibrated gradients at 2 bits: unclipped in the weight, still only inside in alpha.
  if (bits_ == 2) {
    const at::Tensor unclipped = normalized / step.detach();
    return {inside, step, unclipped - at::clamp(unclipped, levels_.lowest, levels_.highest)};
  }
  return {inside, step, {}};
}

at::Tensor WeightQuantizer::rounded(const Scaled& s) const {
  return straight_through(s.passed.defined() ? s.values + s.passed : s.values, nearest(s.values.detach()));
}

at::Tensor WeightQuantizer::quantize(const at::Tensor& weight) const {
  if (scheme_ == QuantizationScheme::kLsq) {
    const double count = static_cast<double>(weight.numel() / weight.size(0));
    return quantize_channels(weight, learned_, levels_, 1.0 / std::sqrt(count * static_cast<double>(levels_.highest)));
  }
  const Scaled s = scaled(weight);
  at::Tensor result = rounded(s) * (s.step.size(0) == 1 ? s.step : by_channel(s.step, weight));
  if (scheme_ != QuantizationScheme::kHawq && !has_batch_norm_) result = result * weight.detach().std();
  return result;
}

WeightIntegers WeightQuantizer::integers(const at::Tensor& weight) const {
  const Scaled s = scaled(weight);
  at::Tensor steps = s.step.detach().expand({weight.size(0)}).contiguous();
  if (scheme_ != QuantizationScheme::kHawq && scheme_ != QuantizationScheme::kLsq && !has_batch_norm_)
    steps = steps * weight.detach().std();
  return {rounded(s), steps};
}

}  // namespace dyad::training
