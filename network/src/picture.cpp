#include "dyad/network/picture.hpp"

#include <jpeglib.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csetjmp>
#include <cstdio>  // before jpeglib.h, which needs FILE

#include "dyad/base/files.hpp"

namespace dyad::network {
namespace {

constexpr std::int64_t kLargestSide = 1 << 15;

Error damaged(const std::filesystem::path& file, const std::string& what) {
  return Error{file.string(), "can't be decoded: " + what, "the picture is damaged; fetch it again or remove it"};
}

struct JpegFailure {
  jpeg_error_mgr manager;
  std::jmp_buf back;
  std::array<char, JMSG_LENGTH_MAX> message;
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* failure = reinterpret_cast<JpegFailure*>(info->err);
  info->err->format_message(info, failure->message.data());
  std::longjmp(failure->back, 1);
}

void stay_silent(j_common_ptr, int) {}

// libjpeg leaves by longjmp, so everything with a destructor lives with the caller. False: `failure` holds the message.
bool decode_jpeg(const std::vector<std::uint8_t>& bytes, Picture& picture, std::vector<std::uint8_t>& inks, JpegFailure& failure) {
  jpeg_decompress_struct info;
  info.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = leave;
  failure.manager.emit_message = stay_silent;
  if (setjmp(failure.back) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes.data(), bytes.size());
  jpeg_read_header(&info, TRUE);
  const bool has_inks = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = has_inks ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&info);
  picture.height = info.output_height;
  picture.width = info.output_width;
  const std::size_t row = static_cast<std::size_t>(picture.width) * (has_inks ? 4 : 3);
  std::vector<std::uint8_t>& target = has_inks ? inks : picture.pixels;
  target.resize(row * static_cast<std::size_t>(picture.height));
  while (info.output_scanline < info.output_height) {
    JSAMPROW line = target.data() + row * info.output_scanline;
    jpeg_read_scanlines(&info, &line, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

// Adobe's files hold inverted inks: 255 is no ink.
void inks_to_rgb(const std::vector<std::uint8_t>& inks, Picture& picture) {
  picture.pixels.resize(inks.size() / 4 * 3);
  for (std::size_t i = 0; i < inks.size() / 4; ++i)
    for (std::size_t c = 0; c < 3; ++c) {
      const int product = inks[4 * i + c] * inks[4 * i + 3];
      picture.pixels[3 * i + c] = static_cast<std::uint8_t>((product + 127) / 255);
    }
}

Result<Picture> read_jpeg(const std::filesystem::path& file, const std::vector<std::uint8_t>& bytes) {
  Picture picture;
  std::vector<std::uint8_t> inks;
  JpegFailure failure{};
  if (!decode_jpeg(bytes, picture, inks, failure)) return damaged(file, failure.message.data());
  if (!inks.empty()) inks_to_rgb(inks, picture);
  return picture;
}

Result<Picture> read_png(const std::filesystem::path& file, const std::vector<std::uint8_t>& bytes) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const struct Closer {
    png_image* image;
    ~Closer() { png_image_free(image); }
  } closer{&image};
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) return damaged(file, image.message);
  image.format = PNG_FORMAT_RGB;
  if (image.width > kLargestSide || image.height > kLargestSide)
    return damaged(file, std::to_string(image.width) + " x " + std::to_string(image.height) + " pixels");
  Picture picture{image.height, image.width, {}};
  picture.pixels.resize(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};
  if (png_image_finish_read(&image, &black, picture.pixels.data(), 0, nullptr) == 0) return damaged(file, image.message);
  return picture;
}

// Weights of one output position: which input positions it reads and with what fixed-point factors.
struct Taps {
  std::int64_t first = 0;
  std::vector<std::int32_t> factors;
};

constexpr int kPrecision = 32 - 8 - 2;  // bits of fraction, Pillow's

std::vector<Taps> triangle_taps(std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out), support = std::max(scale, 1.0);
  std::vector<Taps> taps(static_cast<std::size_t>(out));
  for (std::int64_t i = 0; i < out; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - support + 0.5));
    const auto end = std::min(in, static_cast<std::int64_t>(centre + support + 0.5));
    std::vector<double> weights;
    double sum = 0;
    for (std::int64_t x = first; x < end; ++x) {
      weights.push_back(std::max(0.0, 1.0 - std::fabs((static_cast<double>(x) - centre + 0.5) / support)));
      sum += weights.back();
    }
    Taps& tap = taps[static_cast<std::size_t>(i)];
    tap.first = first;
    for (const double weight : weights) tap.factors.push_back(static_cast<std::int32_t>(0.5 + weight / sum * (1 << kPrecision)));
  }
  return taps;
}

std::uint8_t rounded(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kPrecision, 0, 255)); }

Picture resized_rows(const Picture& picture, std::int64_t width) {
  const std::vector<Taps> taps = triangle_taps(picture.width, width);
  Picture result{picture.height, width, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * picture.height * width))};
  for (std::int64_t y = 0; y < picture.height; ++y)
    for (std::int64_t x = 0; x < width; ++x) {
      const Taps& tap = taps[static_cast<std::size_t>(x)];
      for (std::int64_t c = 0; c < 3; ++c) {
        std::int32_t sum = 1 << (kPrecision - 1);
        const std::uint8_t* from = picture.pixels.data() + 3 * (y * picture.width + tap.first) + c;
        for (std::size_t k = 0; k < tap.factors.size(); ++k) sum += from[3 * k] * tap.factors[k];
        result.pixels[static_cast<std::size_t>(3 * (y * width + x) + c)] = rounded(sum);
      }
    }
  return result;
}

Picture resized_columns(const Picture& picture, std::int64_t height) {
  const std::vector<Taps> taps = triangle_taps(picture.height, height);
  const std::int64_t row = 3 * picture.width;
  Picture result{height, picture.width, std::vector<std::uint8_t>(static_cast<std::size_t>(row * height))};
  for (std::int64_t y = 0; y < height; ++y) {
    const Taps& tap = taps[static_cast<std::size_t>(y)];
    for (std::int64_t i = 0; i < row; ++i) {
      std::int32_t sum = 1 << (kPrecision - 1);
      const std::uint8_t* from = picture.pixels.data() + tap.first * row + i;
      for (std::size_t k = 0; k < tap.factors.size(); ++k) sum += from[static_cast<std::int64_t>(k) * row] * tap.factors[k];
      result.pixels[static_cast<std::size_t>(y * row + i)] = rounded(sum);
    }
  }
  return result;
}

Picture cropped(const Picture& picture, std::int64_t size) {
  // Ties to even, as Python's round.
  const auto margin = [size](std::int64_t side) {
    return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(side - size) / 2.0));
  };
  const std::int64_t top = margin(picture.height), left = margin(picture.width);
  Picture result{size, size, {}};
  result.pixels.reserve(static_cast<std::size_t>(3 * size * size));
  for (std::int64_t y = top; y < top + size; ++y) {
    const auto from = picture.pixels.begin() + 3 * (y * picture.width + left);
    result.pixels.insert(result.pixels.end(), from, from + 3 * size);
  }
  return result;
}

}  // namespace

Result<Picture> read_picture(const std::filesystem::path& file) {
  DYAD_TRY(const std::vector<std::uint8_t> bytes, read_bytes(file));
  constexpr std::array<std::uint8_t, 4> kPng = {0x89, 'P', 'N', 'G'};
  if (bytes.size() >= 2 && bytes[0] == 0xFF && bytes[1] == 0xD8) return read_jpeg(file, bytes);
  if (bytes.size() >= kPng.size() && std::equal(kPng.begin(), kPng.end(), bytes.begin())) return read_png(file, bytes);
  return Error{file.string(), "is neither a JPEG nor a PNG picture", "its first bytes are those of another format"};
}

Picture resized(const Picture& picture, std::int64_t height, std::int64_t width) {
  DYAD_EXPECT(height >= 1 && width >= 1 && picture.height >= 1 && picture.width >= 1, "a picture without pixels");
  const Picture wide = width == picture.width ? picture : resized_rows(picture, width);
  return height == picture.height ? wide : resized_columns(wide, height);
}

Picture resized_and_cropped(const Picture& picture, std::int64_t size) {
  const std::int64_t shorter = std::lround(static_cast<double>(size) * 256.0 / 224.0);
  const bool is_tall = picture.height > picture.width;
  const std::int64_t longer = shorter * std::max(picture.height, picture.width) / std::min(picture.height, picture.width);
  return cropped(resized(picture, is_tall ? longer : shorter, is_tall ? shorter : longer), size);
}

}  // namespace dyad::network
