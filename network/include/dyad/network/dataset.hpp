/// \file Labelled images: CIFAR-10 binary, idx files (plain or gzip) and folders of JPEG or PNG pictures behind one type.
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
/// idx `t10k-*` / `train-*`; pictures `val/CLASS/*` / `train/CLASS/*`, whose shorter side becomes picture_size * 256 / 224 and whose
/// centre of picture_size squared is kept, in RGB. Errors name the file and the byte where it breaks off.
Result<Dataset> load_dataset(const std::filesystem::path& path, Split split, std::int64_t picture_size = 224);

/// The folders of classes in a picture folder, by name; empty when there are none.
std::vector<std::filesystem::path> class_folders(const std::filesystem::path& folder);

/// The pictures (.jpg, .jpeg, .png, upper case too) of one class, by name.
std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder);

/// `cifar10`, `imagenet`, `mnist`, `unit`, `none` or "mean=a,b,c;std=d,e,f".
Result<Normalization> normalization_from_name(std::string_view text, std::int64_t channels);
/// The model's own, else `imagenet` for three channels and `unit` for one.
Normalization default_normalization(const Network& network, std::int64_t channels);

}  // namespace dyad::network
