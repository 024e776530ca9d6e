#include "dyad/base/layer_shape.hpp"

#include <algorithm>

namespace dyad {

LayerShape square_convolution(std::int64_t kernel, std::int64_t output, std::int64_t stride, std::int64_t in_channels,
                              std::int64_t out_channels, std::int64_t groups) {
  LayerShape shape;
  shape.in_h = shape.in_w = output * stride;
  shape.out_h = shape.out_w = output;
  shape.in_channels = in_channels;
  shape.out_channels = out_channels;
  shape.groups = static_cast<int>(groups);
  shape.window.kernel_h = shape.window.kernel_w = static_cast<int>(kernel);
  shape.window.stride_h = shape.window.stride_w = static_cast<int>(stride);
  const auto padding = static_cast<int>(std::max<std::int64_t>(0, kernel - stride));
  shape.window.pad_top = shape.window.pad_left = padding / 2;
  shape.window.pad_bottom = shape.window.pad_right = padding - padding / 2;
  return shape;
}

}  // namespace dyad
