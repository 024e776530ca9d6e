// Readers of one labelled image file.
#pragma once

#include <filesystem>

#include "dyad/base/result.hpp"
#include "dyad/network/dataset.hpp"

namespace dyad::network {

/// CIFAR-10 binary: records of one label byte and three 32 x 32 planes (red, green, blue).
Result<Dataset> read_cifar10(const std::filesystem::path& file);
/// idx3 images and idx1 labels, each plain or gzip.
Result<Dataset> read_idx(const std::filesystem::path& images, const std::filesystem::path& labels);

}  // namespace dyad::network
