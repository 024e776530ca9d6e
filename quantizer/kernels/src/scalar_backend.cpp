#include "dyad/kernels/backends.hpp"
#include "layer_checks.hpp"
#include "scalar.hpp"

namespace dyad::kernels {
namespace {

// Calls visit(n, oh, ow, channel, index) for every element of the output, in memory order.
template <typename Visitor>
void for_each_output(const IntegerLayer& layer, std::int64_t batch, const Visitor& visit) {
  std::int64_t index = 0;
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t oh = 0; oh < layer.shape.out_h; ++oh)
      for (std::int64_t ow = 0; ow < layer.shape.out_w; ++ow)
        for (std::int64_t c = 0; c < layer.shape.out_channels; ++c) visit(n, oh, ow, c, index++);
}

void add(const IntegerLayer& layer, const IntegerTensor& a, const IntegerTensor& b, IntegerTensor& output) {
  const Requantization& ra = layer.requantizations[0];
  const Requantization& rb = layer.requantizations[1];
  const OutputRange range = output_range(layer, std::int64_t{ra.zero_point} + rb.zero_point);
  for_each_output(layer, output.shape()[0], [&](auto, auto, auto, std::int64_t c, std::int64_t i) {
    const std::int64_t sum = ra.apply(a.get(i), c) + rb.apply(b.get(i), c);
    output.set(i, static_cast<std::int32_t>(std::clamp(sum, range.lowest, range.highest)));
  });
}

// Writes `input`, requantized, into the channels of `output` that begin at `first_channel`.
void requantize_into(const IntegerLayer& layer, const Requantization& requantization, const IntegerTensor& input,
                     std::int64_t first_channel, IntegerTensor& output) {
  const OutputRange range = output_range(layer, requantization.zero_point);
  const LevelTable table = output_table(layer);
  const std::int64_t channels = input.shape()[3], positions = input.size() / channels;
  for (std::int64_t p = 0; p < positions; ++p)
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t y = std::clamp(requantization.apply(input.get(p * channels + c), c), range.lowest, range.highest);
      output.set(p * layer.shape.out_channels + first_channel + c, table.values.empty() ? static_cast<std::int32_t>(y) : table.level(y));
    }
}

void concat(const IntegerLayer& layer, std::span<const IntegerTensor* const> inputs, IntegerTensor& output) {
  std::int64_t first_channel = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    requantize_into(layer, layer.requantizations[i], *inputs[i], first_channel, output);
    first_channel += inputs[i]->shape()[3];
  }
}

// Calls visit(index) for every position of the window at (n, oh, ow) inside the image; returns how many positions lie outside.
template <typename Visitor>
std::int64_t for_each_in_window(const LayerShape& s, std::int64_t n, std::int64_t oh, std::int64_t ow, std::int64_t channel,
                                const Visitor& visit) {
  std::int64_t outside = 0;
  for (int r = 0; r < s.window.kernel_h; ++r)
    for (int c = 0; c < s.window.kernel_w; ++c) {
      const std::int64_t ih = oh * s.window.stride_h - s.window.pad_top + std::int64_t{r} * s.window.dilation_h;
      const std::int64_t iw = ow * s.window.stride_w - s.window.pad_left + std::int64_t{c} * s.window.dilation_w;
      if (ih < 0 || ih >= s.in_h || iw < 0 || iw >= s.in_w)
        ++outside;
      else
        visit(((n * s.in_h + ih) * s.in_w + iw) * s.in_channels + channel);
    }
  return outside;
}

void max_pool(const IntegerLayer& layer, const IntegerTensor& input, IntegerTensor& output) {
  for_each_output(layer, output.shape()[0], [&](std::int64_t n, std::int64_t oh, std::int64_t ow, std::int64_t c, std::int64_t i) {
    std::int64_t largest = INT32_MIN;
    for_each_in_window(layer.shape, n, oh, ow, c, [&](std::int64_t at) { largest = std::max<std::int64_t>(largest, input.get(at)); });
    output.set(i, static_cast<std::int32_t>(layer.output.clamp(largest)));
  });
}

void average_pool(const IntegerLayer& layer, const IntegerTensor& input, IntegerTensor& output) {
  for_each_output(layer, output.shape()[0], [&](std::int64_t n, std::int64_t oh, std::int64_t ow, std::int64_t c, std::int64_t i) {
    std::int64_t sum = 0, count = 0;
    const std::int64_t outside = for_each_in_window(layer.shape, n, oh, ow, c, [&](std::int64_t at) {
      sum += input.get(at);
      ++count;
    });
    if (layer.count_include_pad) {
      sum += outside * layer.input_zero_point;
      count += outside;
    }
    output.set(i, static_cast<std::int32_t>(layer.output.clamp(integer_average(sum, count, layer.average_rounding))));
  });
}

void subsample(const IntegerLayer& layer, const IntegerTensor& input, IntegerTensor& output) {
  const LayerShape& s = layer.shape;
  for_each_output(layer, output.shape()[0], [&](std::int64_t n, std::int64_t oh, std::int64_t ow, std::int64_t k, std::int64_t i) {
    const std::int64_t c = k - layer.channel_pad_before;
    std::int64_t value = layer.input_zero_point;
    if (c >= 0 && c < s.in_channels)
      value = input.get(((n * s.in_h + oh * s.window.stride_h) * s.in_w + ow * s.window.stride_w) * s.in_channels + c);
    output.set(i, static_cast<std::int32_t>(layer.output.clamp(value)));
  });
}

void flatten(const IntegerLayer& layer, const IntegerTensor& input, IntegerTensor& output) {
  for (std::int64_t i = 0; i < input.size(); ++i) output.set(i, static_cast<std::int32_t>(layer.output.clamp(input.get(i))));
}

class ScalarLayer : public PreparedLayer {
 public:
  explicit ScalarLayer(const IntegerLayer& layer) : layer_(layer) {}

  void run(std::span<const IntegerTensor* const> inputs, IntegerTensor& output) const override {
    check_tensors(layer_, inputs, output);
    const IntegerTensor& input = *inputs[0];
    switch (layer_.op) {
      case IntegerOp::kConv: return scalar_conv(layer_, input, output);
      case IntegerOp::kAdd: return add(layer_, input, *inputs[1], output);
      case IntegerOp::kConcat: return concat(layer_, inputs, output);
      case IntegerOp::kRequantize: return requantize_into(layer_, layer_.requantizations[0], input, 0, output);
      case IntegerOp::kMaxPool: return max_pool(layer_, input, output);
      case IntegerOp::kAveragePool: return average_pool(layer_, input, output);
      case IntegerOp::kSubsample: return subsample(layer_, input, output);
      case IntegerOp::kFlatten: return flatten(layer_, input, output);
    }
  }

 private:
  const IntegerLayer& layer_;
};

class ScalarBackend : public IntegerBackend {
 public:
  std::string name() const override { return "scalar"; }
  std::string description() const override { return "plain loops over the definition"; }
  Result<std::unique_ptr<PreparedLayer>> prepare(const IntegerLayer& layer) const override {
    DYAD_CHECK(check_layer(layer));
    return std::unique_ptr<PreparedLayer>(std::make_unique<ScalarLayer>(layer));
  }
};

}  // namespace

std::unique_ptr<IntegerBackend> make_scalar_backend() { return std::make_unique<ScalarBackend>(); }

}  // namespace dyad::kernels
