/// \file A slow reference of every integer layer, written apart from the library: positions by division, sums and
/// rounding in 128 bits, elements by their coordinates.
#pragma once

#include <cmath>
#include <vector>

#include "dyad/base/integer_layer.hpp"

namespace dyad::kernels::reference {

__extension__ using Wide = __int128;

inline Wide floor_divide(Wide a, Wide b) {
  const Wide quotient = a / b;
  return quotient * b > a ? quotient - 1 : quotient;
}

/// round(numerator / 2^shift) from the words: which integer is nearest, and what happens to a tie.
inline Wide rounded_quotient(Wide numerator, int shift, Rounding rounding) {
  const Wide step = Wide{1} << shift, below = floor_divide(numerator, step), twice = 2 * (numerator - below * step);
  if (rounding == Rounding::kFloor || twice < step) return below;
  if (twice > step) return below + 1;
  switch (rounding) {
    case Rounding::kHalfEven: return below % 2 == 0 ? below : below + 1;
    case Rounding::kHalfAway: return numerator > 0 ? below + 1 : below;
    default: return below + 1;
  }
}

inline Wide requantized(std::int64_t value, const Requantization& r, std::int64_t channel) {
  if (r.rounding == Rounding::kFloat32Scale) {
    const float scale = r.float32_scales[r.float32_scales.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
    const double product = static_cast<double>(static_cast<float>(value) * scale);
    return static_cast<Wide>(std::fmin(std::fmax(std::rint(product), -0x1.0p31), 0x1.0p31 - 1)) + r.zero_point;
  }
  const std::size_t which = r.ratios.size() == 1 ? 0 : static_cast<std::size_t>(channel);
  const Dyadic d = r.ratios[which];
  if (!r.offsets.empty()) return rounded_quotient(Wide{value} * d.multiplier + r.offsets[which], d.shift, r.rounding) + r.zero_point;
  if (r.rounding == Rounding::kGemmlowp) {
    Wide left = value;
    if (d.shift < 31) left = std::clamp<Wide>(left << (31 - d.shift), INT32_MIN, INT32_MAX);
    const Wide high = rounded_quotient(left * d.multiplier, 31, Rounding::kHalfUp);
    return (d.shift > 31 ? rounded_quotient(high, d.shift - 31, Rounding::kHalfAway) : high) + r.zero_point;
  }
  return rounded_quotient(Wide{value} * d.multiplier, d.shift, r.rounding) + r.zero_point;
}

inline std::int32_t clamped(const IntegerLayer& layer, Wide value, std::int64_t zero_point) {
  Wide lowest = layer.output.is_signed ? -(Wide{1} << (layer.output.bits - 1)) : 0;
  const Wide highest = (Wide{1} << (layer.output.bits - (layer.output.is_signed ? 1 : 0))) - 1;
  if (layer.relu && lowest < zero_point) lowest = zero_point;
  return static_cast<std::int32_t>(value < lowest ? lowest : value > highest ? highest : value);
}

inline Wide average(Wide sum, Wide count, AverageRounding rounding) {
  const Wide below = floor_divide(sum, count), twice = 2 * (sum - below * count);
  switch (rounding) {
    case AverageRounding::kHawq:
      return static_cast<Wide>(
          std::trunc(static_cast<float>(static_cast<std::int64_t>(sum)) / static_cast<float>(static_cast<std::int64_t>(count)) + 0.01f));
    case AverageRounding::kFloor: return below;
    case AverageRounding::kHalfAway: return twice > count || (twice == count && sum > 0) ? below + 1 : below;
    default: return twice >= count ? below + 1 : below;
  }
}

/// The level nearest to a real number, (value * multiplier + offset) / 2^shift half steps of a level; of two as near, the larger.
inline std::int32_t nearest_level(const IntegerLayer& layer, std::int64_t value, const Requantization& r, std::int64_t channel) {
  const std::size_t which = r.ratios.size() == 1 ? 0 : static_cast<std::size_t>(channel);
  const Dyadic d = r.ratios[which];
  Wide numerator = Wide{value} * d.multiplier + (r.offsets.empty() ? 0 : r.offsets[which]);
  if (layer.relu && numerator < 0) numerator = 0;
  std::vector<std::int32_t> levels = level_magnitudes(layer.output_levels);
  if (layer.output.is_signed)
    for (std::size_t i = levels.size(); i-- > 0;) levels.push_back(-levels[i]);
  const auto distance = [&](std::int32_t level) {
    const Wide difference = 2 * (Wide{level} << d.shift) - numerator;
    return difference < 0 ? -difference : difference;
  };
  std::int32_t best = levels[0];
  for (const std::int32_t level : levels)
    if (distance(level) < distance(best) || (distance(level) == distance(best) && level > best)) best = level;
  return best;
}

/// What the output holds for one accumulator or input.
inline std::int32_t output_of(const IntegerLayer& layer, std::int64_t value, const Requantization& r, std::int64_t channel) {
  if (!layer.output_levels.is_uniform()) return nearest_level(layer, value, r, channel);
  return clamped(layer, requantized(value, r, channel), r.zero_point);
}

/// One element of the output of `layer`.
inline std::int32_t element(const IntegerLayer& layer, const std::vector<const IntegerTensor*>& inputs, std::int64_t n, std::int64_t y,
                            std::int64_t x, std::int64_t k) {
  const LayerShape& s = layer.shape;
  const Window& w = s.window;
  const IntegerTensor& input = *inputs[0];
  const auto inside = [&](std::int64_t row, std::int64_t column) { return row >= 0 && row < s.in_h && column >= 0 && column < s.in_w; };
  const auto at = [&](std::int64_t row, std::int64_t column, std::int64_t c) {
    return std::int64_t{input.get(((n * s.in_h + row) * s.in_w + column) * s.in_channels + c)};
  };
  const std::int64_t index = ((n * s.out_h + y) * s.out_w + x) * s.out_channels + k;
  switch (layer.op) {
    case IntegerOp::kConv: {
      const std::int64_t channels = s.in_channels / s.groups, first = k / (s.out_channels / s.groups) * channels;
      Wide acc = layer.bias.empty() ? 0 : layer.bias[static_cast<std::size_t>(k)], sum_a = 0;
      for (int i = 0; i < w.kernel_h * w.kernel_w * channels; ++i) {
        const std::int64_t c = i % channels, column = i / channels % w.kernel_w, row = i / channels / w.kernel_w;
        const std::int64_t in_y = y * w.stride_h - w.pad_top + row * w.dilation_h,
                           in_x = x * w.stride_w - w.pad_left + column * w.dilation_w;
        const std::int64_t a = inside(in_y, in_x) ? at(in_y, in_x, first + c) : layer.input_zero_point;
        acc += Wide{a} * layer.weights[k * w.kernel_h * w.kernel_w * channels + i];
        sum_a += a;
      }
      if (!layer.weight_zero_points.empty())
        acc -= layer.weight_zero_points[layer.weight_zero_points.size() == 1 ? 0 : static_cast<std::size_t>(k)] * sum_a;
      const auto acc32 = static_cast<std::int32_t>(acc);
      if (!layer.requantize) return acc32;
      return output_of(layer, acc32, layer.requantizations[0], k);
    }
    case IntegerOp::kAdd:
      return clamped(
          layer,
          requantized(inputs[0]->get(index), layer.requantizations[0], k) + requantized(inputs[1]->get(index), layer.requantizations[1], k),
          std::int64_t{layer.requantizations[0].zero_point} + layer.requantizations[1].zero_point);
    case IntegerOp::kRequantize: return output_of(layer, input.get(index), layer.requantizations[0], k);
    case IntegerOp::kConcat: {
      std::size_t i = 0;
      std::int64_t c = k;
      for (; c >= inputs[i]->shape()[3]; ++i) c -= inputs[i]->shape()[3];
      const std::int64_t value = inputs[i]->get(((n * s.out_h + y) * s.out_w + x) * inputs[i]->shape()[3] + c);
      return output_of(layer, value, layer.requantizations[i], c);
    }
    case IntegerOp::kMaxPool:
    case IntegerOp::kAveragePool: {
      std::vector<std::int64_t> values;
      for (int i = 0; i < w.kernel_h * w.kernel_w; ++i) {
        const std::int64_t in_y = y * w.stride_h - w.pad_top + i / w.kernel_w * w.dilation_h,
                           in_x = x * w.stride_w - w.pad_left + i % w.kernel_w * w.dilation_w;
        if (inside(in_y, in_x))
          values.push_back(at(in_y, in_x, k));
        else if (layer.op == IntegerOp::kAveragePool && layer.count_include_pad)
          values.push_back(layer.input_zero_point);
      }
      if (layer.op == IntegerOp::kMaxPool) return clamped(layer, *std::max_element(values.begin(), values.end()), 0);
      Wide sum = 0;
      for (const std::int64_t value : values) sum += value;
      return clamped(layer, average(sum, static_cast<Wide>(values.size()), layer.average_rounding), 0);
    }
    case IntegerOp::kSubsample: {
      const bool padding = k < layer.channel_pad_before || k >= layer.channel_pad_before + s.in_channels;
      return clamped(layer, padding ? layer.input_zero_point : at(y * w.stride_h, x * w.stride_w, k - layer.channel_pad_before), 0);
    }
    case IntegerOp::kFlatten: return clamped(layer, input.get(n * s.in_h * s.in_w * s.in_channels + k), 0);
  }
  return 0;
}

inline IntegerTensor run(const IntegerLayer& layer, const std::vector<const IntegerTensor*>& inputs) {
  const LayerShape& s = layer.shape;
  IntegerTensor output({inputs[0]->shape()[0], s.out_h, s.out_w, s.out_channels}, layer.output);
  for (std::int64_t i = 0; i < output.size(); ++i)
    output.set(i, element(layer, inputs, i / s.output_count(), i / (s.out_w * s.out_channels) % s.out_h, i / s.out_channels % s.out_w,
                          i % s.out_channels));
  return output;
}

}  // namespace dyad::kernels::reference
