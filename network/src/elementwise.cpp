#include "elementwise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dyad::network {
namespace {

template <typename Function>
void map(const Tensor<float>& x, Tensor<float>& out, Function function) {
  const float* from = x.data();
  float* to = out.data();
  const std::int64_t count = x.size();
  for (std::int64_t i = 0; i < count; ++i) to[i] = function(from[i]);
}

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

void batch_norm(const BatchNorm& bn, const Tensor<float>& x, Tensor<float>& out) {
  const std::int64_t channels = x.extent(3), pixels = x.size() / channels;
  std::vector<float> factor(bn.gamma.size());
  DYAD_EXPECT(static_cast<std::int64_t>(factor.size()) == channels, "batch normalization has no or other weights");
  for (std::size_t c = 0; c < factor.size(); ++c) factor[c] = bn.gamma[c] / std::sqrt(bn.variance[c] + bn.epsilon);
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    const float* from = x.data() + pixel * channels;
    float* to = out.data() + pixel * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto i = static_cast<std::size_t>(c);
      to[c] = (from[c] - bn.mean[i]) * factor[i] + bn.beta[i];
    }
  }
}

void softmax(const Tensor<float>& x, Tensor<float>& out) {
  const std::int64_t channels = x.extent(3), pixels = x.size() / channels;
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    const float* from = x.data() + pixel * channels;
    float* to = out.data() + pixel * channels;
    const float largest = *std::max_element(from, from + channels);
    double sum = 0;
    for (std::int64_t c = 0; c < channels; ++c) sum += to[c] = std::exp(from[c] - largest);
    for (std::int64_t c = 0; c < channels; ++c) to[c] = static_cast<float>(to[c] / sum);
  }
}

// Calls tap(input channels, output channels) for each tap inside the input, and begin/end around every output pixel.
// `counted` is the number of taps in the input or, when `with_padding`, in the input and its padding.
template <typename Begin, typename Tap, typename End>
void for_windows(const Window& w, bool with_padding, const Tensor<float>& x, Tensor<float>& out, Begin begin, Tap tap, End end) {
  const std::int64_t h = x.extent(1), width = x.extent(2), channels = x.extent(3);
  float* to = out.data();
  for (std::int64_t n = 0; n < x.extent(0); ++n) {
    for (std::int64_t oy = 0; oy < out.extent(1); ++oy) {
      for (std::int64_t ox = 0; ox < out.extent(2); ++ox, to += channels) {
        begin(to);
        std::int64_t counted = 0;
        for (int r = 0; r < w.kernel_h; ++r) {
          const std::int64_t y = oy * w.stride_h - w.pad_top + std::int64_t{r} * w.dilation_h;
          if (y >= h + w.pad_bottom) break;
          for (int s = 0; s < w.kernel_w; ++s) {
            const std::int64_t at = ox * w.stride_w - w.pad_left + std::int64_t{s} * w.dilation_w;
            if (at >= width + w.pad_right) break;
            const bool inside = y >= 0 && y < h && at >= 0 && at < width;
            counted += inside || with_padding ? 1 : 0;
            if (inside) tap(x.data() + ((n * h + y) * width + at) * channels, to);
          }
        }
        end(to, counted);
      }
    }
  }
}

}  // namespace

void apply_unary(const Node& node, const Tensor<float>& x, Tensor<float>& out) {
  switch (node.kind) {
    case OpKind::kRelu: return map(x, out, [](float v) { return v < 0 ? 0.0f : v; });
    case OpKind::kRelu6: return map(x, out, [](float v) { return std::clamp(v, 0.0f, 6.0f); });
    case OpKind::kLeakyRelu: return map(x, out, [slope = node.negative_slope](float v) { return v > 0 ? v : v * slope; });
    case OpKind::kSigmoid: return map(x, out, sigmoid);
    case OpKind::kSwish: return map(x, out, [](float v) { return v * sigmoid(v); });
    case OpKind::kBatchNorm: return batch_norm(node.batch_norm, x, out);
    case OpKind::kSoftmax: return softmax(x, out);
    case OpKind::kInput:
    case OpKind::kIdentity:
    case OpKind::kFlatten: return map(x, out, [](float v) { return v; });
    default: DYAD_EXPECT(false, node.name + " is not elementwise");
  }
}

void add(const Tensor<float>& a, const Tensor<float>& b, Tensor<float>& out) {
  const float *left = a.data(), *right = b.data();
  float* to = out.data();
  const std::int64_t count = a.size();
  for (std::int64_t i = 0; i < count; ++i) to[i] = left[i] + right[i];
}

void multiply(const Tensor<float>& a, const Tensor<float>& b, Tensor<float>& out) {
  if (a.size() < b.size()) return multiply(b, a, out);
  const std::int64_t images = a.extent(0), channels = a.extent(3);
  const std::int64_t pixels = a.size() == b.size() ? 1 : a.extent(1) * a.extent(2);  // that share one gate
  const std::int64_t gates = a.size() / (pixels * channels);
  DYAD_EXPECT(b.size() == gates * channels && b.extent(0) == images, "factors do not fit");
  for (std::int64_t gate = 0; gate < gates; ++gate) {
    const float* factor = b.data() + gate * channels;
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
      const std::int64_t at = (gate * pixels + pixel) * channels;
      for (std::int64_t c = 0; c < channels; ++c) out[at + c] = a[at + c] * factor[c];
    }
  }
}

void concat(std::span<const Tensor<float>* const> inputs, Tensor<float>& out) {
  const std::int64_t channels = out.extent(3), pixels = out.size() / channels;
  std::int64_t first = 0;
  for (const Tensor<float>* input : inputs) {
    const std::int64_t width = input->extent(3);
    for (std::int64_t pixel = 0; pixel < pixels; ++pixel)
      std::copy_n(input->data() + pixel * width, width, out.data() + pixel * channels + first);
    first += width;
  }
}

void max_pool(const Window& window, const Tensor<float>& x, Tensor<float>& out) {
  const std::int64_t channels = x.extent(3);
  for_windows(
      window, false, x, out, [&](float* to) { std::fill_n(to, channels, -std::numeric_limits<float>::infinity()); },
      [&](const float* from, float* to) {
        for (std::int64_t c = 0; c < channels; ++c) to[c] = from[c] > to[c] ? from[c] : to[c];
      },
      [](float*, std::int64_t) {});
}

void average_pool(const Window& window, bool count_include_pad, const Tensor<float>& x, Tensor<float>& out) {
  const std::int64_t channels = x.extent(3);
  for_windows(
      window, count_include_pad, x, out, [&](float* to) { std::fill_n(to, channels, 0.0f); },
      [&](const float* from, float* to) {
        for (std::int64_t c = 0; c < channels; ++c) to[c] += from[c];
      },
      [&](float* to, std::int64_t counted) {
        for (std::int64_t c = 0; c < channels; ++c) to[c] /= static_cast<float>(counted);
      });
}

void global_average_pool(const Tensor<float>& x, Tensor<float>& out) {
  Window window;
  window.kernel_h = static_cast<int>(x.extent(1));
  window.kernel_w = static_cast<int>(x.extent(2));
  average_pool(window, false, x, out);
}

void subsample(const Node& node, const Tensor<float>& x, Tensor<float>& out) {
  const std::int64_t h = x.extent(1), width = x.extent(2), channels = x.extent(3);
  float* to = out.data();
  for (std::int64_t n = 0; n < x.extent(0); ++n) {
    for (std::int64_t y = 0; y < h; y += node.window.stride_h) {
      for (std::int64_t at = 0; at < width; at += node.window.stride_w) {
        to = std::fill_n(to, node.channel_pad_before, 0.0f);
        to = std::copy_n(x.data() + ((n * h + y) * width + at) * channels, channels, to);
        to = std::fill_n(to, node.channel_pad_after, 0.0f);
      }
    }
  }
}

}  // namespace dyad::network
