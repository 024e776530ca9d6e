// Readers of one labelled image file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/network/dataset.hpp"

namespace dyad::network {

/// CIFAR-10 binary: records of one label byte and three 32 x 32 planes (red, green, blue).
Result<Dataset> read_cifar10(const std::filesystem::path& file);
/// idx3 images and idx1 labels, each plain or gzip.
Result<Dataset> read_idx(const std::filesystem::path& images, const std::filesystem::path& labels);

/// A folder with one folder of pictures a class; the classes' labels are their places among the names in order, and so are the
/// pictures within a class. Pictures are resized and cropped to size x size (picture.hpp) in parallel.
/// Errors name the folder or the first picture that can't be read, or say that the pictures don't fit into memory.
Result<Dataset> read_picture_folder(const std::filesystem::path& folder, std::int64_t size);

}  // namespace dyad::network
