// Data sets: layouts worked by hand, the folder rules, and every way in which a file can be broken.
#include "dyad/network/dataset.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <zlib.h>

#include <cmath>
#include <fstream>

#include "dyad/base/files.hpp"
#include "dyad/base/random.hpp"
#include "support/test_data.hpp"

namespace dyad::network {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;
using testing_support::TemporaryFolder;

constexpr std::size_t kRecord = 3073;

void write(const fs::path& file, const Bytes& bytes) { ASSERT_TRUE(write_bytes(file, bytes)); }

Bytes cifar_records(const std::vector<int>& labels, std::uint64_t seed = 1) {
  Random random(seed);
  Bytes bytes;
  for (const int label : labels) {
    bytes.push_back(static_cast<std::uint8_t>(label));
    for (std::size_t i = 1; i < kRecord; ++i) bytes.push_back(static_cast<std::uint8_t>(random.below(256)));
  }
  return bytes;
}

void put_big_endian(Bytes& bytes, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(value >> shift));
}

Bytes idx_images(std::uint32_t count, std::uint32_t rows, std::uint32_t columns) {
  Bytes bytes;
  for (const std::uint32_t word : {0x803u, count, rows, columns}) put_big_endian(bytes, word);
  for (std::uint32_t i = 0; i < count * rows * columns; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  return bytes;
}

Bytes idx_labels(const std::vector<int>& labels) {
  Bytes bytes;
  put_big_endian(bytes, 0x801u);
  put_big_endian(bytes, static_cast<std::uint32_t>(labels.size()));
  for (const int label : labels) bytes.push_back(static_cast<std::uint8_t>(label));
  return bytes;
}

Bytes gzipped(const Bytes& bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes packed(deflateBound(&stream, bytes.size()) + 64);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Error failure(const fs::path& path, Split split = Split::kTest) {
  const auto result = load_dataset(path, split);
  EXPECT_FALSE(result) << path;
  if (result) return {};
  EXPECT_FALSE(result.error().hint.empty());
  return result.error();
}

#define EXPECT_MENTIONS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

TEST(Cifar10, PlanesBecomeChannels) {
  const TemporaryFolder folder;
  const Bytes bytes = cifar_records({3, 9});
  write(folder / "some.bin", bytes);
  const Dataset dataset = load_dataset(folder / "some.bin", Split::kTrain).value();
  EXPECT_EQ(dataset.images.shape(), (Shape{2, 32, 32, 3}));
  EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{3, 9}));
  for (std::size_t image = 0; image < 2; ++image)
    for (std::size_t pixel = 0; pixel < 1024; ++pixel)
      for (std::size_t channel = 0; channel < 3; ++channel)
        ASSERT_EQ(dataset.images[static_cast<std::int64_t>((image * 1024 + pixel) * 3 + channel)],
                  bytes[image * kRecord + 1 + channel * 1024 + pixel]);
}

TEST(Cifar10, FolderRules) {
  const TemporaryFolder folder;
  EXPECT_MENTIONS(failure(folder.path()).message, "no test images");
  EXPECT_MENTIONS(failure(folder.path(), Split::kTrain).message, "no training images");
  write(folder / "test_batch.bin", cifar_records({1}));
  write(folder / "train_b.bin", cifar_records({3, 4}));
  write(folder / "train_a.bin", cifar_records({2}));
  EXPECT_EQ(load_dataset(folder.path(), Split::kTest).value().labels, (std::vector<std::int32_t>{1}));
  const Dataset train = load_dataset(folder.path(), Split::kTrain).value();
  EXPECT_EQ(train.labels, (std::vector<std::int32_t>{2, 3, 4}));
  EXPECT_EQ(train.images.shape(), (Shape{3, 32, 32, 3}));
  write(folder / "data_batch_1.bin", cifar_records({5}));
  write(folder / "data_batch_2.bin", cifar_records({6}));
  EXPECT_EQ(load_dataset(folder.path(), Split::kTrain).value().labels, (std::vector<std::int32_t>{5, 6}));
}

TEST(Cifar10, BrokenFilesNameThePlace) {
  const TemporaryFolder folder;
  write(folder / "empty.bin", {});
  EXPECT_MENTIONS(failure(folder / "empty.bin").message, "empty");
  Bytes bytes = cifar_records({1, 2});
  bytes.resize(kRecord + 10);
  write(folder / "short.bin", bytes);
  EXPECT_EQ(failure(folder / "short.bin").place, (folder / "short.bin").string());
  EXPECT_MENTIONS(failure(folder / "short.bin").message, "byte 3083, inside record 1");
  write(folder / "label.bin", cifar_records({1, 2, 10}));
  EXPECT_MENTIONS(failure(folder / "label.bin").message, "label 10 of record 2 at byte 6146");
  EXPECT_MENTIONS(failure(folder / "absent.bin").message, "does not exist");
}

TEST(Idx, PlainAndGzipInEveryNaming) {
  for (const char* separator : {"-", "."}) {
    for (const bool packed_images : {false, true}) {
      for (const bool packed_labels : {false, true}) {
        const TemporaryFolder folder;
        const std::string images = std::string("t10k-images") + separator + "idx3-ubyte" + (packed_images ? ".gz" : "");
        const std::string labels = std::string("t10k-labels") + separator + "idx1-ubyte" + (packed_labels ? ".gz" : "");
        write(folder / images, packed_images ? gzipped(idx_images(3, 2, 4)) : idx_images(3, 2, 4));
        write(folder / labels, packed_labels ? gzipped(idx_labels({7, 0, 9})) : idx_labels({7, 0, 9}));
        for (const fs::path& path : {folder.path(), folder / images}) {
          const Dataset dataset = load_dataset(path, Split::kTest).value();
          EXPECT_EQ(dataset.images.shape(), (Shape{3, 2, 4, 1}));
          EXPECT_EQ(dataset.labels, (std::vector<std::int32_t>{7, 0, 9}));
          for (std::int64_t i = 0; i < 24; ++i) EXPECT_EQ(dataset.images[i], i);
        }
        EXPECT_MENTIONS(failure(folder.path(), Split::kTrain).message, "no training images");
      }
    }
  }
}

TEST(Idx, GzipOfTwoMembers) {
  const TemporaryFolder folder;
  const Bytes images = idx_images(3, 2, 4);
  Bytes packed = gzipped(Bytes(images.begin(), images.begin() + 9));
  const Bytes rest = gzipped(Bytes(images.begin() + 9, images.end()));
  packed.insert(packed.end(), rest.begin(), rest.end());
  write(folder / "train-images-idx3-ubyte.gz", packed);
  write(folder / "train-labels-idx1-ubyte", idx_labels({1, 2, 3}));
  EXPECT_EQ(load_dataset(folder.path(), Split::kTrain).value().size(), 3);
}

TEST(Idx, BrokenFilesNameThePlace) {
  const TemporaryFolder folder;
  const fs::path images = folder / "t10k-images-idx3-ubyte", labels = folder / "t10k-labels-idx1-ubyte";
  const auto message = [&](const Bytes& image_bytes, const Bytes& label_bytes) {
    write(images, image_bytes);
    write(labels, label_bytes);
    return failure(images).message;
  };
  const Bytes good = idx_images(2, 2, 2), classes = idx_labels({1, 2});
  EXPECT_MENTIONS(message({}, classes), "byte 0");
  EXPECT_MENTIONS(message(Bytes(good.begin(), good.end() - 1), classes), "breaks off at byte 23 of 24, in record 1");
  Bytes wrong = good;
  wrong[2] = 0x0D;  // floats
  EXPECT_MENTIONS(message(wrong, classes), "magic number");
  EXPECT_MENTIONS(message(classes, classes), "magic number");
  wrong = good;
  wrong.push_back(0);
  EXPECT_MENTIONS(message(wrong, classes), "1 bytes more");
  wrong = good;
  wrong[7] = 0;  // no images
  EXPECT_MENTIONS(message(wrong, classes), "extent 0 at byte 4");
  wrong = good;
  for (std::size_t i = 4; i < 16; ++i) wrong[i] = 0xFF;  // extents whose product overflows
  EXPECT_MENTIONS(message(wrong, classes), "out of range");
  EXPECT_MENTIONS(message(good, idx_labels({1, 2, 3})), "3 labels for the 2 images");
  EXPECT_MENTIONS(message(good, idx_labels({1, 10})), "label 10 of record 1 at byte 9");
  fs::remove(labels);
  EXPECT_MENTIONS(failure(images).message, "t10k-labels-idx1-ubyte");
  write(folder / "other", good);
  EXPECT_MENTIONS(failure(folder / "other").message, "neither");
}

TEST(Dataset, OnePictureHasNoLabel) {
  const TemporaryFolder folder;
  write(folder / "n01440764_10026.JPEG", {0xFF, 0xD8});
  EXPECT_MENTIONS(failure(folder / "n01440764_10026.JPEG").message, "without a label");
}

// Whatever is cut off or changed, there is a data set or an Error with a place and a hint; never a crash.
RC_GTEST_PROP(Dataset, SurvivesDamage, ()) {
  const TemporaryFolder folder;
  const int format = *rc::gen::inRange(0, 3);
  Bytes bytes = format == 0 ? cifar_records({1, 2, 3}) : format == 1 ? idx_images(5, 7, 3) : gzipped(idx_images(5, 7, 3));
  const auto changes = *rc::gen::inRange(0, 4);
  for (int i = 0; i < changes; ++i) {
    const auto near_start = *rc::gen::arbitrary<bool>();
    const auto at = *rc::gen::inRange<std::size_t>(0, near_start ? 20 : bytes.size());
    bytes[at] = *rc::gen::arbitrary<std::uint8_t>();
  }
  bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
  const fs::path file = folder / (format == 0 ? "data.bin" : "x-images-idx3-ubyte");
  RC_ASSERT(write_bytes(file, bytes).has_value());
  RC_ASSERT(write_bytes(folder / "x-labels-idx1-ubyte", idx_labels({0, 1, 2, 3, 4})).has_value());
  const auto result = load_dataset(file, Split::kTest);
  if (result) {
    RC_ASSERT(result->images.extent(0) == result->size());
    RC_ASSERT(result->size() > 0);
  } else {
    RC_ASSERT(result.error().place == file.string() || result.error().place == (folder / "x-labels-idx1-ubyte").string());
    RC_ASSERT(!result.error().hint.empty());
  }
}

TEST(Dataset, EveryTruncationOfASmallIdxFileIsAnError) {
  const TemporaryFolder folder;
  const fs::path images = folder / "t-images-idx3-ubyte";
  write(folder / "t-labels-idx1-ubyte", idx_labels({0, 1}));
  for (const Bytes& whole : {idx_images(2, 3, 3), gzipped(idx_images(2, 3, 3))}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      write(images, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
      EXPECT_MENTIONS(failure(images).message, "byte");
    }
    write(images, whole);
    EXPECT_TRUE(load_dataset(images, Split::kTest));
  }
}

TEST(Dataset, NormalizedIsTheFloat32Formula) {
  Dataset dataset;
  dataset.images = Tensor<std::uint8_t>({2, 1, 1, 3}, {0, 128, 255, 1, 2, 3});
  dataset.labels = {0, 1};
  const Normalization n{{0.5f, 0.25f, 0.0f}, {0.5f, 2.0f, 1.0f}};
  const Tensor<float> x = dataset.normalized(0, 2, n);
  EXPECT_EQ(x.shape(), (Shape{2, 1, 1, 3}));
  EXPECT_EQ(x[0], -1.0f);  // (0 - 0.5) / 0.5
  EXPECT_EQ(x[1], (128.0f / 255.0f - 0.25f) / 2.0f);
  EXPECT_EQ(x[2], 1.0f);
  EXPECT_EQ(dataset.normalized(1, 1, n)[2], 3.0f / 255.0f);
  EXPECT_EQ(dataset.subset({1, 0, 1}).labels, (std::vector<std::int32_t>{1, 0, 1}));
  EXPECT_EQ(dataset.subset({1}).images[0], 1);
  EXPECT_THROW((void)dataset.normalized(1, 2, n), InternalError);
}

TEST(Normalization, NamesAndNumbers) {
  const auto exact = [](std::string_view text, std::int64_t channels) { return normalization_from_name(text, channels).value(); };
  EXPECT_EQ(exact("cifar10", 3).mean, (std::vector<float>{0.4914f, 0.4822f, 0.4465f}));
  EXPECT_EQ(exact("cifar10", 3).stddev, (std::vector<float>{0.2470f, 0.2435f, 0.2616f}));
  EXPECT_EQ(exact("imagenet", 3).stddev, (std::vector<float>{0.229f, 0.224f, 0.225f}));
  EXPECT_EQ(exact("mnist", 1).mean, (std::vector<float>{0.1307f}));
  EXPECT_EQ(exact("unit", 2).stddev, (std::vector<float>{1, 1}));
  EXPECT_EQ(exact("mean=.1,-2e-1;std=3,4.5", 2).mean, (std::vector<float>{0.1f, -0.2f}));
  EXPECT_EQ(exact("mean=.1,-2e-1;std=3,4.5", 2).stddev, (std::vector<float>{3, 4.5f}));
  for (const char* bad : {"", "cifar", "mean=1", "mean=1;std=", "mean=1;std=0", "mean=1;std=-1", "mean=1;std=nan", "mean=inf;std=1",
                          "mean=1,;std=1", "mean=1;std=1x", "mean= 1;std=1", "mean=1,2;std=1", "cifar10", "imagenet"}) {
    const auto result = normalization_from_name(bad, 1);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().place, "--normalize");
  }
}

// `none` hands the bytes on as they are.
TEST(Normalization, NoneIsTheByteItself) {
  Dataset dataset;
  dataset.images = Tensor<std::uint8_t>({1, 16, 16, 1});
  dataset.labels = {0};
  for (std::int64_t i = 0; i < 256; ++i) dataset.images[i] = static_cast<std::uint8_t>(i);
  const Tensor<float> x = dataset.normalized(0, 1, normalization_from_name("none", 1).value());
  for (std::int64_t i = 0; i < 256; ++i) EXPECT_EQ(x[i], static_cast<float>(i));
}

TEST(Normalization, DefaultIsTheModelsOwn) {
  Network network;
  EXPECT_EQ(default_normalization(network, 3).mean, (std::vector<float>{0.485f, 0.456f, 0.406f}));
  EXPECT_EQ(default_normalization(network, 1).stddev, (std::vector<float>{1}));
  network.normalization = Normalization{{0.1f}, {0.2f}};
  EXPECT_EQ(default_normalization(network, 1).mean, (std::vector<float>{0.1f}));
}

TEST(Dataset, RealCifar10) {
  DYAD_NEEDS_DATA("cifar10/test_batch.bin");
  const fs::path folder = *testing_support::data_folder() / "cifar10";
  const Dataset test = load_dataset(folder, Split::kTest).value();
  EXPECT_EQ(test.images.shape(), (Shape{10000, 32, 32, 3}));
  for (const std::int32_t label : {0, 5, 9}) EXPECT_EQ(std::count(test.labels.begin(), test.labels.end(), label), 1000);
  DYAD_NEEDS_DATA("cifar10/train_5k.bin");
  EXPECT_EQ(load_dataset(folder, Split::kTrain).value().size(), 5000);
}

TEST(Dataset, RealMnist) {
  DYAD_NEEDS_DATA("mnist/t10k-images-idx3-ubyte");
  const Dataset test = load_dataset(*testing_support::data_folder() / "mnist", Split::kTest).value();
  EXPECT_EQ(test.images.shape(), (Shape{10000, 28, 28, 1}));
  EXPECT_EQ(test.labels[0], 7);  // the well-known first test digit
}

}  // namespace
}  // namespace dyad::network
