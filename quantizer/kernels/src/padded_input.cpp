#include "padded_input.hpp"

namespace dyad::kernels {
namespace {

// One image: rows of padding, and in each row pixels of padding, around converted elements.
template <typename From, typename To>
void copy_image(const LayerShape& s, std::int64_t width, std::int64_t height, const From* from, std::int32_t offset, std::int32_t padding,
                To* to) {
  const auto pad = static_cast<To>(padding);
  const std::int64_t row = width * s.in_channels, inner = s.in_w * s.in_channels;
  const std::int64_t left = s.window.pad_left * s.in_channels;
  std::fill_n(to, row * s.window.pad_top, pad);
  to += row * s.window.pad_top;
  for (std::int64_t h = 0; h < s.in_h; ++h, to += row, from += inner) {
    std::fill_n(to, left, pad);
    for (std::int64_t i = 0; i < inner; ++i) to[left + i] = static_cast<To>(from[i] + offset);
    std::fill_n(to + left + inner, row - left - inner, pad);
  }
  std::fill_n(to, row * (height - s.window.pad_top - s.in_h), pad);
}

}  // namespace

PaddedInput::PaddedInput(const IntegerLayer& layer, Packing packing)
    : shape_(layer.shape),
      packing_(packing),
      height_(shape_.in_h + shape_.window.pad_top + shape_.window.pad_bottom),
      width_(shape_.in_w + shape_.window.pad_left + shape_.window.pad_right),
      channels_(shape_.in_channels),
      offset_(packing == Packing::kBytes4 && layer.inputs[0].is_signed ? 128 : 0),
      padding_(layer.input_zero_point + offset_) {
  const Window& w = shape_.window;
  const bool padded = w.pad_top || w.pad_left || w.pad_bottom || w.pad_right;
  const Storage storage = storage_for(layer.inputs[0]);
  const bool same_elements = packing == Packing::kBytes4 ? storage == Storage::kUint8 : storage == Storage::kInt16;
  const std::int64_t group_channels = channels_ / shape_.groups;
  const bool whole_groups = group_channels % (4 / element_bytes()) == 0;  // else a run's last group reads past the tensor's end
  itself_ = same_elements && !padded && whole_groups;
}

std::vector<std::int64_t> PaddedInput::position_offsets() const {
  std::vector<std::int64_t> offsets;
  offsets.reserve(static_cast<std::size_t>(shape_.out_h * shape_.out_w));
  for (std::int64_t oh = 0; oh < shape_.out_h; ++oh)
    for (std::int64_t ow = 0; ow < shape_.out_w; ++ow)
      offsets.push_back(oh * shape_.window.stride_h * row_bytes() + ow * shape_.window.stride_w * channels_ * element_bytes());
  return offsets;
}

void PaddedInput::copy(const IntegerTensor& input, std::int64_t first, std::int64_t count, std::vector<std::uint8_t>& buffer) const {
  const auto bytes = static_cast<std::size_t>(image_bytes() * count + 64);
  if (buffer.size() < bytes) buffer.resize(bytes);
  input.visit([&](auto values) {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto* from = values.data() + (first + i) * shape_.input_count();
      std::uint8_t* to = buffer.data() + i * image_bytes();
      if (packing_ == Packing::kBytes4)
        copy_image(shape_, width_, height_, from, offset_, padding_, to);
      else
        copy_image(shape_, width_, height_, from, offset_, padding_, reinterpret_cast<std::int16_t*>(to));
    }
  });
}

}  // namespace dyad::kernels
