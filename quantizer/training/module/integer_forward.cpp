#include "integer_forward.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "integer_rounding.hpp"

namespace dyad::training {
namespace {

constexpr std::int64_t kExactInFloat = std::int64_t{1} << 24;

std::int64_t weight_zero_point(const IntegerLayer& layer, std::int64_t k) {
  if (layer.weight_zero_points.empty()) return 0;
  return layer.weight_zero_points[layer.weight_zero_points.size() == 1 ? 0 : static_cast<std::size_t>(k)];
}

/// (K, R, S, C / groups) minus zero points, as (K, C / groups, R, S).
at::Tensor weight_tensor(const IntegerLayer& layer, at::ScalarType type) {
  const Shape& shape = layer.weights.shape();
  at::Tensor own = at::empty({shape[0], shape[1], shape[2], shape[3]}, type);
  const std::int64_t size = layer.weights.size() / shape[0];
  const auto fill = [&](auto* to) {
    for (std::int64_t i = 0; i < layer.weights.size(); ++i)
      to[i] = static_cast<std::remove_reference_t<decltype(*to)>>(layer.weights[i] - weight_zero_point(layer, i / size));
  };
  if (type == at::kFloat)
    fill(own.data_ptr<float>());
  else
    fill(own.data_ptr<double>());
  return own.permute({0, 3, 1, 2}).contiguous();
}

std::array<std::int64_t, 4> pads(const Window& w) { return {w.pad_left, w.pad_right, w.pad_top, w.pad_bottom}; }
bool has_pads(const Window& w) { return w.pad_left > 0 || w.pad_right > 0 || w.pad_top > 0 || w.pad_bottom > 0; }
at::Tensor padded(const at::Tensor& x, const Window& w, double value) { return has_pads(w) ? at::constant_pad_nd(x, pads(w), value) : x; }

std::int64_t lowest_output(const IntegerLayer& layer) {
  std::int64_t lowest = layer.output.lowest();
  if (!layer.relu) return lowest;
  std::int64_t zero_point = 0;
  for (const Requantization& r : layer.requantizations) zero_point += r.zero_point;
  if (layer.op == IntegerOp::kConcat) zero_point = 0;
  return std::max(lowest, zero_point);
}

}  // namespace

IntegerForward::IntegerForward(const quantizer::IntegerNetwork& network) : network_(network) {
  for (const IntegerLayer& layer : network.layers) {
    Layer own;
    if (layer.op == IntegerOp::kConv) {
      std::int64_t largest = 0, bias = 0, zero = 0;
      for (const auto& bounds : quantizer::accumulator_bounds(layer)) largest = std::max({largest, bounds.highest, -bounds.lowest});
      for (const std::int32_t b : layer.bias) bias = std::max<std::int64_t>(bias, std::abs(static_cast<std::int64_t>(b)));
      for (std::int64_t k = 0; k < layer.shape.out_channels; ++k) zero = std::max(zero, std::abs(weight_zero_point(layer, k)));
      const BitWidth in = layer.inputs[0];
      // Whatever the weights become: products of the formats' extremes, and a bias up to twice as large.
      const std::int64_t any =
          layer.shape.reduction() * std::max(-in.lowest(), in.highest()) * (-layer.weight_bits.lowest() + zero) + 2 * bias;
      own.is_wide = largest >= kExactInFloat;
      own.is_wide_when_trained = any >= kExactInFloat;
      own.weight = weight_tensor(layer, own.is_wide ? at::kDouble : at::kFloat);
      own.bias = at::zeros({layer.shape.out_channels}, at::kDouble);
      for (std::size_t k = 0; k < layer.bias.size(); ++k) own.bias.data_ptr<double>()[k] = layer.bias[k];
      own.bias = own.bias.to(own.weight.scalar_type());
    }
    layers_.push_back(std::move(own));
  }
  std::vector<std::size_t> last_reader(network.layers.size() + 1, 0);
  for (std::size_t i = 0; i < network.inputs.size(); ++i)
    for (const int input : network.inputs[i]) last_reader[static_cast<std::size_t>(input)] = i;
  freed_.resize(network.layers.size());
  for (std::size_t tensor = 0; tensor < network.layers.size(); ++tensor) freed_[last_reader[tensor]].push_back(tensor);
  output_scales_ = at::empty({static_cast<std::int64_t>(network.output_scales.size())}, at::kDouble);
  std::copy(network.output_scales.begin(), network.output_scales.end(), output_scales_.data_ptr<double>());
}

at::Tensor IntegerForward::quantize_images(const at::Tensor& images) const {
  const float reciprocal = 1.0f / network_.input.scale;
  const BitWidth format = network_.input.format;
  return at::clamp(at::round(images * reciprocal), format.lowest(), format.highest());
}

at::Tensor IntegerForward::forward(const at::Tensor& integers, const Trained& trained) const {
  std::vector<at::Tensor> tensors(network_.layers.size() + 1);
  tensors[0] = integers;
  for (std::size_t i = 0; i < network_.layers.size(); ++i) {
    tensors[i + 1] = evaluate(i, tensors, trained);
    for (const std::size_t done : freed_[i]) tensors[done] = at::Tensor();
  }
  return tensors.back().flatten(1).to(at::kDouble);
}

at::Tensor IntegerForward::to_real(const at::Tensor& logits) const { return (logits * output_scales_).to(at::kFloat); }

at::Tensor IntegerForward::convolve(std::size_t index, const at::Tensor& input, const Trained& trained) const {
  const IntegerLayer& layer = network_.layers[index];
  const Window& w = layer.shape.window;
  at::Tensor weight = layers_[index].weight, bias = layers_[index].bias;
  bool is_wide = layers_[index].is_wide;
  if (trained) {
    if (const TrainedIntegers own = trained(index); own.weight.defined()) {
      is_wide = layers_[index].is_wide_when_trained;
      weight = own.weight;
      bias = own.bias;
    }
  }
  const at::ScalarType type = is_wide ? at::kDouble : at::kFloat;
  at::Tensor x = input.to(type);
  std::array<std::int64_t, 2> padding = {w.pad_top, w.pad_left};
  if (layer.input_zero_point != 0 || w.pad_top != w.pad_bottom || w.pad_left != w.pad_right) {
    x = padded(x, w, layer.input_zero_point);
    padding = {0, 0};
  }
  return at::conv2d(x, weight.to(type), bias.to(type), {w.stride_h, w.stride_w}, padding, {w.dilation_h, w.dilation_w}, layer.shape.groups);
}

at::Tensor IntegerForward::evaluate(std::size_t index, const std::vector<at::Tensor>& tensors, const Trained& trained) const {
  using at::indexing::None;
  using at::indexing::Slice;
  const IntegerLayer& layer = network_.layers[index];
  const Window& w = layer.shape.window;
  const auto input = [&](std::size_t argument) { return tensors[static_cast<std::size_t>(network_.inputs[index][argument])]; };
  const std::int64_t lowest = lowest_output(layer), highest = layer.output.highest();
  const auto rescaled = [&](const std::vector<at::Tensor>& sums) {
    std::vector<const Requantization*> requantizations;
    for (const Requantization& r : layer.requantizations) requantizations.push_back(&r);
    return requantize(sums, requantizations, lowest, highest);
  };
  switch (layer.op) {
    case IntegerOp::kConv: {
      const at::Tensor sums = convolve(index, input(0), trained);
      if (layer.requantize) return rescaled({sums});
      return layer.relu ? at::clamp_min(sums, 0) : sums;
    }
    case IntegerOp::kAdd: return rescaled({input(0), input(1)});
    case IntegerOp::kRequantize: return rescaled({input(0)});
    case IntegerOp::kConcat: {
      std::vector<at::Tensor> parts;
      for (std::size_t i = 0; i < layer.requantizations.size(); ++i) {
        const std::int64_t cut = layer.relu ? std::max(layer.output.lowest(), std::int64_t{layer.requantizations[i].zero_point}) : lowest;
        parts.push_back(requantize({input(i)}, {&layer.requantizations[i]}, cut, highest));
      }
      return at::cat(parts, 1);
    }
    case IntegerOp::kMaxPool: {
      const at::Tensor x = padded(input(0), w, -std::numeric_limits<double>::infinity());
      return at::clamp(at::max_pool2d(x, {w.kernel_h, w.kernel_w}, {w.stride_h, w.stride_w}, 0, {w.dilation_h, w.dilation_w}),
                       layer.output.lowest(), highest);
    }
    case IntegerOp::kAveragePool: {
      const std::int64_t area = std::int64_t{w.kernel_h} * w.kernel_w;
      const BitWidth in = layer.inputs[0];
      const at::Tensor x = input(0).to(integer_type(area * in.lowest(), area * in.highest()));
      const auto sum = [&](const at::Tensor& values) {
        return at::avg_pool2d(values, {w.kernel_h, w.kernel_w}, {w.stride_h, w.stride_w}, 0, false, false, 1);
      };
      const at::Tensor ones = at::ones({1, 1, x.size(2), x.size(3)}, at::kFloat);
      const at::Tensor counts = sum(padded(ones, w, layer.count_include_pad ? 1 : 0));
      return average(sum(padded(x, w, layer.count_include_pad ? layer.input_zero_point : 0)), counts, layer.average_rounding, layer.output);
    }
    case IntegerOp::kSubsample: {
      const at::Tensor kept = input(0).index({Slice(), Slice(), Slice(0, None, w.stride_h), Slice(0, None, w.stride_w)});
      return at::clamp(at::constant_pad_nd(kept, {0, 0, 0, 0, layer.channel_pad_before, layer.channel_pad_after}, layer.input_zero_point),
                       layer.output.lowest(), highest);
    }
    case IntegerOp::kFlatten: {  // channel innermost
      const at::Tensor flat = input(0).permute({0, 2, 3, 1}).flatten(1).unsqueeze(2).unsqueeze(3);
      return at::clamp(flat, layer.output.lowest(), highest);
    }
  }
  DYAD_EXPECT(false, "operation of " + layer.name + " is unknown to the training module");
  return {};
}

}  // namespace dyad::training
