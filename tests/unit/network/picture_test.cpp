// Pictures and folders of them: decoding, resizing against Pillow's bytes, labels, order and every broken file.
#include "dyad/network/picture.hpp"

#include <gtest/gtest.h>
#include <jpeglib.h>
#include <png.h>

#include <cstdio>

#include "dyad/base/files.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/network/dataset.hpp"
#include "support/test_data.hpp"

namespace dyad::network {
namespace {
namespace fs = std::filesystem;
using testing_support::TemporaryFolder;

Picture pattern(std::int64_t height, std::int64_t width) {
  Picture picture{height, width, {}};
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (std::int64_t c = 0; c < 3; ++c) picture.pixels.push_back(static_cast<std::uint8_t>(37 * y + 11 * x + 91 * c + y * x * c));
  return picture;
}

void write_png(const fs::path& file, const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = PNG_FORMAT_RGB;
  ASSERT_NE(png_image_write_to_file(&image, file.c_str(), 0, picture.pixels.data(), 0, nullptr), 0);
}

// `components` 1: grey, 3: RGB, 4: inks as they are.
void write_jpeg(const fs::path& file, std::int64_t height, std::int64_t width, int components, const std::vector<std::uint8_t>& pixels) {
  std::FILE* out = std::fopen(file.c_str(), "wb");
  ASSERT_NE(out, nullptr);
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  jpeg_stdio_dest(&info, out);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = components;
  info.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPLE*>(pixels.data() + static_cast<std::size_t>(info.next_scanline) * info.image_width * components);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::fclose(out);
}

// Pillow 9.4: Image.fromarray(pattern).resize((width, height), Image.BILINEAR).
TEST(Picture, ResizesToPillowsBytes) {
  const Picture smaller = resized(pattern(5, 7), 3, 4), larger = resized(pattern(4, 3), 6, 5), narrow = resized(pattern(9, 4), 2, 4);
  EXPECT_EQ(smaller.pixels,
            (std::vector<std::uint8_t>{22,  113, 204, 39,  131, 192, 59,  152, 135, 76,  169, 153, 80,  172, 65,  97,  192, 72,
                                       117, 175, 59,  134, 179, 82,  138, 224, 68,  155, 136, 96,  175, 55,  129, 192, 47,  157}));
  EXPECT_EQ(larger.pixels,
            (std::vector<std::uint8_t>{0,   91,  182, 4,   95,  186, 11,  102, 193, 18,  109, 200, 22,  113, 204, 19,  110, 201,
                                       23,  114, 205, 30,  121, 213, 37,  128, 220, 41,  133, 225, 43,  134, 182, 47,  139, 188,
                                       54,  146, 196, 61,  154, 204, 65,  159, 209, 68,  159, 37,  72,  164, 42,  79,  172, 51,
                                       86,  179, 60,  90,  184, 66,  93,  184, 19,  97,  189, 25,  104, 197, 35,  111, 205, 44,
                                       115, 211, 51,  111, 202, 37,  115, 208, 44,  122, 216, 54,  129, 224, 64,  133, 230, 71}));
  EXPECT_EQ(narrow.pixels, (std::vector<std::uint8_t>{81,  150, 101, 92,  163, 116, 103, 144, 131, 114, 157, 93,
                                                      121, 104, 141, 132, 121, 164, 143, 105, 147, 154, 122, 115}));
}

TEST(Picture, ReadsWhatWasWritten) {
  const TemporaryFolder folder;
  const Picture picture = pattern(12, 9);
  write_png(folder / "a.png", picture);
  const auto png = read_picture(folder / "a.png");
  ASSERT_TRUE(png) << png.error().message;
  EXPECT_EQ(png->pixels, picture.pixels);

  write_jpeg(folder / "grey.jpg", 16, 16, 1, std::vector<std::uint8_t>(256, 77));
  const auto grey = read_picture(folder / "grey.jpg");
  ASSERT_TRUE(grey) << grey.error().message;
  EXPECT_EQ(grey->pixels, std::vector<std::uint8_t>(768, 77));

  // Adobe's inverted inks: 255 is none. Cyan 100, magenta 200, yellow none, black 128 of 255 left.
  std::vector<std::uint8_t> inks;
  for (int i = 0; i < 256; ++i) inks.insert(inks.end(), {100, 200, 255, 128});
  write_jpeg(folder / "inks.jpg", 16, 16, 4, inks);
  const auto colours = read_picture(folder / "inks.jpg");
  ASSERT_TRUE(colours) << colours.error().message;
  EXPECT_NEAR(colours->pixels[0], 50, 2);
  EXPECT_NEAR(colours->pixels[1], 100, 2);
  EXPECT_NEAR(colours->pixels[2], 128, 2);
}

TEST(Picture, BrokenFilesAreErrors) {
  const TemporaryFolder folder;
  write_png(folder / "a.png", pattern(12, 9));
  auto bytes = *read_bytes(folder / "a.png");
  bytes.resize(bytes.size() / 2);
  ASSERT_TRUE(write_bytes(folder / "half.png", bytes));
  ASSERT_TRUE(write_bytes(folder / "text.jpg", std::vector<std::uint8_t>{'h', 'e', 'l', 'l', 'o'}));
  ASSERT_TRUE(write_bytes(folder / "start.jpg", std::vector<std::uint8_t>{0xFF, 0xD8, 0xFF}));
  ASSERT_TRUE(write_bytes(folder / "empty.jpg", std::vector<std::uint8_t>{}));
  for (const char* name : {"half.png", "text.jpg", "start.jpg", "empty.jpg", "absent.jpg"}) {
    const auto picture = read_picture(folder / name);
    ASSERT_FALSE(picture) << name;
    EXPECT_NE(picture.error().place.find(name), std::string::npos);
    EXPECT_FALSE(picture.error().hint.empty()) << name;
  }
}

TEST(PictureFolder, LabelsByOrderOfNamesOnAnyNumberOfThreads) {
  const TemporaryFolder folder;
  for (const char* name : {"val/n02", "val/n01", "train/n01"}) fs::create_directories(folder / name);
  write_png(folder / "val/n01/b.png", pattern(40, 60));
  write_jpeg(folder / "val/n01/a.JPEG", 50, 30, 3, pattern(50, 30).pixels);
  write_png(folder / "val/n02/c.png", pattern(33, 33));
  ASSERT_TRUE(write_text(folder / "val/n02/notes.txt", "no picture"));
  const auto images = load_dataset(folder.path(), Split::kTest, 28);
  ASSERT_TRUE(images) << images.error().message;
  EXPECT_EQ(images->labels, (std::vector<std::int32_t>{0, 0, 1}));
  EXPECT_EQ(images->images.shape(), (Shape{3, 28, 28, 3}));
  const Picture third = resized_and_cropped(pattern(33, 33), 28);
  const auto values = images->images.values();
  EXPECT_TRUE(std::equal(third.pixels.begin(), third.pixels.end(), values.begin() + 2 * 28 * 28 * 3));
  set_thread_count(1);
  EXPECT_EQ(load_dataset(folder.path(), Split::kTest, 28)->images, images->images);
  set_thread_count(0);

  const auto none = load_dataset(folder.path(), Split::kTrain, 28);
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("holds no pictures"), std::string::npos);
  ASSERT_TRUE(write_text(folder / "val/n02/d.png", "no picture"));
  const auto broken = load_dataset(folder.path(), Split::kTest, 28);
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().place.find("d.png"), std::string::npos);
}

// The shorter side becomes 256 / 224 of the size; the centre is kept.
TEST(Picture, CropsTheCentre) {
  const Picture picture = pattern(64, 128);  // 28: 32 rows, 64 columns, then rows 2 to 29, columns 18 to 45
  const Picture whole = resized(picture, 32, 64), centre = resized_and_cropped(picture, 28);
  EXPECT_EQ(centre.height, 28);
  for (std::int64_t y = 0; y < 28; ++y)
    for (std::int64_t i = 0; i < 28 * 3; ++i)
      ASSERT_EQ(centre.pixels[static_cast<std::size_t>(y * 84 + i)], whole.pixels[static_cast<std::size_t>((y + 2) * 192 + 54 + i)]);
}

}  // namespace
}  // namespace dyad::network
