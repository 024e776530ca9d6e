// Pooling, subsampling and flattening: no products, so plain loops with channels innermost for the vectorizer.
#include <algorithm>
#include <limits>

#include "cpu_layers.hpp"
#include "layer_checks.hpp"

namespace dyad::kernels {
namespace {

/// Calls visit(pixel index in the image) for window positions inside the image; returns how many lie outside.
template <typename Visitor>
std::int64_t for_each_in_window(const LayerShape& s, std::int64_t oh, std::int64_t ow, const Visitor& visit) {
  std::int64_t outside = 0;
  for (int r = 0; r < s.window.kernel_h; ++r)
    for (int c = 0; c < s.window.kernel_w; ++c) {
      const std::int64_t ih = oh * s.window.stride_h - s.window.pad_top + std::int64_t{r} * s.window.dilation_h;
      const std::int64_t iw = ow * s.window.stride_w - s.window.pad_left + std::int64_t{c} * s.window.dilation_w;
      if (ih < 0 || ih >= s.in_h || iw < 0 || iw >= s.in_w)
        ++outside;
      else
        visit(ih * s.in_w + iw);
    }
  return outside;
}

template <typename T>
T* channel_scratch(std::int64_t channels) {
  thread_local std::vector<T> scratch;
  if (scratch.size() < static_cast<std::size_t>(channels)) scratch.resize(static_cast<std::size_t>(channels));
  return scratch.data();
}

template <typename In, typename Out>
void max_pool(const IntegerLayer& layer, const In* image, Out* out) {
  const LayerShape& s = layer.shape;
  const std::int64_t channels = s.in_channels;
  In* largest = channel_scratch<In>(channels);
  const auto lowest = static_cast<In>(std::max<std::int64_t>(layer.output.lowest(), std::numeric_limits<In>::min()));
  const auto highest = static_cast<In>(std::min<std::int64_t>(layer.output.highest(), std::numeric_limits<In>::max()));
  for (std::int64_t oh = 0; oh < s.out_h; ++oh)
    for (std::int64_t ow = 0; ow < s.out_w; ++ow, out += channels) {
      std::fill_n(largest, channels, std::numeric_limits<In>::min());
      for_each_in_window(s, oh, ow, [&](std::int64_t pixel) {
        const In* from = image + pixel * channels;
        for (std::int64_t c = 0; c < channels; ++c) largest[c] = std::max(largest[c], from[c]);
      });
      for (std::int64_t c = 0; c < channels; ++c) out[c] = static_cast<Out>(std::clamp(largest[c], lowest, highest));
    }
}

template <typename In, typename Out>
void average_pool(const IntegerLayer& layer, const In* image, Out* out) {
  const LayerShape& s = layer.shape;
  const std::int64_t channels = s.in_channels;
  std::int64_t* sums = channel_scratch<std::int64_t>(channels);
  for (std::int64_t oh = 0; oh < s.out_h; ++oh)
    for (std::int64_t ow = 0; ow < s.out_w; ++ow, out += channels) {
      std::fill_n(sums, channels, 0);
      std::int64_t count = 0;
      const std::int64_t outside = for_each_in_window(s, oh, ow, [&](std::int64_t pixel) {
        const In* from = image + pixel * channels;
        for (std::int64_t c = 0; c < channels; ++c) sums[c] += from[c];
        ++count;
      });
      const std::int64_t counted = layer.count_include_pad ? outside : 0;
      for (std::int64_t c = 0; c < channels; ++c)
        out[c] = static_cast<Out>(
            layer.output.clamp(integer_average(sums[c] + counted * layer.input_zero_point, count + counted, layer.average_rounding)));
    }
}

template <typename In, typename Out>
void subsample(const IntegerLayer& layer, const In* image, Out* out) {
  const LayerShape& s = layer.shape;
  const auto pad = static_cast<Out>(layer.output.clamp(layer.input_zero_point));
  for (std::int64_t oh = 0; oh < s.out_h; ++oh)
    for (std::int64_t ow = 0; ow < s.out_w; ++ow, out += s.out_channels) {
      const In* from = image + (oh * s.window.stride_h * s.in_w + ow * s.window.stride_w) * s.in_channels;
      std::fill_n(out, layer.channel_pad_before, pad);
      for (std::int64_t c = 0; c < s.in_channels; ++c) out[layer.channel_pad_before + c] = static_cast<Out>(layer.output.clamp(from[c]));
      std::fill_n(out + layer.channel_pad_before + s.in_channels, layer.channel_pad_after, pad);
    }
}

template <typename In, typename Out>
void flatten(const IntegerLayer& layer, const In* image, Out* out) {
  for (std::int64_t i = 0; i < layer.shape.input_count(); ++i) out[i] = static_cast<Out>(layer.output.clamp(image[i]));
}

class PoolLayer : public PreparedLayer {
 public:
  explicit PoolLayer(const IntegerLayer& layer) : layer_(layer) {}

  void run(std::span<const IntegerTensor* const> inputs, IntegerTensor& output) const override {
    const std::int64_t batch = check_tensors(layer_, inputs, output);
    inputs[0]->visit([&](auto in) {
      output.visit([&](auto out) {
        for (std::int64_t n = 0; n < batch; ++n)
          run_image(in.data() + n * layer_.shape.input_count(), out.data() + n * layer_.shape.output_count());
      });
    });
  }

 private:
  template <typename In, typename Out>
  void run_image(const In* in, Out* out) const {
    switch (layer_.op) {
      case IntegerOp::kMaxPool: return max_pool(layer_, in, out);
      case IntegerOp::kAveragePool: return average_pool(layer_, in, out);
      case IntegerOp::kSubsample: return subsample(layer_, in, out);
      case IntegerOp::kFlatten: return flatten(layer_, in, out);
      default: DYAD_EXPECT(false, "this layer is no pooling");
    }
  }

  const IntegerLayer& layer_;
};

}  // namespace

std::unique_ptr<PreparedLayer> prepare_pool(const IntegerLayer& layer) { return std::make_unique<PoolLayer>(layer); }

}  // namespace dyad::kernels
