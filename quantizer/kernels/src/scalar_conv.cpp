#include "layer_checks.hpp"
#include "scalar.hpp"

namespace dyad::kernels {
namespace {

std::int64_t weight_zero_point(const IntegerLayer& layer, std::int64_t k) {
  if (layer.weight_zero_points.empty()) return 0;
  return layer.weight_zero_points[layer.weight_zero_points.size() == 1 ? 0 : static_cast<std::size_t>(k)];
}

// acc of output channel k at (oh, ow): bias[k] + sum of a * (w - zero point of w), a being input_zero_point outside the image.
// `image` (H, W, C); `first_channel` is where k's group begins.
template <typename T>
std::int64_t accumulate(const IntegerLayer& layer, const T* image, std::int64_t first_channel, std::int64_t oh, std::int64_t ow,
                        std::int64_t k) {
  const LayerShape& s = layer.shape;
  const Window& w = s.window;
  const std::int64_t channels = s.in_channels / s.groups;
  const std::int64_t zero_point = weight_zero_point(layer, k);
  const std::int8_t* weight = layer.weights.data() + k * w.kernel_h * w.kernel_w * channels;
  std::int64_t acc = layer.bias.empty() ? 0 : layer.bias[static_cast<std::size_t>(k)];
  for (int r = 0; r < w.kernel_h; ++r) {
    for (int c = 0; c < w.kernel_w; ++c, weight += channels) {
      const std::int64_t ih = oh * w.stride_h - w.pad_top + std::int64_t{r} * w.dilation_h;
      const std::int64_t iw = ow * w.stride_w - w.pad_left + std::int64_t{c} * w.dilation_w;
      if (ih < 0 || ih >= s.in_h || iw < 0 || iw >= s.in_w) {
        for (std::int64_t i = 0; i < channels; ++i) acc += layer.input_zero_point * (weight[i] - zero_point);
      } else {
        const T* a = image + (ih * s.in_w + iw) * s.in_channels + first_channel;
        for (std::int64_t i = 0; i < channels; ++i) acc += a[i] * (weight[i] - zero_point);
      }
    }
  }
  return acc;
}

template <typename T>
void run(const IntegerLayer& layer, std::span<const T> input, IntegerTensor& output) {
  const LayerShape& s = layer.shape;
  const std::int64_t batch = output.shape()[0], outputs_per_group = s.out_channels / s.groups, inputs_per_group = s.in_channels / s.groups;
  const OutputRange range = output_range(layer, layer.requantize ? layer.requantizations[0].zero_point : 0);
  const LevelTable table = output_table(layer);
  output.visit([&](auto values) {
    auto* out = values.data();
    for (std::int64_t n = 0; n < batch; ++n)
      for (std::int64_t oh = 0; oh < s.out_h; ++oh)
        for (std::int64_t ow = 0; ow < s.out_w; ++ow)
          for (std::int64_t k = 0; k < s.out_channels; ++k) {
            const std::int64_t acc =
                accumulate(layer, input.data() + n * s.input_count(), k / outputs_per_group * inputs_per_group, oh, ow, k);
            DYAD_EXPECT(acc >= INT32_MIN && acc <= INT32_MAX, "an accumulator of layer '" + layer.name + "' left int32");
            std::int64_t y = acc;
            if (layer.requantize)
              y = std::clamp(layer.requantizations[0].apply(static_cast<std::int32_t>(acc), k), range.lowest, range.highest);
            if (!table.values.empty()) y = table.level(y);
            *out++ = static_cast<std::remove_reference_t<decltype(*out)>>(y);
          }
  });
}

}  // namespace

void scalar_conv(const IntegerLayer& layer, const IntegerTensor& input, IntegerTensor& output) {
  input.visit([&](auto values) { run(layer, values, output); });
}

}  // namespace dyad::kernels
