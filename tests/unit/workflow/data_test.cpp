// Records of CIFAR-10 from its pictures, and subsets of picture folders.
#include "dyad/workflow/data.hpp"

#include <gtest/gtest.h>
#include <png.h>

#include <nlohmann/json.hpp>
#include <set>

#include "dyad/base/files.hpp"
#include "dyad/network/dataset.hpp"
#include "support/test_data.hpp"

namespace dyad::workflow {
namespace {
namespace fs = std::filesystem;
using testing_support::TemporaryFolder;

void write_png(const fs::path& file, int height, int width, const std::vector<std::uint8_t>& pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB;
  ASSERT_NE(png_image_write_to_file(&image, file.c_str(), 0, pixels.data(), 0, nullptr), 0);
}

TEST(Data, RecordsAreLabelThenPlanes) {
  const TemporaryFolder folder;
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < 2 * 1024; ++i)
    for (const int c : {0, 1, 2}) pixels.push_back(static_cast<std::uint8_t>(i / 1024 * 100 + i % 1024 % 7 + 30 * c));
  write_png(folder / "batch.png", 2, 1024, pixels);
  const auto records = cifar10_records(folder / "batch.png", std::vector<int>{3, 9});
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 2u * 3073u);
  EXPECT_EQ((*records)[0], 3);
  EXPECT_EQ((*records)[3073], 9);
  EXPECT_EQ((*records)[1 + 6], 6);                  // red of pixel 6
  EXPECT_EQ((*records)[1 + 1024 + 6], 36);          // its green
  EXPECT_EQ((*records)[3073 + 1 + 2048 + 8], 161);  // blue of pixel 8 of the second image
  const auto wrong = cifar10_records(folder / "batch.png", std::vector<int>{3});
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("1024 x 1"), std::string::npos);
}

// Five classes of six training and three validation pictures.
void make_source(const TemporaryFolder& folder) {
  for (const char* split : {"train", "val"})
    for (int c = 0; c < 5; ++c) {
      const fs::path place = folder / (std::string(split) + "/n0" + std::to_string(c));
      fs::create_directories(place);
      for (int i = 0; i < (split == std::string("train") ? 6 : 3); ++i)
        write_png(place / (std::to_string(i) + ".png"), 4, 4, std::vector<std::uint8_t>(48, static_cast<std::uint8_t>(10 * c + i)));
    }
}

std::set<std::string> files_below(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (!entry.is_directory()) names.insert(entry.path().lexically_relative(folder).string());
  return names;
}

TEST(DataSubset, TakesClassesAndPicturesBySeed) {
  const TemporaryFolder folder;
  make_source(folder);
  SilentProgress progress;
  SubsetOptions options;
  options.classes = 3;
  options.train_per_class = 2;
  options.val_per_class = 2;
  options.val_from_train = true;
  options.seed = 7;
  const auto made = make_subset(folder.path(), options, folder / "a", progress);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->at("train"), 6);
  EXPECT_EQ(made->at("val"), 6);
  options.copy = true;
  ASSERT_TRUE(make_subset(folder.path(), options, folder / "b", progress));
  EXPECT_EQ(files_below(folder / "a"), files_below(folder / "b"));
  for (const std::string& name : files_below(folder / "b"))
    EXPECT_FALSE(name.starts_with("val/") && fs::exists(folder / "b" / ("train" + name.substr(3)))) << name << " is in both splits";
  options.seed = 8;
  ASSERT_TRUE(make_subset(folder.path(), options, folder / "c", progress));
  EXPECT_NE(files_below(folder / "a"), files_below(folder / "c"));
  const auto images = network::load_dataset(folder / "a", network::Split::kTrain, 4);
  ASSERT_TRUE(images) << images.error().message;
  EXPECT_EQ(images->labels, (std::vector<std::int32_t>{0, 0, 1, 1, 2, 2}));
}

TEST(DataSubset, RefusesWhatCannotBeAndLeavesNothing) {
  const TemporaryFolder folder;
  make_source(folder);
  SilentProgress progress;
  const auto message = [&](const SubsetOptions& options) {
    const auto made = make_subset(folder.path(), options, folder / "out", progress);
    EXPECT_FALSE(made);
    EXPECT_FALSE(fs::exists(folder / "out"));
    return made ? std::string() : made.error().message;
  };
  SubsetOptions many;
  many.classes = 6;
  EXPECT_NE(message(many).find("5 classes, not 6"), std::string::npos);
  SubsetOptions unknown;
  unknown.class_names = {"n09"};
  EXPECT_NE(message(unknown).find("no class 'n09'"), std::string::npos);
  SubsetOptions few;
  few.classes = 2;
  few.val_per_class = 4;
  EXPECT_NE(message(few).find("too few"), std::string::npos);
  SubsetOptions all;
  all.classes = 2;
  all.val_from_train = true;
  all.val_per_class = 6;
  EXPECT_NE(message(all).find("too few"), std::string::npos);
  fs::create_directory(folder / "full");
  ASSERT_TRUE(write_text(folder / "full/mine.txt", "keep"));
  SubsetOptions good;
  good.classes = 2;
  const auto refused = make_subset(folder.path(), good, folder / "full", progress);
  ASSERT_FALSE(refused);
  EXPECT_EQ(files_below(folder / "full"), (std::set<std::string>{"mine.txt"}));
}

}  // namespace
}  // namespace dyad::workflow
