// Addition, concatenation and requantization: values are widened to int32 in a small buffer, then take the same epilogue
// as convolutions.
#include <algorithm>

#include "cpu_layers.hpp"
#include "epilogue.hpp"

namespace dyad::kernels {
namespace {

constexpr std::int64_t kScratchElements = 4096;
constexpr std::int64_t kFlatColumns = 64;

struct Scratch {
  std::vector<std::int32_t> values[2];
};

Scratch& thread_scratch() {
  thread_local Scratch scratch;
  return scratch;
}

void widen(const IntegerTensor& tensor, std::int64_t first, std::int64_t count, std::int32_t* to) {
  tensor.visit([&](auto values) {
    const auto* from = values.data() + first;
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
  });
}

std::int64_t ratio_count(const Requantization& requantization) {
  return static_cast<std::int64_t>(requantization.rounding == Rounding::kFloat32Scale ? requantization.float32_scales.size()
                                                                                      : requantization.ratios.size());
}

/// Applies an epilogue to whole tensors of (rows, columns).
class Rescaler {
 public:
  Rescaler(const IntegerLayer& layer, const SimdKernels& kernels, const std::vector<const Requantization*>& requantizations) : flat_(true) {
    std::int64_t columns = 1;
    for (const Requantization* each : requantizations) columns = std::max(columns, ratio_count(*each));
    flat_ = columns == 1;
    epilogue_.emplace(kernels, layer, requantizations, flat_ ? kFlatColumns : columns);
  }

  /// Element [row][column] goes to out + row * out_stride bytes; `bytes` per element.
  void run(std::span<const IntegerTensor* const> inputs, std::int64_t columns, std::uint8_t* out, std::int64_t out_stride,
           std::int64_t bytes) const {
    const std::int64_t elements = inputs[0]->size();
    if (flat_ && out_stride == columns * bytes) {  // the tensor is one long row: fold it to 64 columns
      const std::int64_t whole = elements / kFlatColumns * kFlatColumns;
      run_rows(inputs, 0, elements / kFlatColumns, kFlatColumns, out, kFlatColumns * bytes);
      if (whole < elements) run_rows(inputs, whole, 1, elements - whole, out + whole * bytes, 0);
      return;
    }
    if (!flat_ || columns <= kFlatColumns) return run_rows(inputs, 0, elements / columns, columns, out, out_stride);
    for (std::int64_t row = 0; row < elements / columns; ++row)
      for (std::int64_t column = 0; column < columns; column += kFlatColumns)
        run_rows(inputs, row * columns + column, 1, std::min(kFlatColumns, columns - column), out + row * out_stride + column * bytes, 0);
  }

 private:
  void run_rows(std::span<const IntegerTensor* const> inputs, std::int64_t first, std::int64_t rows, std::int64_t columns,
                std::uint8_t* out, std::int64_t out_stride) const {
    Scratch& scratch = thread_scratch();
    const std::int64_t stride = (columns + kPanel - 1) / kPanel * kPanel;
    const std::int64_t rows_at_once = std::max<std::int64_t>(1, kScratchElements / stride);
    EpilogueSource sources[2];
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto needed = static_cast<std::size_t>(std::max(kScratchElements, stride));
      if (scratch.values[i].size() < needed) scratch.values[i].resize(needed);
      sources[i] = {scratch.values[i].data(), stride};
    }
    for (std::int64_t row = 0; row < rows; row += rows_at_once) {
      const std::int64_t count = std::min(rows_at_once, rows - row);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        std::int32_t* to = scratch.values[i].data();
        if (stride == columns) {
          widen(*inputs[i], first + row * columns, count * columns, to);
        } else {
          for (std::int64_t r = 0; r < count; ++r) widen(*inputs[i], first + (row + r) * columns, columns, to + r * stride);
        }
      }
      epilogue_->apply({sources, inputs.size()}, 0, count, columns, out + row * out_stride, out_stride);
    }
  }

  bool flat_;  ///< one ratio serves every channel
  std::optional<Epilogue> epilogue_;
};

class ElementwiseLayer : public PreparedLayer {
 public:
  ElementwiseLayer(const IntegerLayer& layer, const SimdKernels& kernels) : layer_(layer) {
    std::vector<const Requantization*> requantizations;
    for (const Requantization& each : layer.requantizations) requantizations.push_back(&each);
    rescaler_.emplace(layer, kernels, requantizations);
  }

  void run(std::span<const IntegerTensor* const> inputs, IntegerTensor& output) const override {
    check_tensors(layer_, inputs, output);
    const auto bytes = static_cast<std::int64_t>(element_bytes(output.storage()));
    auto* out = output.visit([](auto values) { return reinterpret_cast<std::uint8_t*>(values.data()); });
    rescaler_->run(inputs, layer_.shape.out_channels, out, layer_.shape.out_channels * bytes, bytes);
  }

 private:
  const IntegerLayer& layer_;
  std::optional<Rescaler> rescaler_;
};

class ConcatLayer : public PreparedLayer {
 public:
  ConcatLayer(const IntegerLayer& layer, const SimdKernels& kernels) : layer_(layer) {
    for (const Requantization& each : layer.requantizations)
      rescalers_.emplace_back(layer, kernels, std::vector<const Requantization*>{&each});
  }

  void run(std::span<const IntegerTensor* const> inputs, IntegerTensor& output) const override {
    check_tensors(layer_, inputs, output);
    const auto bytes = static_cast<std::int64_t>(element_bytes(output.storage()));
    auto* out = output.visit([](auto values) { return reinterpret_cast<std::uint8_t*>(values.data()); });
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::int64_t channels = inputs[i]->shape()[3];
      rescalers_[i].run(inputs.subspan(i, 1), channels, out, layer_.shape.out_channels * bytes, bytes);
      out += channels * bytes;
    }
  }

 private:
  const IntegerLayer& layer_;
  std::vector<Rescaler> rescalers_;
};

}  // namespace

std::unique_ptr<PreparedLayer> prepare_elementwise(const IntegerLayer& layer, const SimdKernels& kernels) {
  if (layer.op == IntegerOp::kConcat) return std::make_unique<ConcatLayer>(layer, kernels);
  return std::make_unique<ElementwiseLayer>(layer, kernels);
}

}  // namespace dyad::kernels
