#include <algorithm>

#include "dyad/accel_models/tiled/layer_data.hpp"
#include "layer_parts.hpp"
#include "tile_kernels.hpp"

namespace dyad::accel_models::tiled {

void LayerData::hand_over(std::int64_t job_index) {
  if (is_elementwise()) return;  // its operands are reduced on their way through the lanes
  const Job now = job(job_index);
  const std::int64_t slot =
      schedule_.order == Order::kStreamed ? 0 : (schedule_.resident_is_weights ? now.n_tile : now.m_tile) % schedule_.block_tiles;
  const OperandTile activation_tile{false, now.group, now.m_tile, now.chunk}, weight_tile{true, now.group, now.n_tile, now.chunk};
  const bool weights_stay = schedule_.resident_is_weights;
  const Lowered& a = weights_stay ? stream(activation_tile) : resident(activation_tile, slot);
  const Lowered& w = weights_stay ? resident(weight_tile, slot) : stream(weight_tile);
  const std::int64_t rows = std::min(machine_.rows, problem_.m - now.m_tile * machine_.rows);
  const std::int64_t columns = std::min(machine_.columns, problem_.n - now.n_tile * machine_.columns);
  if (rows < machine_.rows || columns < machine_.columns) std::fill(accumulators_.begin(), accumulators_.end(), 0);
  if (is_wide_)
    dot_products(a.wide.data(), rows, w.wide.data(), columns, stride_, accumulators_.data(), machine_.columns);
  else
    dot_products(a.narrow.data(), rows, w.narrow.data(), columns, stride_, accumulators_.data(), machine_.columns);
  for (std::int64_t r = 0; r < machine_.rows; ++r) {
    std::uint32_t sum = 0;
    for (std::int64_t g = 0; g < packed_; ++g) sum += a.sums[static_cast<std::size_t>(r * packed_ + g)];
    row_sums_[static_cast<std::size_t>(r)] = sum;
  }
  if (now.is_first) {
    partial_ = accumulators_;
    partial_sums_ = a.sums;
    return;
  }
  for (std::size_t i = 0; i < partial_.size(); ++i) partial_[i] += accumulators_[i];
  for (std::size_t i = 0; i < partial_sums_.size(); ++i) partial_sums_[i] += a.sums[i];
}

std::int64_t LayerData::finish(std::uint32_t accumulator, std::int64_t channel, std::int64_t output) const {
  const IntegerLayer& layer = *operands_.layer;
  const auto acc = static_cast<std::int32_t>(accumulator);
  std::int64_t y = acc;
  if (layer.requantize) {
    const Requantization& r = layer.requantizations[0];
    y = clamp_to(layer, r.apply(acc, channel), r.zero_point);
  }
  if (!operands_.addition) return y;
  const IntegerLayer& addition = *operands_.addition;
  const Requantization &mine = addition.requantizations[operands_.addition_operand],
                       &others = addition.requantizations[1 - operands_.addition_operand];
  const std::int64_t sum = mine.apply(static_cast<std::int32_t>(y), channel) + others.apply(operands_.other->get(output), channel);
  return clamp_to(addition, sum, std::int64_t{mine.zero_point} + others.zero_point);
}

std::int64_t LayerData::elementwise_result(std::int64_t output) const {
  const IntegerLayer& layer = *operands_.layer;
  const LayerShape& s = layer.shape;
  const std::int64_t channel = output % s.out_channels, pixel = output / s.out_channels;
  const auto input = [&](std::size_t operand, std::int64_t index) { return operands_.inputs[operand]->get(index); };
  switch (layer.op) {
    case IntegerOp::kAdd: {
      const Requantization &a = layer.requantizations[0], &b = layer.requantizations[1];
      return clamp_to(layer, a.apply(input(0, output), channel) + b.apply(input(1, output), channel),
                      std::int64_t{a.zero_point} + b.zero_point);
    }
    case IntegerOp::kRequantize:
      return clamp_to(layer, layer.requantizations[0].apply(input(0, output), channel), layer.requantizations[0].zero_point);
    case IntegerOp::kConcat: {
      std::int64_t own = channel;
      for (std::size_t i = 0; i < operands_.inputs.size(); ++i) {
        const std::int64_t channels = operands_.inputs[i]->shape()[3];
        const Requantization& r = layer.requantizations[i];
        if (own < channels) return clamp_to(layer, r.apply(input(i, pixel * channels + own), own), r.zero_point);
        own -= channels;
      }
      throw InternalError("a concatenation with fewer channels than its output");
    }
    case IntegerOp::kFlatten: return layer.output.clamp(input(0, output));
    default: break;
  }
  // Windows.
  const std::int64_t ow = pixel % s.out_w, oh = pixel / s.out_w % s.out_h, image = pixel / (s.out_w * s.out_h) * s.in_h;
  if (layer.op == IntegerOp::kSubsample) {
    const std::int64_t own = channel - layer.channel_pad_before;
    if (own < 0 || own >= s.in_channels) return layer.output.clamp(layer.input_zero_point);
    return layer.output.clamp(input(0, ((image + oh * s.window.stride_h) * s.in_w + ow * s.window.stride_w) * s.in_channels + own));
  }
  std::int64_t largest = INT32_MIN, sum = 0, count = 0;
  for (std::int64_t r = 0; r < s.window.kernel_h; ++r)
    for (std::int64_t c = 0; c < s.window.kernel_w; ++c) {
      const Pixel p = pixel_under(s, oh, ow, r, c);
      if (!p.inside && !layer.count_include_pad) continue;
      const std::int64_t value = p.inside ? input(0, ((image + p.h) * s.in_w + p.w) * s.in_channels + channel) : layer.input_zero_point;
      if (p.inside) largest = std::max(largest, value);
      sum += value;
      ++count;
    }
  if (layer.op == IntegerOp::kMaxPool) return layer.output.clamp(largest);
  return layer.output.clamp(integer_average(sum, count, layer.average_rounding));
}

std::int64_t LayerData::narrowed(std::int64_t value) const {
  if (!operands_.narrowing) return value;
  const Requantization& r = operands_.narrowing->requantizations.front();
  return clamp_to(*operands_.narrowing, r.apply(static_cast<std::int32_t>(value), 0), r.zero_point);
}

void LayerData::drained(std::int64_t job_index) {
  const Job now = job(job_index);
  DYAD_EXPECT(now.completes, "a partial sum is no result");
  const IntegerLayer& layer = *operands_.layer;
  std::fill(results_.begin(), results_.end(), 0);
  if (is_elementwise()) {
    for (std::int64_t i = 0; i < results_per_job(); ++i)
      if (const std::int64_t output = output_index(now, i); output >= 0)
        results_[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(narrowed(elementwise_result(output)));
  } else {
    const std::int64_t rows = std::min(machine_.rows, problem_.m - now.m_tile * machine_.rows), channels = layer.shape.out_channels;
    for (std::int64_t c = 0; c < machine_.columns; ++c) {
      const std::int64_t n = now.n_tile * machine_.columns + c, channel = now.group * packed_ * group_outputs_ + n;
      if (n >= problem_.n || channel >= channels) break;
      const auto bias = static_cast<std::uint32_t>(layer.bias.empty() ? 0 : layer.bias[static_cast<std::size_t>(channel)]);
      const auto zero_point = static_cast<std::uint32_t>(
          has_weight_zero_points_ ? layer.weight_zero_points[layer.weight_zero_points.size() == 1 ? 0 : static_cast<std::size_t>(channel)]
                                  : 0);
      for (std::int64_t r = 0; r < rows; ++r) {
        const auto at = static_cast<std::size_t>(r * machine_.columns + c);
        const std::uint32_t sum = partial_sums_[static_cast<std::size_t>(r * packed_ + n / group_outputs_)];
        const std::int64_t output = (now.m_tile * machine_.rows + r) * channels + channel;
        results_[at] = static_cast<std::int32_t>(finish(partial_[at] + bias - zero_point * sum, channel, output));
      }
    }
  }
  store(job_index, results_);
}

void LayerData::store(std::int64_t job_index, std::span<const std::int32_t> results) {
  const Job now = job(job_index);
  DYAD_EXPECT(static_cast<std::int64_t>(results.size()) == results_per_job(), "another number of results than a job has");
  // Runs of results that are neighbours in the output: all of an elementwise tile, a row's columns otherwise.
  const std::int64_t run = is_elementwise() ? results_per_job() : machine_.columns;
  output_.visit([&](auto values) {
    using Value = typename decltype(values)::value_type;
    for (std::int64_t first = 0; first < results_per_job(); first += run) {
      const std::int64_t output = output_index(now, first);
      if (output < 0) break;
      std::int64_t count = run;
      while (output_index(now, first + count - 1) < 0) --count;
      for (std::int64_t i = 0; i < count; ++i)
        values[static_cast<std::size_t>(output + i)] = static_cast<Value>(results[static_cast<std::size_t>(first + i)]);
    }
  });
}

}  // namespace dyad::accel_models::tiled
