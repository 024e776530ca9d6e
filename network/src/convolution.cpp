#include "convolution.hpp"

#include <algorithm>
#include <vector>

namespace dyad::network {
namespace {

struct Extent {
  std::int64_t n, h, w, c;
};

Extent extent_of(const Tensor<float>& tensor) { return {tensor.extent(0), tensor.extent(1), tensor.extent(2), tensor.extent(3)}; }

// Output channels that one kernel call produces, and their packed weights.
struct Panel {
  std::int64_t first_channel = 0, channels = 0;
  std::int64_t input_channel = 0;  // where the group begins
  int vectors = 1;
  std::size_t weights = 0, bias = 0;  // offsets into Packed
};

struct Packed {
  std::vector<Panel> panels;
  std::vector<float> weights, bias;
};

Packed pack_dense(const Tensor<float>& weight, std::span<const float> bias, int groups, int lanes) {
  Packed packed;
  const std::int64_t per_group = weight.extent(0) / groups;
  const std::int64_t reduction = weight.size() / weight.extent(0);
  for (std::int64_t group = 0; group < groups; ++group) {
    for (std::int64_t done = 0; done < per_group;) {
      Panel panel;
      panel.vectors = per_group - done > lanes ? kMaxPanelVectors : 1;
      const std::int64_t width = std::int64_t{panel.vectors} * lanes;
      panel.first_channel = group * per_group + done;
      panel.channels = std::min(width, per_group - done);
      panel.input_channel = group * weight.extent(3);
      panel.weights = packed.weights.size();
      panel.bias = packed.bias.size();
      packed.weights.resize(packed.weights.size() + static_cast<std::size_t>(reduction * width));
      packed.bias.resize(packed.bias.size() + static_cast<std::size_t>(width));
      for (std::int64_t k = 0; k < panel.channels; ++k) {
        const float* from = weight.data() + (panel.first_channel + k) * reduction;
        float* to = packed.weights.data() + panel.weights + k;
        for (std::int64_t i = 0; i < reduction; ++i) to[i * width] = from[i];
        if (!bias.empty()) packed.bias[panel.bias + static_cast<std::size_t>(k)] = bias[static_cast<std::size_t>(panel.first_channel + k)];
      }
      packed.panels.push_back(panel);
      done += panel.channels;
    }
  }
  return packed;
}

Packed pack_depthwise(const Tensor<float>& weight, std::span<const float> bias) {
  Packed packed;
  const std::int64_t channels = weight.extent(0), taps = weight.extent(1) * weight.extent(2);
  packed.panels.push_back({.first_channel = 0, .channels = channels});
  packed.weights.resize(static_cast<std::size_t>(weight.size()));
  for (std::int64_t k = 0; k < channels; ++k) {
    for (std::int64_t tap = 0; tap < taps; ++tap) packed.weights[static_cast<std::size_t>(tap * channels + k)] = weight[k * taps + tap];
  }
  packed.bias.assign(static_cast<std::size_t>(channels), 0.0f);
  std::copy(bias.begin(), bias.end(), packed.bias.begin());
  return packed;
}

// An output row cut into tiles of nearly equal size, with the address of every tap of every pixel of row 0.
struct RowPlan {
  struct Tile {
    std::int64_t first_pixel = 0;
    int rows = 0;
    std::size_t pixels = 0;  // offset into pointers
  };
  std::vector<Tile> tiles;
  std::vector<const float*> pointers;
};

RowPlan plan_row(const float* base, const Window& window, std::int64_t pixels, std::int64_t row_stride, std::int64_t channels,
                 int max_rows) {
  RowPlan plan;
  const std::int64_t count = (pixels + max_rows - 1) / max_rows;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t first = pixels * i / count, last = pixels * (i + 1) / count;
    plan.tiles.push_back({first, static_cast<int>(last - first), plan.pointers.size()});
    for (int r = 0; r < window.kernel_h; ++r) {
      for (int s = 0; s < window.kernel_w; ++s) {
        const float* tap = base + r * window.dilation_h * row_stride + s * window.dilation_w * channels;
        for (std::int64_t pixel = first; pixel < last; ++pixel) plan.pointers.push_back(tap + pixel * window.stride_w * channels);
      }
    }
  }
  return plan;
}

}  // namespace

struct PackedConvolution::State {
  const ConvolutionKernels& kernels;
  Window window;
  bool depthwise;
  std::int64_t in_channels, out_channels, group_channels;  // group_channels: those that one kernel call reads
  Packed packed;

  // `rows` output rows, row_step elements apart in the input, for every panel.
  void run_rows(const RowPlan& plan, std::int64_t offset, std::int64_t row_step, std::int64_t rows, std::int64_t out_width,
                float* out) const {
    ConvolutionTile call;
    call.taps = std::int64_t{window.kernel_h} * window.kernel_w;
    call.channels = group_channels;
    call.out_stride = out_channels;
    for (const Panel& panel : packed.panels) {
      call.weights = packed.weights.data() + panel.weights;
      call.bias = packed.bias.data() + panel.bias;
      call.out_channels = panel.channels;
      for (std::int64_t row = 0; row < rows; ++row) {
        call.offset = offset + row * row_step + panel.input_channel;
        for (const RowPlan::Tile& tile : plan.tiles) {
          call.pixels = plan.pointers.data() + tile.pixels;
          call.out = out + (row * out_width + tile.first_pixel) * out_channels + panel.first_channel;
          const auto at = static_cast<std::size_t>(tile.rows - 1);
          depthwise ? kernels.depthwise[at](call) : kernels.dense[at][panel.vectors - 1](call);
        }
      }
    }
  }
  void multiply(const Tensor<float>& x, Tensor<float>& out) const;
};

// A 1 x 1 window on every pixel: a matrix product, in which the batch is one long row.
void PackedConvolution::State::multiply(const Tensor<float>& x, Tensor<float>& out) const {
  constexpr std::int64_t kRowPixels = 64;  // a multiple of every kernel's rows or close to it; its input stays in the first cache
  const std::int64_t channels = in_channels, pixels = x.size() / channels;
  const std::int64_t whole = pixels / kRowPixels, rest = pixels % kRowPixels;
  if (whole > 0) {
    const RowPlan plan = plan_row(x.data(), window, kRowPixels, 0, channels, kernels.max_rows);
    run_rows(plan, 0, kRowPixels * channels, whole, kRowPixels, out.data());
  }
  if (rest > 0) {
    const RowPlan plan = plan_row(x.data() + whole * kRowPixels * channels, window, rest, 0, channels, kernels.max_rows);
    run_rows(plan, 0, 0, 1, rest, out.data() + whole * kRowPixels * out_channels);
  }
}

PackedConvolution::PackedConvolution(const ConvolutionKernels& kernels, const Window& window, int groups, const Tensor<float>& weight,
                                     std::span<const float> bias) {
  DYAD_EXPECT(weight.shape().size() == 4 && weight.extent(1) == window.kernel_h && weight.extent(2) == window.kernel_w,
              "weight does not fit the convolution's window");
  const std::int64_t out_channels = weight.extent(0), in_channels = weight.extent(3) * groups;
  DYAD_EXPECT(groups >= 1 && out_channels % groups == 0, "groups do not divide the output channels");
  DYAD_EXPECT(bias.empty() || static_cast<std::int64_t>(bias.size()) == out_channels, "bias does not fit the convolution");
  const bool depthwise = groups > 1 && groups == in_channels && groups == out_channels;
  state_ =
      std::make_unique<const State>(State{kernels, window, depthwise, in_channels, out_channels, depthwise ? in_channels : weight.extent(3),
                                          depthwise ? pack_depthwise(weight, bias) : pack_dense(weight, bias, groups, kernels.lanes)});
}

PackedConvolution::~PackedConvolution() = default;
PackedConvolution::PackedConvolution(PackedConvolution&&) noexcept = default;

void PackedConvolution::run(const Tensor<float>& x, Tensor<float>& out) const {
  const State& state = *state_;
  const Window& window = state.window;
  const Extent in = extent_of(x), to = extent_of(out);
  DYAD_EXPECT(in.c == state.in_channels && to.c == state.out_channels, "channels do not fit the convolution");
  DYAD_EXPECT(in.n == to.n && to.h == window.output_h(in.h) && to.w == window.output_w(in.w), "output does not fit the convolution");
  if (out.empty()) return;
  if (window == Window{}) return state.multiply(x, out);

  const bool padded = window.pad_top || window.pad_left || window.pad_bottom || window.pad_right;
  const std::int64_t height = in.h + window.pad_top + window.pad_bottom, width = in.w + window.pad_left + window.pad_right;
  std::vector<float> image(padded ? static_cast<std::size_t>(height * width * in.c) : 0);  // its border stays zero
  const RowPlan plan = plan_row(padded ? image.data() : x.data(), window, to.w, width * in.c, in.c, state.kernels.max_rows);
  for (std::int64_t n = 0; n < in.n; ++n) {
    const std::int64_t offset = n * in.h * in.w * in.c;
    if (padded) {
      for (std::int64_t y = 0; y < in.h; ++y)
        std::copy_n(x.data() + offset + y * in.w * in.c, in.w * in.c,
                    image.data() + ((y + window.pad_top) * width + window.pad_left) * in.c);
    }
    state.run_rows(plan, padded ? 0 : offset, window.stride_h * width * in.c, to.h, to.w, out.data() + n * to.h * to.w * to.c);
  }
}

}  // namespace dyad::network
