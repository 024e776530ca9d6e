#include "batches.hpp"

#include <algorithm>
#include <numeric>

#include "dyad/base/random.hpp"

namespace dyad::training {
namespace {

// Streams of Random: one an epoch for the order, one an (epoch, image) for the augmentation; their ranges don't meet.
constexpr std::uint64_t kOrderStreams = std::uint64_t{1} << 62;
constexpr std::uint64_t kImagesPerEpoch = std::uint64_t{1} << 32;

}  // namespace

Batches::Batches(const network::Dataset& data, const network::Normalization& normalization)
    : data_(data),
      height_(data.images.extent(1)),
      width_(data.images.extent(2)),
      channels_(data.images.extent(3)),
      table_(static_cast<std::size_t>(channels_) * 256) {
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels_); ++c)
    for (std::size_t pixel = 0; pixel < 256; ++pixel)
      table_[c * 256 + pixel] = (static_cast<float>(pixel) / 255.0f - normalization.mean[c]) / normalization.stddev[c];
}

std::vector<std::int64_t> Batches::order(std::uint64_t seed, int epoch) const {
  Random random(seed, kOrderStreams + static_cast<std::uint64_t>(epoch));
  return random_permutation(data_.size(), random);
}

void Batches::fill(const std::int64_t* indices, std::int64_t count, std::vector<float>& values) const {
  fill_augmented(indices, count, {}, 0, 0, values);
}

void Batches::fill_augmented(const std::int64_t* indices, std::int64_t count, const Augmentation& augmentation, std::uint64_t seed,
                             int epoch, std::vector<float>& values) const {
  values.resize(static_cast<std::size_t>(element_count(batch_shape(count))));
  float* out = values.data();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint8_t* const image = data_.images.data() + indices[i] * height_ * width_ * channels_;
    Random random(seed, static_cast<std::uint64_t>(epoch) * kImagesPerEpoch + static_cast<std::uint64_t>(indices[i]));
    const int border = augmentation.crop_border;
    const std::int64_t shift_y = border > 0 ? random.between(-border, border) : 0;
    const std::int64_t shift_x = border > 0 ? random.between(-border, border) : 0;
    const bool is_mirrored = augmentation.flip && random.coin();
    for (std::int64_t y = 0; y < height_; ++y)
      for (std::int64_t x = 0; x < width_; ++x) {
        const std::int64_t from_y = y + shift_y, from_x = (is_mirrored ? width_ - 1 - x : x) + shift_x;
        const bool is_inside = from_y >= 0 && from_y < height_ && from_x >= 0 && from_x < width_;
        const std::uint8_t* const pixel = is_inside ? image + (from_y * width_ + from_x) * channels_ : nullptr;
        for (std::int64_t c = 0; c < channels_; ++c) *out++ = table_[static_cast<std::size_t>(c * 256 + (pixel ? pixel[c] : 0))];
      }
  }
}

}  // namespace dyad::training
