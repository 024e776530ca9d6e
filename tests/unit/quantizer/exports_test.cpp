// Exports of integer networks: each is read back to the same bytes; nibbles by hand; damaged files are errors.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/quantizer/integer_network_content.hpp"
#include "dyad/quantizer/integer_tensors.hpp"
#include "dyad/quantizer/onnx_qdq.hpp"
#include "support/small_networks.hpp"
#include "support/test_data.hpp"

namespace dyad::quantizer {
namespace {

using network::RawSafetensors;

IntegerNetwork quantized(const Case& each, LayerBits bits) {
  const auto calibrated = must(CalibratedNetwork::calibrate(each.make(), noise(8, each.size, each.channels), centred(each.channels), {}));
  return must(calibrated.quantize(uniform_assignment(calibrated.folded(), bits, false)));
}

std::vector<std::uint8_t> bytes_of(const IntegerNetwork& network) { return network::serialize_safetensors(to_safetensors(network)); }

IntegerNetwork read_back(const network::OnnxModel& model) {
  return must(from_onnx(must(network::read_onnx_content(network::serialize_onnx(model), "n.onnx")), "n.onnx"));
}

TEST(Exports, EveryNetworkIsReadBackToTheSameBytes) {
  for (const Case& each : kCases)
    for (const LayerBits bits : {LayerBits{4, 4}, LayerBits{8, 8}, LayerBits{3, 5}}) {
      SCOPED_TRACE(each.name + std::to_string(bits.weight));
      const IntegerNetwork network = quantized(each, bits);
      const std::vector<std::uint8_t> expected = bytes_of(network);
      for (const WeightPacking packing : {WeightPacking::kInt8, WeightPacking::kInt4, WeightPacking::kInt4Hawq}) {
        const RawSafetensors named = must(to_named_tensors(network, packing));
        EXPECT_EQ(bytes_of(must(from_named_tensors(named, "n.safetensors"))), expected);
        const bool packs = bits.weight <= 4 && packing != WeightPacking::kInt8;
        std::size_t packed = 0;
        for (const auto& [name, tensor] : named.tensors) packed += name.find(".weight_int4") != std::string::npos;
        EXPECT_EQ(packed > 0, packs);
      }
      EXPECT_EQ(bytes_of(read_back(must(to_onnx(network)))), expected);
    }
}

TEST(Exports, EveryFileIsRecognizedByItsContent) {
  const testing_support::TemporaryFolder folder;
  const IntegerNetwork network = quantized(kCases[0], {4, 4});
  const std::vector<std::uint8_t> expected = bytes_of(network);
  ASSERT_TRUE(save(network, folder / "a.dyad"));
  ASSERT_TRUE(network::write_raw_safetensors(folder / "b.safetensors", must(to_named_tensors(network, WeightPacking::kInt4Hawq))));
  ASSERT_TRUE(write_bytes(folder / "c.onnx", network::serialize_onnx(must(to_onnx(network)))));
  for (const char* name : {"a.dyad", "b.safetensors", "c.onnx"}) {
    EXPECT_TRUE(is_integer_network(folder / name)) << name;
    EXPECT_EQ(bytes_of(must(import_integer_network(folder / name))), expected) << name;
  }
  ASSERT_TRUE(write_text(folder / "d.onnx", "no model"));
  ASSERT_TRUE(network::write_raw_safetensors(folder / "e.safetensors", {}));
  for (const char* name : {"d.onnx", "e.safetensors", "missing.onnx", "embedded"}) EXPECT_FALSE(is_integer_network(folder / name)) << name;
}

// Nine channels 1, 2, ..., 7, -8, -1 of one filter: HAWQ-V3 puts the first into the most significant nibble, -8 is 8, -1 is f.
TEST(Int4, NibblesByHand) {
  const Tensor<std::int8_t> weights({1, 1, 1, 9}, {1, 2, 3, 4, 5, 6, 7, -8, -1});
  EXPECT_EQ(pack_int4_hawq(weights), (std::vector<std::int32_t>{0x12345678, static_cast<std::int32_t>(0xf0000000u)}));
  EXPECT_EQ(pack_int4(weights), (std::vector<std::uint8_t>{0x21, 0x43, 0x65, 0x87, 0x0f}));
}

// Two filters of 1 x 2 positions and one channel, (K, R, S, C) = 1 2 / 3 4: HAWQ-V3's order is position, then filter.
TEST(Int4, HawqOrderIsPositionThenFilter) {
  const Tensor<std::int8_t> weights({2, 1, 2, 1}, {1, 2, 3, 4});
  EXPECT_EQ(pack_int4_hawq(weights), (std::vector<std::int32_t>{0x10000000, 0x30000000, 0x20000000, 0x40000000}));
}

TEST(Int4, EveryShapeIsUnpackedToItself) {
  Random random(11);
  for (const std::int64_t channels : {1, 2, 7, 8, 9, 16, 17}) {
    Tensor<std::int8_t> weights({3, 2, 1, channels});
    for (std::int8_t& value : weights.values()) value = static_cast<std::int8_t>(random.between(-8, 7));
    const Tensor<std::int8_t> plain = unpack_int4(pack_int4(weights), weights.shape());
    const Tensor<std::int8_t> hawq = unpack_int4_hawq(pack_int4_hawq(weights), weights.shape());
    for (std::int64_t i = 0; i < weights.size(); ++i) {
      EXPECT_EQ(plain[i], weights[i]);
      EXPECT_EQ(hawq[i], weights[i]);
    }
  }
}

TEST(Exports, DamagedTensorsAreErrors) {
  const IntegerNetwork network = quantized(kCases[0], {4, 4});
  const RawSafetensors good = must(to_named_tensors(network, WeightPacking::kInt4));
  for (const auto& [name, tensor] : good.tensors) {
    RawSafetensors missing = good;
    missing.tensors.erase(name);
    if (name.find("bias_integer") == std::string::npos) {
      EXPECT_FALSE(from_named_tensors(missing, "n")) << name;
    }
    RawSafetensors renamed = missing;
    renamed.tensors.emplace(name + "x", tensor);
    EXPECT_FALSE(from_named_tensors(renamed, "n")) << name;
    RawSafetensors cut = good;
    network::RawTensor& damaged = cut.tensors.at(name);
    damaged.bytes.resize(damaged.bytes.size() / 2);
    damaged.shape = {static_cast<std::int64_t>(damaged.bytes.size() / *network::dtype_bytes(damaged.dtype))};
    EXPECT_FALSE(from_named_tensors(cut, "n")) << name;
  }
}

TEST(Exports, DamagedOnnxIsAnError) {
  const network::OnnxModel model = must(to_onnx(quantized(kCases[0], {4, 4})));
  const network::OnnxContent good = must(network::read_onnx_content(network::serialize_onnx(model), "n.onnx"));
  ASSERT_TRUE(from_onnx(good, "n.onnx"));
  for (const auto& [name, tensor] : good.initializers) {
    if (!name.ends_with(".weight")) continue;
    network::OnnxContent missing = good;
    missing.initializers.erase(name);
    const auto read = from_onnx(missing, "n.onnx");
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().place.find("n.onnx:/graph/"), std::string::npos);
  }
  for (const char* text : {"", "{", "{\"0.bias\":{\"dtype\":\"I32\",\"shape\":[1],\"hex\":\"0g000000\"}}",
                           "{\"0.bias\":{\"dtype\":\"I32\",\"shape\":[2],\"hex\":\"00000000\"}}",
                           "{\"0.bias\":{\"dtype\":\"I9\",\"shape\":[],\"hex\":\"\"}}"}) {
    network::OnnxContent damaged = good;
    damaged.metadata["dyad.tensors"] = text;
    EXPECT_FALSE(from_onnx(damaged, "n.onnx")) << text;
  }
  const std::vector<std::uint8_t> bytes = network::serialize_onnx(model);
  EXPECT_FALSE(network::read_onnx_content(std::span(bytes).first(bytes.size() / 2), "n.onnx"));
}

TEST(Exports, TwoLayersOfOneNameAreAnError) {
  IntegerNetwork network = quantized(kCases[0], {4, 4});
  std::size_t renamed = 0;
  for (IntegerLayer& layer : network.layers)
    if (layer.op != IntegerOp::kConv && renamed < 2) layer.name = "twice", ++renamed;
  ASSERT_EQ(renamed, 2u);
  EXPECT_FALSE(to_onnx(network));
  EXPECT_FALSE(to_named_tensors(network, WeightPacking::kInt8));
}

// Every value is made before it is read, every scale is positive, and everything that is read exists.
TEST(Onnx, GraphIsWellFormed) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.name);
    const network::OnnxModel model = must(to_onnx(quantized(each, {4, 4})));
    std::set<std::string> made{model.input};
    for (const auto& [name, tensor] : model.initializers) {
      EXPECT_TRUE(made.insert(name).second) << name;
      if (!name.ends_with("scale")) continue;
      for (const float value : must(network::raw_values<float>(tensor, name))) EXPECT_GT(value, 0) << name;
    }
    for (const network::OnnxNode& node : model.nodes) {
      for (const std::string& input : node.inputs) EXPECT_TRUE(made.contains(input)) << node.name << " reads " << input;
      for (const std::string& output : node.outputs) EXPECT_TRUE(made.insert(output).second) << output;
    }
    EXPECT_TRUE(made.contains(model.output));
  }
}

}  // namespace
}  // namespace dyad::quantizer
