/// \file Batches of normalized images: order and augmentation are functions of (seed, epoch, image), so nothing has to be saved.
#pragma once

#include <cstdint>
#include <vector>

#include "dyad/network/dataset.hpp"

namespace dyad::training {

struct Augmentation {
  int crop_border = 0;  ///< black pixels added on each side before a crop of the image's size at a random place
  bool flip = false;    ///< mirror left and right with probability 1/2
};

/// Makes batches of one data set, which must outlive it.
class Batches {
 public:
  Batches(const network::Dataset& data, const network::Normalization& normalization);

  /// Image indices of an epoch in their order.
  std::vector<std::int64_t> order(std::uint64_t seed, int epoch) const;
  /// Fills `values` with these images, (count, H, W, C): (u8 / 255 - mean) / stddev.
  void fill(const std::int64_t* indices, std::int64_t count, std::vector<float>& values) const;
  /// The same with augmentation drawn from (seed, epoch, image).
  void fill_augmented(const std::int64_t* indices, std::int64_t count, const Augmentation& augmentation, std::uint64_t seed, int epoch,
                      std::vector<float>& values) const;
  Shape batch_shape(std::int64_t count) const { return {count, height_, width_, channels_}; }

 private:
  const network::Dataset& data_;
  std::int64_t height_, width_, channels_;
  std::vector<float> table_;  ///< (channels, 256)
};

}  // namespace dyad::training
