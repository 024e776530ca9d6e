// The safetensors format: files written by hand, round trips, and every kind of damage.
#include "dyad/network/safetensors.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "dyad/base/files.hpp"
#include "support/test_data.hpp"

namespace dyad::network {
namespace {

using testing_support::data_folder;
using testing_support::TemporaryFolder;

std::vector<std::uint8_t> file_bytes(const std::string& header, const std::string& data) {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(header.size() >> (8 * i)));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

Error fault(const std::string& header, const std::string& data) {
  const auto result = parse_safetensors(file_bytes(header, data), "f");
  EXPECT_FALSE(result) << header;
  return result ? Error{} : result.error();
}

// Bytes of 1.0f and -2.0f, least significant first.
const std::string kTwoFloats("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8);

TEST(Safetensors, ReadsAFileWrittenByHand) {
  const auto raw = parse_safetensors(
      file_bytes(
          R"({"__metadata__":{"mean":"0.5"},"a.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"n":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}  )",
          kTwoFloats + std::string("\x05\0\0\0\0\0\0\0", 8)),
      "f");
  ASSERT_TRUE(raw) << raw.error().message;
  EXPECT_EQ(raw->metadata, (std::map<std::string, std::string>{{"mean", "0.5"}}));
  EXPECT_EQ(raw->tensors.at("a.weight").shape, (Shape{2, 1}));
  EXPECT_EQ(*raw_values<float>(raw->tensors.at("a.weight"), "f"), (std::vector<float>{1, -2}));
  EXPECT_EQ(*raw_values<std::int64_t>(raw->tensors.at("n"), "f"), (std::vector<std::int64_t>{5}));
  EXPECT_EQ(raw_values<float>(raw->tensors.at("n"), "f:/n").error().place, "f:/n");
  const auto floats = to_float(*raw, "f");
  ASSERT_TRUE(floats);
  EXPECT_EQ(floats->tensors.at("n"), Tensor<float>(Shape{}, {5.0f}));
}

// The whole file byte by byte: header padded with spaces to a multiple of 8; F64 before F32 before I8.
TEST(Safetensors, WritesTheDocumentedBytes) {
  RawSafetensors content;
  content.tensors["b"] = raw_tensor<std::int8_t>({3}, std::vector<std::int8_t>{1, -1, 2});
  content.tensors["a"] = raw_tensor<float>({2}, std::vector<float>{1, -2});
  content.metadata = {{"k", "v"}};
  const std::string header =
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"I8","shape":[3],"data_offsets":[8,11]}})";
  EXPECT_EQ(serialize_safetensors(content),
            file_bytes(header + std::string((8 - header.size() % 8) % 8, ' '), kTwoFloats + "\x01\xff\x02"));
}

RC_GTEST_PROP(Safetensors, WhatIsWrittenIsReadBack, ()) {
  RawSafetensors content;
  const auto names = *rc::gen::container<std::vector<std::string>>(rc::gen::string<std::string>());
  for (const std::string& name : names) {
    if (name == "__metadata__" || !std::all_of(name.begin(), name.end(), [](char c) { return c > 0; })) continue;  // JSON text is UTF-8
    const Shape shape = {*rc::gen::inRange(0, 4), *rc::gen::inRange(1, 3)};
    const std::vector<std::int16_t> values(static_cast<std::size_t>(element_count(shape)), *rc::gen::arbitrary<std::int16_t>());
    const std::vector<double> wide(values.begin(), values.end());
    content.tensors[name] = *rc::gen::arbitrary<bool>() ? raw_tensor<std::int16_t>(shape, values) : raw_tensor<double>(shape, wide);
    content.metadata[name] = name + "!";
  }
  const std::vector<std::uint8_t> bytes = serialize_safetensors(content);
  const auto back = parse_safetensors(bytes, "f");
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == content);
  RC_ASSERT(serialize_safetensors(*back) == bytes);
}

// binary16: 0x3c00 = 1, 0xc100 = -2.5, 0x0001 = 2^-24, 0x7bff = 65504, 0x7c00 = infinity; bfloat16 0x3fc0 = 1.5.
TEST(Safetensors, ConvertsOtherElementTypes) {
  const std::uint16_t halves[] = {0x3c00, 0xc100, 0x0001, 0x8001, 0x7bff, 0x7c00, 0x03ff, 0x0400};
  RawSafetensors raw;
  raw.tensors["h"] = raw_tensor<std::uint16_t>({8}, halves);
  raw.tensors["h"].dtype = "F16";
  raw.tensors["b"] = raw_tensor<std::uint16_t>({1}, std::vector<std::uint16_t>{0x3fc0});
  raw.tensors["b"].dtype = "BF16";
  raw.tensors["d"] = raw_tensor<double>({1}, std::vector<double>{0.1});
  raw.tensors["i"] = raw_tensor<std::int32_t>({1}, std::vector<std::int32_t>{-7});
  const auto floats = to_float(raw, "f");
  ASSERT_TRUE(floats);
  const std::vector<float> expected = {1,       -2.5f, 0x1p-24f, -0x1p-24f, 65504, std::numeric_limits<float>::infinity(), 1023 * 0x1p-24f,
                                       0x1p-14f};
  EXPECT_EQ(floats->tensors.at("h"), Tensor<float>({8}, expected));
  EXPECT_EQ(floats->tensors.at("b")[0], 1.5f);
  EXPECT_EQ(floats->tensors.at("d")[0], 0.1f);
  EXPECT_EQ(floats->tensors.at("i")[0], -7);
  raw.tensors["h"].dtype = "F8_E4M3";
  EXPECT_EQ(to_float(raw, "f").error().place, "f:/h");
}

TEST(Safetensors, FaultsNameFileAndTensor) {
  const auto one = [](const std::string& body) { return "{\"t\":{" + body + "}}"; };
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,9])"), kTwoFloats).place, "f:/t/data_offsets");  // behind the end
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), kTwoFloats).place, "f:/t/data_offsets");  // shape needs 12
  EXPECT_EQ(fault(one(R"("dtype":"F64","shape":[2],"data_offsets":[0,8])"), kTwoFloats).place, "f:/t/data_offsets");  // type needs 16
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[1],"data_offsets":[8,4])"), kTwoFloats).place, "f:/t/data_offsets");  // end before begin
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), kTwoFloats).place, "f:/t/data_offsets");  // a gap before it
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), kTwoFloats).place, "f");                  // bytes behind it
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4,8])"), kTwoFloats).place, "f:/t/data_offsets");
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])"), kTwoFloats).place, "f:/t/data_offsets/0");
  EXPECT_EQ(fault(one(R"("dtype":"F33","shape":[2],"data_offsets":[0,8])"), kTwoFloats).place, "f:/t/dtype");
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[2.5],"data_offsets":[0,8])"), kTwoFloats).place, "f:/t/shape/0");
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[-1],"data_offsets":[0,8])"), kTwoFloats).place, "f:/t/shape/0");
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])"), kTwoFloats).place, "f:/t/shape");
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[2])"), kTwoFloats).place, "f:/t");
  EXPECT_EQ(fault(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"extra":1)"), kTwoFloats).place, "f:/t/extra");
  EXPECT_EQ(fault(R"({"__metadata__":{"k":1}})", "").place, "f:/__metadata__/k");
  EXPECT_EQ(fault("[]", "").place, "f");
  EXPECT_EQ(fault("{\"t\":", "").place, "f");
  EXPECT_EQ(fault("", "").place, "f");
  const Error twice =
      fault(R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", kTwoFloats);
  EXPECT_EQ(twice.place, "f:/t");
  const Error overlap =
      fault(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", kTwoFloats);
  EXPECT_EQ(overlap.place, "f:/b/data_offsets");
  EXPECT_NE(overlap.message.find("overlaps"), std::string::npos);
}

TEST(Safetensors, AbsurdHeaderLengthsAreErrors) {
  std::vector<std::uint8_t> bytes = file_bytes("{}", "");
  ASSERT_TRUE(parse_safetensors(bytes, "f"));
  for (const std::uint64_t length : {std::uint64_t{3}, std::uint64_t{1} << 32, ~std::uint64_t{0}, ~std::uint64_t{7}}) {
    std::memcpy(bytes.data(), &length, 8);
    EXPECT_EQ(parse_safetensors(bytes, "f").error().place, "f");
  }
}

TEST(Safetensors, EveryTruncationIsAnErrorAndChangesNeverCrash) {
  RawSafetensors content;
  content.tensors["w"] = raw_tensor<float>({2, 2}, std::vector<float>{1, 2, 3, 4});
  content.tensors["b"] = raw_tensor<std::int8_t>({3}, std::vector<std::int8_t>{1, 2, 3});
  content.metadata["mean"] = "0.5";
  const std::vector<std::uint8_t> bytes = serialize_safetensors(content);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(parse_safetensors({bytes.data(), size}, "f")) << size;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::vector<std::uint8_t> damaged = bytes;
      damaged[at] = static_cast<std::uint8_t>(value);
      const auto result = parse_safetensors(damaged, "f");
      if (!result) {
        EXPECT_EQ(result.error().place.rfind("f", 0), 0u);
      }
    }
  }
}

TEST(Safetensors, FilesAreWrittenWholeOrNotAtAll) {
  const TemporaryFolder folder;
  Safetensors content;
  content.tensors["w"] = Tensor<float>({2}, {1, 2});
  content.metadata["topology"] = "resnet20";
  ASSERT_TRUE(write_safetensors(folder / "w.safetensors", content));
  const auto back = read_safetensors(folder / "w.safetensors");
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->tensors == content.tensors);
  EXPECT_EQ(back->metadata, content.metadata);
  const auto failed = write_safetensors(folder / "absent" / "w.safetensors", content);
  ASSERT_FALSE(failed);
  EXPECT_FALSE(std::filesystem::exists(folder / "absent"));
  EXPECT_EQ(read_safetensors(folder / "none.safetensors").error().place, (folder / "none.safetensors").string());
}

TEST(Safetensors, ReadsFilesOfOtherWriters) {
  DYAD_NEEDS_DATA("cifar10/apot_res20_32bit.safetensors");
  const auto weights = read_safetensors(*data_folder() / "cifar10/apot_res20_32bit.safetensors");
  ASSERT_TRUE(weights) << weights.error().message;
  EXPECT_EQ(weights->metadata.at("mean"), "0.491,0.482,0.447");
  EXPECT_EQ(weights->tensors.at("layer2.0.downsample.0.weight").shape(), (Shape{32, 16, 1, 1}));
  EXPECT_EQ(weights->tensors.at("bn1.num_batches_tracked").size(), 1);
}

}  // namespace
}  // namespace dyad::network
