/// \file The geometry of one layer of a network as the cost models and kernels see it, without its numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dyad {

/// What a layer computes. Depthwise convolution is kConv with groups == in_channels == out_channels.
enum class LayerKind { kConv, kLinear, kMaxPool, kAveragePool, kAdd, kConcat, kRescale, kOther };
std::string_view to_string(LayerKind kind);
std::optional<LayerKind> layer_kind_from_name(std::string_view name);

/// Window of a convolution or pooling; extents in elements.
struct Window {
  int kernel_h = 1, kernel_w = 1;
  int stride_h = 1, stride_w = 1;
  int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int dilation_h = 1, dilation_w = 1;
  bool operator==(const Window&) const = default;

  /// Output height (width) of an input of that height (width), rounding down.
  std::int64_t output_h(std::int64_t input_h) const {
    return (input_h + pad_top + pad_bottom - dilation_h * (kernel_h - 1) - 1) / stride_h + 1;
  }
  std::int64_t output_w(std::int64_t input_w) const {
    return (input_w + pad_left + pad_right - dilation_w * (kernel_w - 1) - 1) / stride_w + 1;
  }
};

/// One layer for one image. A linear layer has 1 x 1 input and output.
struct LayerShape {
  std::string name;
  LayerKind kind = LayerKind::kConv;
  std::int64_t in_h = 1, in_w = 1, in_channels = 1;
  std::int64_t out_h = 1, out_w = 1, out_channels = 1;
  int groups = 1;
  Window window;
  /// The output is added to a tensor of its own shape and format before it is written: a residual addition fused into its layer.
  bool adds_residual = false;

  bool is_weighted() const { return kind == LayerKind::kConv || kind == LayerKind::kLinear; }
  bool is_depthwise() const { return kind == LayerKind::kConv && groups > 1 && groups == in_channels && groups == out_channels; }
  /// Products that one output element sums.
  std::int64_t reduction() const { return is_weighted() ? std::int64_t{window.kernel_h} * window.kernel_w * (in_channels / groups) : 0; }
  std::int64_t output_count() const { return out_h * out_w * out_channels; }
  std::int64_t input_count() const { return in_h * in_w * in_channels; }
  /// Weights without bias.
  std::int64_t weight_count() const { return is_weighted() ? reduction() * out_channels : 0; }
  /// Multiply-accumulates for one image.
  std::int64_t macs() const { return is_weighted() ? reduction() * output_count() : 0; }
};

/// A square convolution without a name: output height and width `output`, its input output * stride wide and padded by
/// max(0, kernel - stride). All >= 1; groups divide both numbers of channels.
LayerShape square_convolution(std::int64_t kernel, std::int64_t output, std::int64_t stride, std::int64_t in_channels,
                              std::int64_t out_channels, std::int64_t groups);

}  // namespace dyad
