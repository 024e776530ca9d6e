#include "layer_checks.hpp"

namespace dyad::kernels {
namespace {

Error fault(const IntegerLayer& layer, std::string message, std::string hint) {
  return Error{"layer '" + layer.name + "' (" + std::string(to_string(layer.op)) + ")", std::move(message), std::move(hint)};
}

bool has_windows(IntegerOp op) {
  return op == IntegerOp::kConv || op == IntegerOp::kMaxPool || op == IntegerOp::kAveragePool || op == IntegerOp::kSubsample;
}

// Outputs along one axis whose window lies in the padding alone.
bool has_empty_window(std::int64_t in, std::int64_t out, int kernel, int stride, int pad, int dilation) {
  for (std::int64_t o = 0; o < out; ++o) {
    bool any = false;
    for (int k = 0; k < kernel && !any; ++k) {
      const std::int64_t i = o * stride - pad + std::int64_t{k} * dilation;
      any = i >= 0 && i < in;
    }
    if (!any) return true;
  }
  return false;
}

Result<void> check_format(const IntegerLayer& layer, BitWidth format, const std::string& what) {
  if (format.bits < 1 || format.bits > (format.is_signed ? 32 : 31))
    return fault(layer, what + " has " + std::to_string(format.bits) + " bits", "1 to 32 signed, 1 to 31 unsigned");
  return {};
}

Result<void> check_geometry(const IntegerLayer& layer) {
  const LayerShape& s = layer.shape;
  const Window& w = s.window;
  if (s.in_h < 1 || s.in_w < 1 || s.in_channels < 1 || s.out_h < 1 || s.out_w < 1 || s.out_channels < 1)
    return fault(layer, "an extent is not positive", "every height, width and channel count is at least 1");
  if (layer.op == IntegerOp::kFlatten) {
    if (s.out_h != 1 || s.out_w != 1 || s.out_channels != s.input_count())
      return fault(layer, "flattening must give 1 x 1 x " + std::to_string(s.input_count()),
                   "set out_channels to in_h * in_w * in_channels");
    return {};
  }
  if (!has_windows(layer.op)) {
    if (s.in_h != s.out_h || s.in_w != s.out_w || (layer.op != IntegerOp::kConcat && s.in_channels != s.out_channels))
      return fault(layer, "input and output shapes differ", "this operation keeps the shape");
    return {};
  }
  if (w.kernel_h < 1 || w.kernel_w < 1 || w.stride_h < 1 || w.stride_w < 1 || w.dilation_h < 1 || w.dilation_w < 1 || w.pad_top < 0 ||
      w.pad_left < 0 || w.pad_bottom < 0 || w.pad_right < 0)
    return fault(layer, "the window has an extent below 1 or a negative padding", "crop with a slice instead");
  if (w.output_h(s.in_h) != s.out_h || w.output_w(s.in_w) != s.out_w)
    return fault(layer,
                 "the window gives " + std::to_string(w.output_h(s.in_h)) + " x " + std::to_string(w.output_w(s.in_w)) + ", not " +
                     std::to_string(s.out_h) + " x " + std::to_string(s.out_w),
                 "see Window::output_h");
  if (layer.op == IntegerOp::kConv) return {};
  const std::int64_t channels =
      s.in_channels + (layer.op == IntegerOp::kSubsample ? layer.channel_pad_before + layer.channel_pad_after : 0);
  if (layer.channel_pad_before < 0 || layer.channel_pad_after < 0 || channels != s.out_channels)
    return fault(layer, "expected " + std::to_string(channels) + " output channels, not " + std::to_string(s.out_channels),
                 "channels are kept");
  if (layer.op == IntegerOp::kSubsample && (w.kernel_h != 1 || w.kernel_w != 1 || w.pad_top || w.pad_left || w.pad_bottom || w.pad_right))
    return fault(layer, "the window of a subsampling is 1 x 1 without padding", "use a pooling layer");
  const bool pads_count = layer.op == IntegerOp::kAveragePool && layer.count_include_pad;
  if (!pads_count && (has_empty_window(s.in_h, s.out_h, w.kernel_h, w.stride_h, w.pad_top, w.dilation_h) ||
                      has_empty_window(s.in_w, s.out_w, w.kernel_w, w.stride_w, w.pad_left, w.dilation_w)))
    return fault(layer, "a window lies in the padding alone", "use less padding than the kernel's extent");
  return {};
}

// channels < 0: any number.
Result<void> check_requantization(const IntegerLayer& layer, const Requantization& requantization, std::int64_t channels) {
  const bool scaled = requantization.rounding == Rounding::kFloat32Scale;
  const auto count = static_cast<std::int64_t>(scaled ? requantization.float32_scales.size() : requantization.ratios.size());
  if (count < 1 || (count != 1 && channels >= 0 && count != channels))
    return fault(layer, "a requantization has " + std::to_string(count) + " ratios", "one, or one per channel");
  const bool plain = requantization.rounding == Rounding::kHalfUp || requantization.rounding == Rounding::kFloor;
  if (!requantization.offsets.empty() && (!plain || requantization.offsets.size() != requantization.ratios.size()))
    return fault(layer,
                 std::to_string(requantization.offsets.size()) + " offsets, rounding " + std::string(to_string(requantization.rounding)),
                 "none, or one for each ratio with half_up or floor");
  for (const std::int32_t offset : requantization.offsets)
    if (offset < -(1 << 30) || offset > 1 << 30) return fault(layer, "an offset is beyond 2^30", "whole steps belong to the bias");
  if (scaled) return {};
  for (const Dyadic& ratio : requantization.ratios)
    if (ratio.shift < 0 || ratio.shift > 62 || ratio.multiplier == INT32_MIN)
      return fault(layer, "ratio " + std::to_string(ratio.multiplier) + " / 2^" + std::to_string(ratio.shift) + " is outside the format",
                   "multiplier above -2^31, shift 0 to 62");
  return {};
}

Result<void> check_conv(const IntegerLayer& layer) {
  const LayerShape& s = layer.shape;
  if (s.groups < 1 || s.in_channels % s.groups != 0 || s.out_channels % s.groups != 0)
    return fault(layer, std::to_string(s.groups) + " groups don't divide the channels", "groups divide in_channels and out_channels");
  const Shape expected{s.out_channels, s.window.kernel_h, s.window.kernel_w, s.in_channels / s.groups};
  if (layer.weights.shape() != expected)
    return fault(layer, "weights are " + to_string(layer.weights.shape()) + ", expected " + to_string(expected), "(K, R, S, C / groups)");
  const auto channels = static_cast<std::size_t>(s.out_channels);
  if (!layer.bias.empty() && layer.bias.size() != channels)
    return fault(layer, std::to_string(layer.bias.size()) + " biases", "none, or one per output channel");
  if (layer.weight_zero_points.size() > 1 && layer.weight_zero_points.size() != channels)
    return fault(layer, std::to_string(layer.weight_zero_points.size()) + " weight zero points", "none, one, or one per output channel");
  if (!layer.requantize && (layer.output != BitWidth{32, true} || layer.relu))
    return fault(layer, "an accumulator output is int32 without relu", "set `requantize`, or output 32 bits signed");
  return {};
}

// Level sets of the output; those of weights and inputs change no arithmetic.
Result<void> check_levels(const IntegerLayer& layer) {
  if (layer.output_levels.is_uniform()) return {};
  const bool passes = layer.op == IntegerOp::kMaxPool || layer.op == IntegerOp::kSubsample || layer.op == IntegerOp::kFlatten;
  const bool decides =
      layer.op == IntegerOp::kConcat || layer.op == IntegerOp::kRequantize || (layer.op == IntegerOp::kConv && layer.requantize);
  if (layer.output_levels.scheme != LevelScheme::kApot || !is_known(layer.output_levels) || !(passes || decides))
    return fault(layer, "its output can't have levels (" + describe(layer.output_levels) + ")",
                 "APoT of 1 to 6 magnitude bits behind a convolution, concatenation or requantization");
  if (layer.output != level_format(layer.output_levels, layer.output.is_signed))
    return fault(layer, "the output's format is not that of its levels", "the smallest that holds them");
  for (const Requantization& each : layer.requantizations)
    if (each.rounding != Rounding::kFloor || each.zero_point != 0)
      return fault(
          layer,
          "a decision for a level rounds " + std::string(to_string(each.rounding)) + " with zero point " + std::to_string(each.zero_point),
          "floor, zero point 0");
  return {};
}

}  // namespace

Result<void> check_layer(const IntegerLayer& layer) {
  const std::size_t count = layer.inputs.size();
  const bool several = layer.op == IntegerOp::kAdd || layer.op == IntegerOp::kConcat;
  if ((layer.op == IntegerOp::kAdd && count != 2) || (layer.op == IntegerOp::kConcat && count < 1) || (!several && count != 1))
    return fault(layer, std::to_string(count) + " inputs", "addition takes two, concatenation at least one, everything else one");
  for (const BitWidth format : layer.inputs) DYAD_CHECK(check_format(layer, format, "an input"));
  DYAD_CHECK(check_format(layer, layer.output, "the output"));
  DYAD_CHECK(check_geometry(layer));
  if (has_windows(layer.op) && layer.inputs[0].clamp(layer.input_zero_point) != layer.input_zero_point)
    return fault(layer, "padding value " + std::to_string(layer.input_zero_point) + " is outside the input's format",
                 "use a value of the input's format");
  if (layer.op == IntegerOp::kConv) DYAD_CHECK(check_conv(layer));
  DYAD_CHECK(check_levels(layer));

  const bool keeps_integers = has_windows(layer.op) && layer.op != IntegerOp::kConv;
  if (keeps_integers || layer.op == IntegerOp::kFlatten) {
    if (!layer.requantizations.empty() || layer.relu)
      return fault(layer, "this operation neither requantizes nor has relu", "add a requantization layer");
    if (layer.op == IntegerOp::kAveragePool && layer.average_rounding == AverageRounding::kHawq && layer.inputs[0].bits > 24)
      return fault(layer, "HAWQ's average is computed in float32, but its input has " + std::to_string(layer.inputs[0].bits) + " bits",
                   "at most 24 bits, or another average rounding");
    return {};
  }
  if (!layer.requantize) {
    if (layer.op != IntegerOp::kConv) return fault(layer, "`requantize` is off", "only convolutions can give their accumulators");
    return {};
  }
  if (layer.requantizations.size() != (several ? count : 1))
    return fault(layer, std::to_string(layer.requantizations.size()) + " requantizations", "one; addition and concatenation one per input");
  std::int64_t zero_point = 0;
  for (const Requantization& each : layer.requantizations) {
    DYAD_CHECK(check_requantization(layer, each, layer.op == IntegerOp::kConcat ? -1 : layer.shape.out_channels));
    zero_point = layer.op == IntegerOp::kAdd ? zero_point + each.zero_point : each.zero_point;
    const bool complete = layer.op != IntegerOp::kAdd || &each == &layer.requantizations.back();
    if (complete && layer.relu && zero_point > layer.output.highest())
      return fault(layer, "relu at zero point " + std::to_string(zero_point) + " leaves nothing of the output's range",
                   "a zero point within the output's format");
  }
  return {};
}

Shape output_shape(const IntegerLayer& layer, std::int64_t batch) {
  return {batch, layer.shape.out_h, layer.shape.out_w, layer.shape.out_channels};
}

std::int64_t check_tensors(const IntegerLayer& layer, std::span<const IntegerTensor* const> inputs, const IntegerTensor& output) {
  DYAD_EXPECT(inputs.size() == layer.inputs.size(), "layer '" + layer.name + "' was given another number of inputs");
  const std::int64_t batch = inputs[0]->shape().at(0);
  std::int64_t channels = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Shape& shape = inputs[i]->shape();
    channels += shape.at(3);
    const bool fits = shape.size() == 4 && shape[0] == batch && shape[1] == layer.shape.in_h && shape[2] == layer.shape.in_w &&
                      (layer.op == IntegerOp::kConcat || shape[3] == layer.shape.in_channels);
    DYAD_EXPECT(fits, "layer '" + layer.name + "' was given an input of shape " + to_string(shape));
    DYAD_EXPECT(inputs[i]->format() == layer.inputs[i], "layer '" + layer.name + "' was given an input of another format");
    if (layer.op == IntegerOp::kConcat) {
      const Requantization& r = layer.requantizations[i];
      const std::size_t ratios = r.rounding == Rounding::kFloat32Scale ? r.float32_scales.size() : r.ratios.size();
      DYAD_EXPECT(ratios == 1 || static_cast<std::int64_t>(ratios) == shape[3], "layer '" + layer.name + "' has ratios for other channels");
    }
  }
  DYAD_EXPECT(layer.op != IntegerOp::kConcat || channels == layer.shape.out_channels, "layer '" + layer.name + "' joins other channels");
  DYAD_EXPECT(output.shape() == output_shape(layer, batch) && output.format() == layer.output,
              "layer '" + layer.name + "' was given an output of shape " + to_string(output.shape()));
  return batch;
}

}  // namespace dyad::kernels
