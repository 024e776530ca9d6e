// Built-in topologies against the published counts of their authors, and weights in PyTorch's layout.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/base/json.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/metadata.hpp"
#include "dyad/network/safetensors.hpp"
#include "dyad/network/summary.hpp"
#include "support/test_data.hpp"

namespace dyad::network {
namespace {

using testing_support::data_folder;
using testing_support::TemporaryFolder;

Network topology(const std::string& name, TopologyOptions options = {}) {
  auto network = make_topology(name, options);
  EXPECT_TRUE(network) << (network ? "" : network.error().message);
  return *std::move(network);
}

NetworkSummary summary(const Network& network, const std::optional<BitAssignment>& bits = std::nullopt) {
  auto result = summarize(network, bits);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return *std::move(result);
}

// Weights, biases and the scale and shift of batch normalization: what PyTorch calls trainable parameters.
std::int64_t trainable_parameters(const Network& network) {
  std::int64_t count = summary(network).params;
  for (NodeId id = 0; id < network.size(); ++id)
    if (network.node(id).kind == OpKind::kBatchNorm) count += 2 * network.node(id).output_shape[2];
  return count;
}

// A deterministic value for every weight, bias and statistic, in PyTorch's names and layout.
Safetensors invented_weights(const Network& network) {
  Network filled = network;
  std::int64_t at = 0;
  const auto value = [&at] { return 0.25f + static_cast<float>(at++ % 101) / 128; };
  const auto fill = [&](std::vector<float>& values, std::int64_t size) {
    values.resize(static_cast<std::size_t>(size));
    for (float& v : values) v = value();
  };
  for (NodeId id = 0; id < filled.size(); ++id) {
    Node& node = filled.node(id);
    const Shape in = filled.inputs(id).empty() ? Shape{1, 1, 1} : filled.node(filled.inputs(id)[0]).output_shape;
    if (node.kind == OpKind::kConv)
      node.weight = Tensor<float>({node.out_channels, node.window.kernel_h, node.window.kernel_w, in[2] / node.groups});
    if (node.kind == OpKind::kLinear) node.weight = Tensor<float>({node.out_channels, 1, 1, in[2]});
    for (float& v : node.weight.values()) v = value();
    if (node.has_bias) fill(node.bias, node.out_channels);
    if (node.kind == OpKind::kBatchNorm)
      for (auto* values : {&node.batch_norm.gamma, &node.batch_norm.beta, &node.batch_norm.mean, &node.batch_norm.variance})
        fill(*values, in[2]);
  }
  return save_weights(filled);
}

// pytorchcv 0.0.6x, the assertions of each model's own test: m.parameters() that require a gradient.
TEST(Topologies, ImageNetParameterCountsEqualPytorchcvs) {
  EXPECT_EQ(trainable_parameters(topology("resnet18")), 11689512);
  EXPECT_EQ(trainable_parameters(topology("resnet34")), 21797672);
  EXPECT_EQ(trainable_parameters(topology("resnet50")), 25557032);
  EXPECT_EQ(trainable_parameters(topology("resnet50b")), 25557032);
  EXPECT_EQ(trainable_parameters(topology("resnet101")), 44549160);
  EXPECT_EQ(trainable_parameters(topology("resnet101b")), 44549160);
  EXPECT_EQ(trainable_parameters(topology("inceptionv3")), 23834568);
  EXPECT_EQ(trainable_parameters(topology("mobilenetv1")), 4231976);
  // mobilenetv2b_w1: mobilenetv2_w1 (3,504,960) without the 32 x 32 expansion of the first unit and its 64 batch-norm parameters.
  EXPECT_EQ(trainable_parameters(topology("mobilenetv2")), 3503872);
  EXPECT_EQ(trainable_parameters(topology("efficientnet-b0")), 5288548);
}

// Weights of convolutions and the classifier, biases, and two parameters a normalized channel, added by hand from the shapes.
TEST(Topologies, SmallNetworkParameterCounts) {
  // conv1 144; stages 4,608 + 14,336 + 57,344; fc 640 + 10; batch norms 2 * (16 + 32 + 96 + 192).
  EXPECT_EQ(trainable_parameters(topology("resnet8-fmnist")), 77754);
  // MLPerf Tiny's Keras summary says 78,666 with the 2 * 240 running statistics, hence 78,186 trainable.
  EXPECT_EQ(trainable_parameters(topology("resnet8")), 78186);
  // He et al. 2016, table 6: 0.27 M, 0.46 M, 0.66 M, 0.85 M. The exact figures are those of akamaster/pytorch_resnet_cifar10.
  EXPECT_EQ(trainable_parameters(topology("resnet20")), 269722);
  EXPECT_EQ(trainable_parameters(topology("resnet32")), 464154);
  EXPECT_EQ(trainable_parameters(topology("resnet44")), 658586);
  EXPECT_EQ(trainable_parameters(topology("resnet56")), 853018);
  // A 1 x 1 shortcut adds 16 * 32 + 32 * 64 weights and 2 * (32 + 64) batch-norm parameters to option A.
  EXPECT_EQ(trainable_parameters(topology("resnet20-apot")), 269722 + 2560 + 192);
  EXPECT_EQ(trainable_parameters(topology("resnet56-apot")), 853018 + 2560 + 192);
}

// HAWQ-V3's model zoo (Yao et al., 2021): sizes in MiB, BOPS in 10^9; GMAC = float BOPS / 1024.
TEST(Topologies, TotalsEqualHawqsModelZoo) {
  const Network r18 = topology("resnet18"), r50 = topology("resnet50");
  const auto w8a8 = [](const Network& network) { return summary(network, uniform_bits(network, {8, 8}, false)); };
  const auto w4a4 = [](const Network& network) { return summary(network, uniform_bits(network, {4, 4}, false)); };
  EXPECT_NEAR(summary(r18).macs / 1e9, 1.814, 0.0005);
  EXPECT_NEAR(summary(r18).params / 1e6, 11.68, 0.005);
  EXPECT_NEAR(summary(r18).bops_g, 1857.6, 0.05);
  EXPECT_NEAR(summary(r18).size_mib, 44.6, 0.06);
  EXPECT_NEAR(w8a8(r18).bops_g, 116.1, 0.05);
  EXPECT_NEAR(w8a8(r18).size_mib, 11.14, 0.005);
  EXPECT_NEAR(w4a4(r18).bops_g, 34.7, 0.05);
  EXPECT_NEAR(w4a4(r18).size_mib, 5.82, 0.005);
  EXPECT_NEAR(summary(r50).macs / 1e9, 3.858, 0.0005);
  EXPECT_NEAR(summary(r50).bops_g, 3950.6, 0.05);
  EXPECT_NEAR(w8a8(r50).bops_g, 246.9, 0.05);
  EXPECT_NEAR(w8a8(r50).size_mib, 24.32, 0.005);
  EXPECT_NEAR(w4a4(r50).bops_g, 67.5, 0.05);
  EXPECT_NEAR(w4a4(r50).size_mib, 13.14, 0.005);
  EXPECT_NEAR(summary(topology("inceptionv3")).macs / 1e9, 5.713, 0.0005);
  EXPECT_NEAR(summary(topology("inceptionv3")).bops_g, 5850.3, 0.05);
  EXPECT_NEAR(summary(topology("resnet101")).bops_g, 7751.9, 0.05);
  EXPECT_NEAR(summary(topology("resnet101b")).bops_g, 7988.6, 0.05);
}

TEST(Topologies, GeometryEqualsHawqsPublishedLayers) {
  DYAD_NEEDS_DATA("hawq/ilp_inputs.json");
  const auto document = read_json(*data_folder() / "hawq/ilp_inputs.json");
  ASSERT_TRUE(document);
  for (const auto& [name, expected_count] : {std::pair<std::string, std::size_t>{"resnet18", 19}, {"resnet50", 52}}) {
    const Network network = topology(name);
    std::vector<LayerShape> layers;
    for (const NodeId id : weighted_nodes(network)) layers.push_back(layer_shape(network, id));
    const auto& published = document->at("geometry").at(name);
    ASSERT_EQ(published.size(), expected_count);
    ASSERT_EQ(layers.size(), expected_count + 2);  // theirs leave out the first convolution and the classifier
    for (std::size_t i = 0; i < expected_count; ++i) {
      EXPECT_EQ(layers[i + 1].weight_count(), published[i].at("params").get<std::int64_t>())
          << layers[i + 1].name << " " << published[i].at("name");
      EXPECT_EQ(layers[i + 1].macs(), published[i].at("macs").get<std::int64_t>()) << layers[i + 1].name << " " << published[i].at("name");
    }
  }
}

TEST(Topologies, NamesAreThoseOfTheReferenceImplementations) {
  const Network r50 = topology("resnet50");
  for (const char* name : {"features.init_block.conv.conv", "features.init_block.conv.bn", "features.stage1.unit1.body.conv1.conv",
                           "features.stage1.unit1.body.conv3.bn", "features.stage1.unit1.identity_conv.conv",
                           "features.stage4.unit3.body.conv2.conv", "output"})
    EXPECT_TRUE(r50.find(name)) << name;
  const Network mobile = topology("mobilenetv2");
  EXPECT_FALSE(mobile.find("features.stage1.unit1.conv1.conv"));
  EXPECT_TRUE(mobile.find("features.stage2.unit1.conv1.conv"));
  EXPECT_EQ(weighted_nodes(mobile).size(), 53u);
  EXPECT_EQ(weighted_nodes(topology("mobilenetv1")).size(), 28u);
  EXPECT_EQ(weighted_nodes(topology("inceptionv3")).size(), 95u);
}

// resnet50 strides in the first convolution of a stage's first bottleneck, resnet50b in the second (He et al. 2016 against Goyal et al.
// 2017).
TEST(Topologies, BottlenecksStrideWhereTheirNameSays) {
  const auto stride = [](const Network& network, const char* name) { return network.node(*network.find(name)).window.stride_h; };
  EXPECT_EQ(stride(topology("resnet50"), "features.stage2.unit1.body.conv1.conv"), 2);
  EXPECT_EQ(stride(topology("resnet50"), "features.stage2.unit1.body.conv2.conv"), 1);
  EXPECT_EQ(stride(topology("resnet50b"), "features.stage2.unit1.body.conv1.conv"), 1);
  EXPECT_EQ(stride(topology("resnet50b"), "features.stage2.unit1.body.conv2.conv"), 2);
}

TEST(Topologies, OptionsChangeClassesAndImage) {
  const Network network = topology("mobilenetv2", {.classes = 100, .image = 192});
  EXPECT_EQ(network.node(network.input()).output_shape, (Shape{192, 192, 3}));
  EXPECT_EQ(network.node(network.output()).output_shape, (Shape{1, 1, 100}));
  EXPECT_FALSE(make_topology("inceptionv3", {.image = 32}));  // too small for its windows
  EXPECT_FALSE(make_topology("resnet18", {.classes = -1}));
  const auto unknown = make_topology("resnet19", {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().place, "resnet19");
  EXPECT_NE(unknown.error().hint.find("resnet18"), std::string::npos);
}

TEST(Topologies, WeightsOfEveryTopologyLoadAndSaveUnchanged) {
  for (const std::string& name : topology_names()) {
    if (name == "resnet101" || name == "resnet101b" || name == "resnet50b") continue;  // the same code as resnet50, and large
    Network network = topology(name);
    const Safetensors weights = invented_weights(network);
    const auto loaded = load_weights(network, weights, "w.safetensors");
    ASSERT_TRUE(loaded) << name << ": " << loaded.error().place << " " << loaded.error().message;
    EXPECT_TRUE(network.has_weights());
    EXPECT_TRUE(save_weights(network).tensors == weights.tensors) << name;
  }
}

// Element (k, c, r, s) of a (2, 3, 2, 2) weight is 12 k + 4 c + 2 r + s.
TEST(Weights, LayoutBecomesChannelsLast) {
  std::vector<float> values(24);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const Tensor<float> weight = channels_last(Tensor<float>({2, 3, 2, 2}, values));
  ASSERT_EQ(weight.shape(), (Shape{2, 2, 2, 3}));
  EXPECT_EQ(weight[0], 0);    // k 0, r 0, s 0, c 0
  EXPECT_EQ(weight[1], 4);    // c 1
  EXPECT_EQ(weight[3], 1);    // s 1
  EXPECT_EQ(weight[6], 2);    // r 1
  EXPECT_EQ(weight[12], 12);  // k 1
  EXPECT_TRUE(channels_first(weight) == Tensor<float>({2, 3, 2, 2}, values));
}

class WeightFaults : public ::testing::Test {
 protected:
  WeightFaults() : network_(topology("resnet8-fmnist")), weights_(invented_weights(network_)) {}
  Error fault() {
    const auto result = load_weights(network_, weights_, "f.safetensors");
    EXPECT_FALSE(result);
    EXPECT_FALSE(network_.has_weights());  // an Error leaves the network as it was
    return result ? Error{} : result.error();
  }
  Network network_;
  Safetensors weights_;
};

TEST_F(WeightFaults, MissingTensorIsNamed) {
  weights_.tensors.erase("layer2.0.downsample.0.weight");
  EXPECT_EQ(fault().place, "f.safetensors:/layer2.0.downsample.0.weight");
}

TEST_F(WeightFaults, UnknownTensorIsNamedExceptBatchCounters) {
  weights_.tensors["bn1.num_batches_tracked"] = Tensor<float>(Shape{}, {100.0f});
  Network copy = network_;
  EXPECT_TRUE(load_weights(copy, weights_, "f.safetensors"));
  weights_.tensors["layer9.weight"] = Tensor<float>({1}, {0.0f});
  EXPECT_EQ(fault().place, "f.safetensors:/layer9.weight");
}

TEST_F(WeightFaults, MisshapenTensorIsNamedWithBothShapes) {
  weights_.tensors["layer3.0.conv1.weight"] = Tensor<float>({64, 32, 1, 9});
  const Error error = fault();
  EXPECT_EQ(error.place, "f.safetensors:/layer3.0.conv1.weight");
  EXPECT_NE(error.message.find("(64, 32, 1, 9)"), std::string::npos);
  EXPECT_NE(error.message.find("(64, 32, 3, 3)"), std::string::npos);
}

TEST_F(WeightFaults, ValuesMustBeFiniteAndVariancesNotNegative) {
  weights_.tensors["fc.weight"][3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(fault().place, "f.safetensors:/fc.weight");
  weights_.tensors["fc.weight"][3] = 0;
  weights_.tensors["bn1.running_var"][0] = -1;
  EXPECT_EQ(fault().place, "f.safetensors:/bn1.running_var");
}

TEST_F(WeightFaults, NormalizationMetadataMustFit) {
  weights_.metadata = {{"mean", "0.2860"}, {"std", "0"}};
  EXPECT_EQ(fault().place, "f.safetensors:/__metadata__/std");
  weights_.metadata = {{"mean", "0.1,0.2,0.3"}, {"std", "1,1,1"}};
  EXPECT_EQ(fault().place, "f.safetensors:/__metadata__/mean");
  weights_.metadata = {{"mean", "0.2860"}};
  EXPECT_EQ(fault().place, "f.safetensors:/__metadata__/mean");
  weights_.metadata = {{"mean", "zero"}, {"std", "1"}};
  EXPECT_EQ(fault().place, "f.safetensors:/__metadata__/mean");
  weights_.metadata = {{"mean", " 0.2860"}, {"std", "0.3530 "}};
  ASSERT_TRUE(load_weights(network_, weights_, "f.safetensors"));
  EXPECT_EQ(network_.normalization->mean, std::vector<float>{0.2860f});
  EXPECT_EQ(network_.normalization->stddev, std::vector<float>{0.3530f});
}

TEST(LoadModel, ReadsASelfDescribedFile) {
  const TemporaryFolder folder;
  Safetensors weights = invented_weights(topology("resnet8-fmnist", {.classes = 7}));
  ASSERT_TRUE(write_safetensors(folder / "bare.safetensors", weights));
  const auto bare = load_model((folder / "bare.safetensors").string(), {}, {});
  ASSERT_FALSE(bare);
  EXPECT_EQ(bare.error().hint, "use: MODEL=<topology> --weights " + (folder / "bare.safetensors").string());
  weights.metadata = {{"topology", "resnet8-fmnist"}, {"classes", "7"}, {"mean", "0.286"}, {"std", "0.353"}};
  ASSERT_TRUE(write_safetensors(folder / "m.safetensors", weights));
  const auto network = load_model((folder / "m.safetensors").string(), {}, {});
  ASSERT_TRUE(network) << network.error().message;
  EXPECT_TRUE(network->has_weights());
  EXPECT_TRUE(network->normalization);
  EXPECT_TRUE(load_model("resnet8-fmnist", {.classes = 7}, folder / "bare.safetensors"));
  EXPECT_FALSE(load_model("resnet8-fmnist", {}, folder / "bare.safetensors"));  // ten classes are the default
  EXPECT_FALSE(load_model((folder / "m.safetensors").string(), {}, folder / "bare.safetensors"));
  weights.metadata["topology"] = "resnet9";
  ASSERT_TRUE(write_safetensors(folder / "m.safetensors", weights));
  const auto unknown = load_model((folder / "m.safetensors").string(), {}, {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().place, (folder / "m.safetensors").string() + ":/__metadata__/topology");
}

TEST(LoadModel, RefusesPickleFilesWithTheLineThatConverts) {
  for (const char* name : {"model.pt", "model.PTH"}) {
    const auto refused = load_model(name, {}, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().place, name);
    EXPECT_NE(refused.error().hint.find("python3 -c"), std::string::npos);
    EXPECT_NE(refused.error().hint.find("model.safetensors"), std::string::npos);
  }
  EXPECT_FALSE(load_model("resnet20", {}, "weights.pth"));
}

TEST(LoadModel, UnknownNamesAndMissingFilesAreErrors) {
  EXPECT_EQ(load_model("no-such-model", {}, {}).error().place, "no-such-model");
  EXPECT_EQ(load_model("absent.onnx", {}, {}).error().place, "absent.onnx");
  EXPECT_EQ(load_model("absent.safetensors", {}, {}).error().place, "absent.safetensors");
  EXPECT_FALSE(load_model("resnet20.onnx", {.classes = 5}, {}));
  const TemporaryFolder folder;
  ASSERT_TRUE(write_text(folder / "notes.txt", "x"));
  EXPECT_FALSE(load_model((folder / "notes.txt").string(), {}, {}));
}

TEST(LoadModel, EmbeddedNetworkIsComplete) {
  const auto network = load_model("embedded", {}, {});
  ASSERT_TRUE(network) << network.error().message;
  EXPECT_TRUE(network->has_weights());
  EXPECT_EQ(network->node(network->output()).output_shape.back(), 10);
  EXPECT_FALSE(load_model("embedded", {.classes = 7, .image = 0}, {}));
}

}  // namespace
}  // namespace dyad::network
