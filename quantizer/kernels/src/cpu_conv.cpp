// Convolution as an implicit GEMM: the window of each output position is a few runs of consecutive elements in the padded
// image, which the kernel multiplies with packed weights (docs/kernels/cpu.md).
#include <algorithm>
#include <cstring>
#include <optional>

#include "cpu_layers.hpp"
#include "effective_weights.hpp"
#include "epilogue.hpp"
#include "padded_input.hpp"

namespace dyad::kernels {
namespace {

/// Positions whose accumulators are held before the epilogue reads them: 48 x 64 int32 stay in the first-level cache.
constexpr std::int64_t kTileRows = 48;

struct Scratch {
  std::vector<std::uint8_t> padded;
  std::vector<std::int32_t> acc;
};

Scratch& thread_scratch() {
  thread_local Scratch scratch;
  return scratch;
}

/// Panels that one kernel call multiplies.
struct Block {
  std::int64_t first_panel;
  int panels;
};

class ConvLayer : public PreparedLayer {
 public:
  ConvLayer(const IntegerLayer& layer, const SimdKernels& kernels, const EffectiveWeights& weights)
      : layer_(layer),
        kernels_(kernels),
        packing_(kernels.has_bytes && element_bytes(storage_for(layer.inputs[0])) == 1 && weights.fit_int8() ? Packing::kBytes4
                                                                                                             : Packing::kWords2),
        input_(layer, packing_),
        outputs_per_group_(layer.shape.out_channels / layer.shape.groups),
        panels_((outputs_per_group_ + kPanel - 1) / kPanel),
        offsets_(input_.position_offsets()) {
    find_runs();
    pack(weights);
    const std::int64_t count = (panels_ + kernels.max_panels - 1) / kernels.max_panels;
    for (std::int64_t b = 0, first = 0; b < count; ++b) {  // as even as possible
      const std::int64_t size = (panels_ - first + count - b - 1) / (count - b);
      blocks_.push_back({first, static_cast<int>(size)});
      first += size;
    }
    if (!layer.requantize) return;
    const Requantization& requantization = layer.requantizations[0];
    for (int g = 0; g < layer.shape.groups; ++g) group_requantizations_.push_back(of_group(requantization, g));
    for (const Requantization& each : group_requantizations_)
      epilogues_.emplace_back(kernels, layer, std::vector<const Requantization*>{&each}, outputs_per_group_);
  }

  void run(std::span<const IntegerTensor* const> inputs, IntegerTensor& output) const override {
    const std::int64_t batch = check_tensors(layer_, inputs, output), positions = static_cast<std::int64_t>(offsets_.size());
    const std::int64_t images_at_once = std::max<std::int64_t>(1, kTileRows / positions);
    Scratch& scratch = thread_scratch();
    scratch.acc.resize((kTileRows + kMaxPositions) * kMaxPanels * kPanel);
    auto* out = output.visit([](auto values) { return reinterpret_cast<std::uint8_t*>(values.data()); });
    const std::int64_t pixel_bytes = layer_.shape.out_channels * static_cast<std::int64_t>(element_bytes(output.storage()));
    for (std::int64_t first = 0; first < batch; first += images_at_once) {
      const std::int64_t images = std::min(images_at_once, batch - first);
      const std::uint8_t* source = nullptr;
      if (input_.is_input_itself()) {
        source = inputs[0]->visit([](auto values) { return reinterpret_cast<const std::uint8_t*>(values.data()); }) +
                 first * input_.image_bytes();
      } else {
        input_.copy(*inputs[0], first, images, scratch.padded);
        source = scratch.padded.data();
      }
      for (int group = 0; group < layer_.shape.groups; ++group)
        for (const Block& block : blocks_)
          run_block(source, images, group, block, scratch.acc.data(), out + first * positions * pixel_bytes, pixel_bytes);
    }
  }

 private:
  Requantization of_group(const Requantization& all, int group) const {
    Requantization part = all;
    const auto cut = [&](auto& values) {
      if (values.size() <= 1) return;
      const auto begin = values.begin() + group * outputs_per_group_;
      values = {begin, begin + outputs_per_group_};
    };
    cut(part.ratios);
    cut(part.offsets);
    cut(part.float32_scales);
    return part;
  }

  // Runs of elements that are consecutive both in the window and in the padded image.
  void find_runs() {
    const LayerShape& s = layer_.shape;
    const std::int64_t group_channels = s.in_channels / s.groups, bytes = input_.element_bytes();
    const bool whole_rows = s.groups == 1 && s.window.dilation_w == 1;
    run_elements_ = group_channels * (whole_rows ? s.window.kernel_w : 1);
    groups_per_run_ = (run_elements_ * bytes + 3) / 4;
    for (int g = 0; g < s.groups; ++g)
      for (int r = 0; r < s.window.kernel_h; ++r)
        for (int c = 0; c < (whole_rows ? 1 : s.window.kernel_w); ++c)
          run_offsets_.push_back(r * s.window.dilation_h * input_.row_bytes() +
                                 (c * s.window.dilation_w * s.in_channels + g * group_channels) * bytes);
    runs_ = static_cast<std::int64_t>(run_offsets_.size()) / s.groups;
    panel_bytes_ = runs_ * groups_per_run_ * kPanel * 4;
  }

  // [group][panel][run][4-byte group][16 channels][4 bytes]; what lies beyond a run or a channel is zero.
  void pack(const EffectiveWeights& weights) {
    const std::int64_t bytes = input_.element_bytes(), per_group = 4 / bytes, all_panels = layer_.shape.groups * panels_;
    packed_.assign(static_cast<std::size_t>(all_panels * panel_bytes_), 0);
    start_.assign(static_cast<std::size_t>(all_panels * kPanel), 0);
    for (std::int64_t k = 0; k < layer_.shape.out_channels; ++k) {
      const std::int64_t group = k / outputs_per_group_, in_group = k % outputs_per_group_;
      const std::int64_t panel = group * panels_ + in_group / kPanel, lane = in_group % kPanel;
      std::uint32_t sum = 0;
      for (std::int64_t run = 0; run < runs_; ++run)
        for (std::int64_t e = 0; e < run_elements_; ++e) {
          const std::int32_t value = weights.at(k, run * run_elements_ + e);
          sum += static_cast<std::uint32_t>(value);
          std::uint8_t* at =
              packed_.data() + panel * panel_bytes_ + ((run * groups_per_run_ + e / per_group) * kPanel + lane) * 4 + e % per_group * bytes;
          const auto byte = static_cast<std::int8_t>(value);
          const auto word = static_cast<std::int16_t>(value);
          if (bytes == 1)
            std::memcpy(at, &byte, 1);
          else
            std::memcpy(at, &word, 2);
        }
      // sum (a + offset) w = sum a w + offset sum w: the second part leaves through the start value, modulo 2^32.
      const std::uint32_t bias = layer_.bias.empty() ? 0 : static_cast<std::uint32_t>(layer_.bias[static_cast<std::size_t>(k)]);
      start_[static_cast<std::size_t>(panel * kPanel + lane)] =
          static_cast<std::int32_t>(bias - static_cast<std::uint32_t>(input_.offset()) * sum);
    }
  }

  void run_block(const std::uint8_t* source, std::int64_t images, int group, const Block& block, std::int32_t* acc, std::uint8_t* out,
                 std::int64_t pixel_bytes) const {
    const std::int64_t positions = static_cast<std::int64_t>(offsets_.size()), total = images * positions;
    const std::int64_t panel = group * panels_ + block.first_panel;
    const std::int64_t first_channel = block.first_panel * kPanel;
    const std::int64_t channels = std::min<std::int64_t>(block.panels * kPanel, outputs_per_group_ - first_channel);
    const int step = kernels_.positions[block.panels - 1];
    const Gemm gemm = (packing_ == Packing::kBytes4 ? kernels_.gemm_bytes : kernels_.gemm_words)[block.panels - 1];
    const std::uint8_t* addresses[kTileRows + kMaxPositions];
    GemmCall call{};
    call.run_offsets = run_offsets_.data() + group * runs_;
    call.runs = runs_;
    call.groups_per_run = groups_per_run_;
    call.panels = packed_.data() + panel * panel_bytes_;
    call.panel_bytes = panel_bytes_;
    call.start = start_.data() + panel * kPanel;
    call.acc_stride = block.panels * kPanel;
    const std::int64_t tiles = (total + kTileRows - 1) / kTileRows;
    const std::int64_t tile_rows = ((total + tiles - 1) / tiles + step - 1) / step * step;
    std::uint8_t* to = out + (group * outputs_per_group_ + first_channel) * (pixel_bytes / layer_.shape.out_channels);
    for (std::int64_t begin = 0; begin < total; begin += tile_rows) {
      const std::int64_t rows = std::min(tile_rows, total - begin);
      for (std::int64_t i = 0, image = begin / positions, at = begin % positions; i < rows; ++i) {
        addresses[i] = source + image * input_.image_bytes() + offsets_[static_cast<std::size_t>(at)];
        if (++at == positions) {
          at = 0;
          ++image;
        }
      }
      for (std::int64_t i = rows; i < rows + step; ++i) addresses[i] = addresses[rows - 1];  // computed, never stored
      for (std::int64_t row = 0; row < rows; row += step) {
        call.positions = addresses + row;
        call.acc = acc + row * call.acc_stride;
        gemm(call);
      }
      if (layer_.requantize) {
        const EpilogueSource source_rows[] = {{acc, call.acc_stride}};
        epilogues_[static_cast<std::size_t>(group)].apply(source_rows, first_channel, rows, channels, to + begin * pixel_bytes,
                                                          pixel_bytes);
      } else {
        for (std::int64_t row = 0; row < rows; ++row)
          std::memcpy(to + (begin + row) * pixel_bytes, acc + row * call.acc_stride, static_cast<std::size_t>(channels) * 4);
      }
    }
  }

  const IntegerLayer& layer_;
  const SimdKernels& kernels_;
  Packing packing_;
  PaddedInput input_;
  std::int64_t outputs_per_group_, panels_;
  std::vector<std::int64_t> offsets_;
  std::int64_t runs_ = 0, run_elements_ = 0, groups_per_run_ = 0, panel_bytes_ = 0;
  std::vector<std::int64_t> run_offsets_;  ///< [group][run]
  std::vector<std::uint8_t> packed_;
  std::vector<std::int32_t> start_;  ///< [group][panel][16]
  std::vector<Block> blocks_;
  std::vector<Requantization> group_requantizations_;
  std::vector<Epilogue> epilogues_;  ///< one per group
};

}  // namespace

std::unique_ptr<PreparedLayer> prepare_conv(const IntegerLayer& layer, const SimdKernels& kernels) {
  const auto weights = EffectiveWeights::of(layer);
  if (!weights) return nullptr;
  return std::make_unique<ConvLayer>(layer, kernels, *weights);
}

}  // namespace dyad::kernels
