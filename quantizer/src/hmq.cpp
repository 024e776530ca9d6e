#include "dyad/quantizer/hmq.hpp"

#include <algorithm>
#include <cmath>

namespace dyad::quantizer {

std::string_view to_string(HmqRanges ranges) { return ranges == HmqRanges::kPublished ? "published" : "exact"; }

std::optional<HmqRanges> hmq_ranges_from_name(std::string_view name) {
  for (const auto ranges : {HmqRanges::kHardwareExact, HmqRanges::kPublished})
    if (name == to_string(ranges)) return ranges;
  return std::nullopt;
}

double hmq_levels(int bits, bool is_signed) { return std::ldexp(1.0, bits - (is_signed ? 1 : 0)); }

ScaledFormat hmq_format(HmqChoice choice, double maximum, bool is_signed) {
  const double threshold = std::ldexp(maximum, -choice.shift);
  return {{choice.bits, is_signed}, static_cast<float>(threshold / hmq_levels(choice.bits, is_signed))};
}

double hmq_maximum(double largest, bool extra_octave) {
  DYAD_EXPECT(std::isfinite(largest) && largest >= 0, "the largest magnitude of a tensor is a number");
  if (largest == 0) return 1;
  return std::ldexp(1.0, static_cast<int>(std::ceil(std::log2(largest))) + (extra_octave ? 1 : 0));
}

double hmq_track(double base, double largest, double alpha) { return base + alpha * (largest - base); }

std::vector<double> hmq_probabilities(std::span<const float> logits) {
  const double highest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  std::vector<double> result;
  double sum = 0;
  for (const float logit : logits) sum += result.emplace_back(std::exp(static_cast<double>(logit) - highest));
  for (double& probability : result) probability /= sum;
  return result;
}

std::vector<double> hmq_marginal(const HmqSpace& space, std::span<const float> logits) {
  DYAD_EXPECT(logits.size() == space.size(), "one logit for each option");
  const std::vector<double> probabilities = hmq_probabilities(logits);
  std::vector<double> marginal(space.bits.size(), 0.0);
  for (std::size_t i = 0; i < probabilities.size(); ++i) marginal[i / static_cast<std::size_t>(space.shifts)] += probabilities[i];
  return marginal;
}

int hmq_choose_shift(const HmqSpace& space, std::span<const float> logits, std::size_t bits_index) {
  const auto row = logits.subspan(bits_index * static_cast<std::size_t>(space.shifts), static_cast<std::size_t>(space.shifts));
  return static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
}

HmqChoice hmq_choose(const HmqSpace& space, std::span<const float> logits) {
  const std::vector<double> marginal = hmq_marginal(space, logits);
  const auto index = static_cast<std::size_t>(std::max_element(marginal.begin(), marginal.end()) - marginal.begin());
  return {space.bits[index], hmq_choose_shift(space, logits, index)};
}

std::vector<float> hmq_published_start(const HmqSpace& space, std::span<const double> uniforms) {
  DYAD_EXPECT(uniforms.size() == space.size(), "one uniform number for each option");
  std::vector<float> logits;
  for (const double uniform : uniforms) logits.push_back(static_cast<float>(-uniform));
  const auto most = static_cast<std::size_t>(std::max_element(space.bits.begin(), space.bits.end()) - space.bits.begin());
  logits[most * static_cast<std::size_t>(space.shifts)] = static_cast<float>(std::log(.95 * static_cast<double>(space.size()) / .05));
  return logits;
}

double hmq_temperature(std::int64_t step, std::int64_t cycle_steps) {
  DYAD_EXPECT(step >= 0 && cycle_steps >= 1, "a cycle has steps");
  constexpr double kRate = .01, kUnits = 125, kLowest = .5;
  const auto inside = static_cast<double>(step % cycle_steps);
  const double length = static_cast<double>(cycle_steps);
  const double units = length < kUnits ? inside * kUnits / length : std::nearbyint(inside / std::nearbyint(length / kUnits));
  return std::max(kLowest, std::exp(-kRate * units));
}

double hmq_target(std::int64_t cycle, double first, double last, int levels) {
  DYAD_EXPECT(cycle >= 0 && levels >= 1, "a schedule has levels");
  if (cycle >= levels - 1) return last;
  return first + (last - first) * static_cast<double>(cycle) / (levels - 1);
}

int hmq_activation_bits(std::int64_t size, std::int64_t largest, double compression) {
  DYAD_EXPECT(size >= 1 && largest >= size && compression > 0, "tensors have sizes");
  constexpr double kFloatBits = 32, kLeast = 4, kMost = 8;
  const double bits = std::floor(kFloatBits * static_cast<double>(largest) / (compression * static_cast<double>(size)));
  return static_cast<int>(std::clamp(bits, kLeast, kMost));
}

}  // namespace dyad::quantizer
