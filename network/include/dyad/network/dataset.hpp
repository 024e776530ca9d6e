/// \file Labelled images: CIFAR-10 binary and idx files (plain or gzip) behind one type.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/network.hpp"

namespace dyad::network {

/// Which part of a data folder to read (DESIGN section 7, `--data`).
enum class Split { kTest, kTrain };

/// Images (N, H, W, C) u8 and one label an image.
struct Dataset {
  std::string name;
  Tensor<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  /// Images [begin, begin + count) as (count, H, W, C) float32: (u8 / 255 - mean) / stddev; with mean 0 and
  /// stddev float32(1 / 255) exactly the byte.
  Tensor<float> normalized(std::int64_t begin, std::int64_t count, const Normalization& normalization) const;
  /// The images at these indices, in that order.
  Dataset subset(const std::vector<std::int64_t>& indices) const;
};

/// A file, or a folder in which the split's files are looked for: CIFAR `test_batch.bin` / `data_batch_*.bin` else `train*.bin`;
/// idx `t10k-*` / `train-*`. Errors name the file and the byte where it breaks off.
Result<Dataset> load_dataset(const std::filesystem::path& path, Split split);

/// `cifar10`, `imagenet`, `mnist`, `unit`, `none` or "mean=a,b,c;std=d,e,f".
Result<Normalization> normalization_from_name(std::string_view text, std::int64_t channels);
/// The model's own, else `imagenet` for three channels and `unit` for one.
Normalization default_normalization(const Network& network, std::int64_t channels);

}  // namespace dyad::network
