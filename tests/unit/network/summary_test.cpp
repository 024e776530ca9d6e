// Totals of `inspect` worked by hand, and the bits of the command line.
#include "dyad/network/summary.hpp"

#include <gtest/gtest.h>

#include "dyad/base/files.hpp"
#include "dyad/network/import.hpp"
#include "support/test_data.hpp"

namespace dyad::network {
namespace {

using testing_support::TemporaryFolder;

// conv "a" 1 -> 2, 3 x 3, 4 x 4 image without padding; conv "b" depthwise on 2 x 2; pooling; linear "c" 2 -> 3 with bias.
Network tiny() {
  Network network;
  network.name = "tiny";
  Node input;
  input.name = "x";
  input.kind = OpKind::kInput;
  input.output_shape = {4, 4, 1};
  NodeId last = network.add(input, {});
  const auto push = [&](const std::string& name, OpKind kind, std::int64_t out, int kernel, int groups) {
    Node node;
    node.name = name;
    node.kind = kind;
    node.out_channels = out;
    node.window.kernel_h = node.window.kernel_w = kernel;
    node.groups = groups;
    node.has_bias = kind == OpKind::kLinear;
    last = network.add(node, {last});
  };
  push("a", OpKind::kConv, 2, 3, 1);
  push("b", OpKind::kConv, 2, 1, 2);
  push("pool", OpKind::kGlobalAveragePool, 0, 1, 1);
  push("c", OpKind::kLinear, 3, 1, 1);
  EXPECT_TRUE(network.infer_shapes());
  return network;
}

TEST(Summary, FloatTotalsByHand) {
  const auto summary = summarize(tiny());
  ASSERT_TRUE(summary);
  ASSERT_EQ(summary->layers.size(), 4u);
  EXPECT_EQ(summary->layers[0].macs, 72);  // 9 products, 2 x 2 outputs, 2 channels
  EXPECT_EQ(summary->layers[0].params, 18);
  EXPECT_EQ(summary->layers[0].input_shape, (Shape{4, 4, 1}));
  EXPECT_EQ(summary->layers[0].output_shape, (Shape{2, 2, 2}));
  EXPECT_EQ(summary->layers[1].macs, 8);  // depthwise: 1 product, 8 outputs
  EXPECT_EQ(summary->layers[1].params, 2);
  EXPECT_EQ(summary->layers[2].macs, 0);  // pooling
  EXPECT_EQ(summary->layers[3].macs, 6);
  EXPECT_EQ(summary->layers[3].weights, 6);
  EXPECT_EQ(summary->layers[3].params, 9);  // and 3 biases
  EXPECT_EQ(summary->macs, 86);
  EXPECT_EQ(summary->weights, 26);
  EXPECT_EQ(summary->params, 29);
  EXPECT_DOUBLE_EQ(summary->size_mib, 26 * 4 / 1048576.0);
  EXPECT_DOUBLE_EQ(summary->bops_g, 86 * 1024 / 1e9);
}

TEST(Summary, MixedBitsByHand) {
  const auto summary = summarize(tiny(), BitAssignment{{"a", {8, 8}}, {"b", {3, 5}}, {"c", {2, 16}}});
  ASSERT_TRUE(summary);
  EXPECT_DOUBLE_EQ(summary->size_mib, (18 * 8 + 2 * 3 + 6 * 2) / 8.0 / 1048576.0);
  EXPECT_DOUBLE_EQ(summary->bops_g, (72 * 64 + 8 * 15 + 6 * 32) / 1e9);
}

TEST(Summary, NamesOfTheAssignmentMustMatch) {
  const auto missing = summarize(tiny(), BitAssignment{{"a", {8, 8}}, {"c", {8, 8}}}, "bits.json");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().place, "bits.json:/layers");
  EXPECT_NE(missing.error().message.find("'b'"), std::string::npos);
  const auto unknown = summarize(tiny(), BitAssignment{{"a", {8, 8}}, {"b", {8, 8}}, {"c", {8, 8}}, {"pool", {8, 8}}}, "bits.json");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().place, "bits.json:/layers/pool");
}

TEST(UniformBits, FirstConvolutionAndLastLinearLayerStay8Bit) {
  EXPECT_EQ(uniform_bits(tiny(), {4, 3}, false), (BitAssignment{{"a", {8, 8}}, {"b", {4, 3}}, {"c", {8, 8}}}));
  EXPECT_EQ(uniform_bits(tiny(), {4, 3}, true), (BitAssignment{{"a", {4, 3}}, {"b", {4, 3}}, {"c", {4, 3}}}));
  EXPECT_EQ(uniform_bits(tiny(), {32, 32}, false), (BitAssignment{{"a", {32, 32}}, {"b", {32, 32}}, {"c", {32, 32}}}));
  Network convolutional = tiny();
  convolutional.set_output(*convolutional.find("b"));
  EXPECT_EQ(uniform_bits(convolutional, {4, 4}, false), (BitAssignment{{"a", {8, 8}}, {"b", {8, 8}}}));
}

TEST(BitsFromText, UniformSpelling) {
  EXPECT_EQ(bits_from_text(tiny(), "W4A6", false)->at("b"), (LayerBits{4, 6}));
  EXPECT_EQ(bits_from_text(tiny(), "W16A1", true)->at("a"), (LayerBits{16, 1}));
  EXPECT_EQ(bits_from_text(tiny(), "W32A32", false)->at("b"), (LayerBits{32, 32}));
  for (const char* wrong : {"W0A4", "W4A17", "W32A8", "W4", "4A4", "W4A", "W4A4x", "W-4A4", "W99999999999A4", ""})
    EXPECT_EQ(bits_from_text(tiny(), wrong, false).error().place, "--bits") << wrong;
}

TEST(BitsFromText, FileOfBits) {
  const TemporaryFolder folder;
  const std::string file = (folder / "bits.json").string();
  const auto read = [&](const std::string& text) {
    EXPECT_TRUE(write_text(file, text));
    return bits_from_text(tiny(), file, false);
  };
  const auto bits = read(R"({"schema":"dyad.bits/1","layers":{"a":{"w":8,"a":8},"b":{"w":2,"a":3},"c":{"w":8,"a":8}},"x-note":1})");
  ASSERT_TRUE(bits) << bits.error().message;
  EXPECT_EQ(bits->at("b"), (LayerBits{2, 3}));
  EXPECT_EQ(read(R"({"schema":"dyad.bits/1","layers":{"a":{"w":8,"a":8}}})").error().place, file + ":/layers");
  EXPECT_EQ(read(R"({"schema":"dyad.bits/1","layers":{"a":{"w":17,"a":8}}})").error().place, file + ":/layers/a/w");
  EXPECT_EQ(read(R"({"schema":"dyad.bits/1","layers":{"a":{"w":8,"a":8,"b":1}}})").error().place, file + ":/layers/a/b");
  EXPECT_EQ(
      read(R"({"schema":"dyad.bits/1","layers":{"a":{"w":8,"a":8},"b":{"w":8,"a":8},"c":{"w":8,"a":8},"d":{"w":8,"a":8}}})").error().place,
      file + ":/layers/d");
  EXPECT_EQ(read(R"({"schema":"dyad.bits/2","layers":{}})").error().place, file + ":/schema");
  EXPECT_EQ(read("{").error().place, file);
}

}  // namespace
}  // namespace dyad::network
