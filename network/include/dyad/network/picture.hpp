/// \file One picture: decoding JPEG and PNG, resizing and cropping as the usual ImageNet preprocessing does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad::network {

/// Rows of RGB bytes.
struct Picture {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> pixels;
};

/// JPEG (grey, YCbCr, CMYK) or PNG by its first bytes, as RGB; transparency is dropped. Errors name the file.
Result<Picture> read_picture(const std::filesystem::path& file);

/// Triangle filter with antialiasing, in Pillow's fixed-point arithmetic (BILINEAR): the same bytes as PIL.Image.resize.
Picture resized(const Picture& picture, std::int64_t height, std::int64_t width);

/// Shorter side to round(size * 256 / 224), then the centre of size x size (torchvision's Resize and CenterCrop).
Picture resized_and_cropped(const Picture& picture, std::int64_t size);

}  // namespace dyad::network
