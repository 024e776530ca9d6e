// Depthwise convolution: 32 channels of one output position at a time, tap by tap.
#include <cstring>

#include "cpu_layers.hpp"
#include "effective_weights.hpp"
#include "epilogue.hpp"
#include "padded_input.hpp"

namespace dyad::kernels {
namespace {

struct Scratch {
  std::vector<std::uint8_t> padded;
  std::vector<std::int32_t> acc;
};

Scratch& thread_scratch() {
  thread_local Scratch scratch;
  return scratch;
}

class DepthwiseLayer : public PreparedLayer {
 public:
  DepthwiseLayer(const IntegerLayer& layer, const SimdKernels& kernels, const EffectiveWeights& weights)
      : layer_(layer),
        kernels_(kernels),
        input_(layer, Packing::kWords2),
        channels_(layer.shape.out_channels),
        offsets_(input_.position_offsets()) {
    const Window& w = layer.shape.window;
    stride_ = (channels_ + kDepthwiseChannels - 1) / kDepthwiseChannels * kDepthwiseChannels;
    for (int r = 0; r < w.kernel_h; ++r)
      for (int c = 0; c < w.kernel_w; ++c) taps_.push_back(r * w.dilation_h * (input_.row_bytes() / 2) + c * w.dilation_w * channels_);
    weights_.assign(taps_.size() * static_cast<std::size_t>(stride_), 0);
    start_.assign(static_cast<std::size_t>(stride_), 0);
    for (std::int64_t k = 0; k < channels_; ++k) {
      if (!layer.bias.empty()) start_[static_cast<std::size_t>(k)] = layer.bias[static_cast<std::size_t>(k)];
      for (std::size_t tap = 0; tap < taps_.size(); ++tap)
        weights_[tap * static_cast<std::size_t>(stride_) + static_cast<std::size_t>(k)] =
            static_cast<std::int16_t>(weights.at(k, static_cast<std::int64_t>(tap)));
    }
    if (layer.requantize) epilogue_.emplace(kernels, layer, std::vector<const Requantization*>{&layer.requantizations[0]}, channels_);
  }

  void run(std::span<const IntegerTensor* const> inputs, IntegerTensor& output) const override {
    const std::int64_t batch = check_tensors(layer_, inputs, output);
    Scratch& scratch = thread_scratch();
    if (scratch.acc.size() < static_cast<std::size_t>(layer_.shape.out_w * stride_))
      scratch.acc.resize(static_cast<std::size_t>(layer_.shape.out_w * stride_));
    auto* out = output.visit([](auto values) { return reinterpret_cast<std::uint8_t*>(values.data()); });
    const std::int64_t pixel_bytes = channels_ * static_cast<std::int64_t>(element_bytes(output.storage()));
    for (std::int64_t n = 0; n < batch; ++n) {
      input_.copy(*inputs[0], n, 1, scratch.padded);
      for (std::int64_t oh = 0; oh < layer_.shape.out_h; ++oh, out += layer_.shape.out_w * pixel_bytes)
        run_row(scratch.padded.data(), oh, scratch.acc.data(), out, pixel_bytes);
    }
  }

 private:
  void run_row(const std::uint8_t* image, std::int64_t oh, std::int32_t* acc, std::uint8_t* out, std::int64_t pixel_bytes) const {
    const std::int64_t columns = layer_.shape.out_w;
    DepthwiseCall call{};
    call.tap_offsets = taps_.data();
    call.taps = static_cast<std::int64_t>(taps_.size());
    call.tap_stride = stride_;
    for (std::int64_t ow = 0; ow < columns; ++ow) {
      const auto* position = reinterpret_cast<const std::int16_t*>(image + offsets_[static_cast<std::size_t>(oh * columns + ow)]);
      for (std::int64_t c = 0; c < channels_; c += kDepthwiseChannels) {
        call.position = position + c;
        call.weights = weights_.data() + c;
        call.start = start_.data() + c;
        call.acc = acc + ow * stride_ + c;
        kernels_.depthwise(call);
      }
    }
    if (epilogue_) {
      const EpilogueSource rows[] = {{acc, stride_}};
      epilogue_->apply(rows, 0, columns, channels_, out, pixel_bytes);
    } else {
      for (std::int64_t ow = 0; ow < columns; ++ow)
        std::memcpy(out + ow * pixel_bytes, acc + ow * stride_, static_cast<std::size_t>(pixel_bytes));
    }
  }

  const IntegerLayer& layer_;
  const SimdKernels& kernels_;
  PaddedInput input_;
  std::int64_t channels_, stride_ = 0;
  std::vector<std::int64_t> offsets_, taps_;
  std::vector<std::int16_t> weights_;  ///< [tap][stride_]
  std::vector<std::int32_t> start_;
  std::optional<Epilogue> epilogue_;
};

}  // namespace

std::unique_ptr<PreparedLayer> prepare_depthwise(const IntegerLayer& layer, const SimdKernels& kernels) {
  const auto weights = EffectiveWeights::of(layer);
  if (!weights) return nullptr;
  return std::make_unique<DepthwiseLayer>(layer, kernels, *weights);
}

}  // namespace dyad::kernels
