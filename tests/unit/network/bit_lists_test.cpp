// Lists of bits: HAWQ-V3's names of a ResNet against its published file, other networks by layer, and back.
#include "dyad/network/bit_lists.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/summary.hpp"
#include "support/test_data.hpp"

namespace dyad::network {
namespace {

Network topology(const char* name) { return *make_topology(name, {}); }

std::vector<std::string> layers_of(const Network& network) {
  std::vector<std::string> names;
  for (const NodeId id : weighted_nodes(network)) names.push_back(network.node(id).name);
  return names;
}

/// Widths that differ from layer to layer; an identity convolution reads what its unit's first one reads.
BitAssignment varied(const std::vector<std::string>& layers) {
  BitAssignment bits;
  int next = 0, first = 8;
  for (const std::string& layer : layers) {
    bits[layer] = {2 + next % 7, 2 + next * 3 % 7};
    if (layer.find("body.conv1") != std::string::npos) first = bits[layer].activation;
    if (layer.find("identity_conv") != std::string::npos) bits[layer].activation = first;
    ++next;
  }
  return bits;
}

TEST(BitLists, ResNet18HasHawqsNamesInHawqsOrder) {
  const Network network = topology("resnet18");
  const OrderedJson list = *hawq_bit_list(layers_of(network), uniform_bits(network, {4, 4}, false));
  std::vector<std::string> names;
  for (const auto& [name, bits] : list.items()) names.push_back(name);
  // bit_config_resnet18_uniform4: its first eight names, those of the first unit with an identity convolution, and its last two.
  const std::vector<std::string> first{"quant_input",
                                       "quant_init_block_convbn",
                                       "quant_act_int32",
                                       "stage1.unit1.quant_act",
                                       "stage1.unit1.quant_convbn1",
                                       "stage1.unit1.quant_act1",
                                       "stage1.unit1.quant_convbn2",
                                       "stage1.unit1.quant_act_int32"};
  const std::vector<std::string> resized{
      "stage2.unit1.quant_act",     "stage2.unit1.quant_convbn1",         "stage2.unit1.quant_act1",
      "stage2.unit1.quant_convbn2", "stage2.unit1.quant_identity_convbn", "stage2.unit1.quant_act_int32"};
  ASSERT_EQ(names.size(), 3u + 8 * 5 + 3 + 2);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), names.begin()));
  EXPECT_TRUE(std::equal(resized.begin(), resized.end(), names.begin() + 3 + 10));
  EXPECT_EQ(names[names.size() - 2], "quant_act_output");
  EXPECT_EQ(names.back(), "quant_output");
  EXPECT_EQ(list["quant_input"], 8);
  EXPECT_EQ(list["stage1.unit1.quant_act"], 4);
  EXPECT_EQ(list["stage1.unit1.quant_act_int32"], 16);
  EXPECT_EQ(list["quant_output"], 8);
}

TEST(BitLists, BottlenecksHaveThreeConvolutions) {
  const Network network = topology("resnet50");
  const OrderedJson list = *hawq_bit_list(layers_of(network), uniform_bits(network, {4, 4}, false));
  EXPECT_TRUE(list.contains("quant_init_convbn"));
  EXPECT_TRUE(list.contains("stage1.unit1.quant_act2"));
  EXPECT_TRUE(list.contains("stage1.unit1.quant_convbn3"));
  EXPECT_TRUE(list.contains("stage1.unit1.quant_identity_convbn"));
}

TEST(BitLists, EveryTopologyIsReadBack) {
  const testing_support::TemporaryFolder folder;
  for (const std::string& name : topology_names()) {
    SCOPED_TRACE(name);
    const Network network = topology(name.c_str());
    const std::vector<std::string> layers = layers_of(network);
    const BitAssignment bits = varied(layers);
    ASSERT_TRUE(write_text(folder / "hawq.json", to_text(*hawq_bit_list(layers, bits))));
    ASSERT_TRUE(write_text(folder / "bits.json", to_text(bits_document(layers, bits))));
    for (const char* file : {"hawq.json", "bits.json"}) {
      const auto read = bits_from_text(network, (folder / file).string(), false);
      ASSERT_TRUE(read) << read.error().place << " " << read.error().message;
      EXPECT_EQ(*read, bits) << file;
    }
  }
}

TEST(BitLists, WhatDoesNotFitIsAnError) {
  const Network network = topology("resnet18");
  const std::vector<std::string> layers = layers_of(network);
  BitAssignment untied = uniform_bits(network, {4, 4}, false);
  untied["features.stage2.unit1.identity_conv.conv"].activation = 8;
  EXPECT_FALSE(hawq_bit_list(layers, untied));
  const OrderedJson good = *hawq_bit_list(layers, uniform_bits(network, {4, 4}, false));
  const auto read = [&](const OrderedJson& list) {
    const Json document = Json::parse(list.dump());
    return from_hawq_bit_list(layers, JsonReader(document, "bits.json"));
  };
  EXPECT_TRUE(read(good));
  OrderedJson missing = good, unknown = good, wide = good;
  missing.erase("stage1.unit1.quant_act");
  unknown["stage9.unit1.quant_act"] = 4;
  wide["stage1.unit1.quant_act"] = 17;
  EXPECT_FALSE(read(missing));
  EXPECT_FALSE(read(unknown));
  EXPECT_FALSE(read(wide));
}

}  // namespace
}  // namespace dyad::network
