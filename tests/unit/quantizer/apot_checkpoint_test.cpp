// The APoT authors' checkpoints: the integers of their weights, their networks' predictions, and what is refused.
#include "dyad/quantizer/apot_checkpoint.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "dyad/base/files.hpp"
#include "dyad/base/random.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/summary.hpp"
#include "support/small_networks.hpp"
#include "support/test_data.hpp"

namespace dyad::quantizer {
namespace {

using testing_support::data_folder;
using testing_support::TemporaryFolder;

ApotCheckpoint::Lowered lowered(const ApotCheckpoint& checkpoint, const std::string& bits) {
  const BitAssignment assignment = must(network::bits_from_text(checkpoint.network(), bits, false));
  return must(checkpoint.lower(assignment, *checkpoint.network().normalization, {}));
}

const IntegerLayer& layer_of(const IntegerNetwork& net, const std::string& name) {
  for (const IntegerLayer& layer : net.layers)
    if (layer.name == name) return layer;
  throw InternalError("no layer " + name);
}

TEST(ApotCheckpoint, WeightsAreThoseOfTheAuthorsCode) {
  DYAD_NEEDS_DATA("cifar10/apot_res20_4bit_quantized_weights.safetensors");
  const auto folder = *data_folder() / "cifar10";
  const auto net = lowered(must(ApotCheckpoint::read(folder / "apot_res20_4bit.safetensors", "", {})), "W4A4").network;
  const auto expected = must(network::read_safetensors(folder / "apot_res20_4bit_quantized_weights.safetensors"));
  const std::string suffix = ".wq_over_alpha";
  std::int64_t compared = 0;
  for (const auto& [name, tensor] : expected.tensors) {
    ASSERT_TRUE(name.ends_with(suffix)) << name;
    const IntegerLayer& layer = layer_of(net, name.substr(0, name.size() - suffix.size()));
    const Shape& shape = tensor.shape();  // (K, C, R, S)
    std::int64_t from = 0;
    for (std::int64_t k = 0; k < shape[0]; ++k)
      for (std::int64_t c = 0; c < shape[1]; ++c)
        for (std::int64_t r = 0; r < shape[2]; ++r)
          for (std::int64_t s = 0; s < shape[3]; ++s, ++compared)
            ASSERT_NEAR(layer.weights[((k * shape[2] + r) * shape[3] + s) * shape[1] + c] / 10.0, static_cast<double>(tensor[from++]), 1e-6)
                << name << " " << from - 1;
  }
  EXPECT_GT(compared, 260000);
}

// Percent of the test images that are right; `agreeing` with the file of predictions, if there is one.
double top1(const IntegerNetwork& net, const std::string& data, const std::string& predictions, std::int64_t& agreeing) {
  const network::Dataset images = must(network::load_dataset((*data_folder() / data).string(), network::Split::kTest));
  const Tensor<float> logits = integer_logits(net, images, "cpu");
  if (!predictions.empty()) {
    const auto expected = must(read_bytes(*data_folder() / predictions));
    for (std::int64_t i = 0; i < images.size(); ++i) {
      const float* row = logits.data() + i * logits.extent(1);
      agreeing += std::max_element(row, row + logits.extent(1)) - row == expected[static_cast<std::size_t>(i)];
    }
  }
  return top1_percent(logits, images.labels);
}

TEST(ApotCheckpoint, ResNet20PredictsAsTheAuthorsNetwork) {
  DYAD_NEEDS_DATA("cifar10/apot_res20_4bit.safetensors");
  const auto checkpoint = must(ApotCheckpoint::read(*data_folder() / "cifar10/apot_res20_4bit.safetensors", "", {}));
  EXPECT_EQ(checkpoint.network().name, "resnet20-apot");
  EXPECT_EQ(checkpoint.named_bits(), 4);
  std::int64_t agreeing = 0;
  EXPECT_NEAR(top1(lowered(checkpoint, "W4A4").network, "cifar10", "cifar10/apot_res20_4bit.pred.u8", agreeing), 92.46, 0.05);
  EXPECT_GE(agreeing, 9990);
}

TEST(ApotCheckpoint, MnistResNet10ScoresAsTheAuthorsNetwork) {
  DYAD_NEEDS_DATA("mnist/apot_resnet10_4bit.safetensors");
  const auto checkpoint = must(ApotCheckpoint::read(*data_folder() / "mnist/apot_resnet10_4bit.safetensors", "", {}));
  EXPECT_EQ(checkpoint.network().name, "resnet10-mnist");
  std::int64_t agreeing = 0;
  EXPECT_NEAR(top1(lowered(checkpoint, "W4A4").network, "mnist", "", agreeing), 98.77, 0.05);
}

// A checkpoint of random weights in the authors' layout; some gammas are negative.
network::Safetensors random_checkpoint() {
  network::Network net = must(network::make_topology("resnet10-mnist", {}));
  Random random(21);
  network::Safetensors file;
  const auto draw = [&](const std::string& name, Shape shape, double mean, double deviation) {
    Tensor<float> tensor(std::move(shape));
    for (float& v : tensor.values()) v = static_cast<float>(mean + deviation * random.normal());
    file.tensors[name] = std::move(tensor);
  };
  for (NodeId id = 0; id < net.size(); ++id) {
    const Node& node = net.node(id);
    const std::int64_t channels = node.output_shape.empty() ? 0 : node.output_shape[2];
    if (node.kind == OpKind::kConv) {
      const std::int64_t depth = net.node(net.inputs(id)[0]).output_shape[2];
      draw(node.name + ".weight", {node.out_channels, depth, node.window.kernel_h, node.window.kernel_w}, 0.01, 0.1);
      if (node.name == "conv1") continue;
      file.tensors[node.name + ".act_alpha"] = Tensor<float>({1}, {3.0f});
      file.tensors[node.name + ".weight_quant.wgt_alpha"] = Tensor<float>({1}, {2.5f});
    } else if (node.kind == OpKind::kLinear) {
      draw(node.name + ".weight", {node.out_channels, net.node(net.inputs(id)[0]).output_shape[2]}, 0, 0.1);
      draw(node.name + ".bias", {node.out_channels}, 0, 0.1);
    } else if (node.kind == OpKind::kBatchNorm) {
      draw(node.name + ".weight", {channels}, 0.5, 0.5);
      draw(node.name + ".bias", {channels}, 0.2, 0.2);
      draw(node.name + ".running_mean", {channels}, 0, 0.5);
      file.tensors[node.name + ".running_var"] = Tensor<float>({channels}, std::vector<float>(static_cast<std::size_t>(channels), 30.0f));
    }
  }
  file.metadata = {{"mean", "0.131"}, {"std", "0.308"}};
  return file;
}

Result<ApotCheckpoint> read(const network::Safetensors& file) {
  const TemporaryFolder folder;
  EXPECT_TRUE(network::write_safetensors(folder / "c.safetensors", file));
  return ApotCheckpoint::read(folder / "c.safetensors", "", {});
}

TEST(ApotCheckpoint, EdgeWeightsKeepWhatIsBelowMinus128) {
  network::Safetensors file = random_checkpoint();
  Tensor<float>& w = file.tensors.at("conv1.weight");  // (16, 1, 7, 7)
  for (float& v : w.values()) v = std::clamp(v, -0.1f, 0.1f);
  w[0] = 0.2f;        // 127
  w[49 + 5] = -0.3f;  // channel 1: -190.5, ties to even: -190
  const IntegerNetwork net = lowered(must(read(file)), "W4A4").network;
  const IntegerLayer& conv1 = layer_of(net, "conv1");
  ASSERT_EQ(conv1.weight_zero_points.size(), 16u);
  EXPECT_EQ(conv1.weight_zero_points[0], 0);
  EXPECT_NEAR(conv1.weights[49 + 5] - conv1.weight_zero_points[1], -190, 1);
  EXPECT_EQ(conv1.weights[0], 127);
  w[49 + 6] = 0.2f;  // channel 1 now spans 318 steps
  const auto refused =
      must(read(file)).lower(must(network::bits_from_text(must(read(file)).network(), "W4A4", false)), {{0.131f}, {0.308f}}, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("conv1"), std::string::npos) << refused.error().message;
}

TEST(ApotCheckpoint, BackendsAgreeAtEveryWidth) {
  const auto checkpoint = must(read(random_checkpoint()));
  const Dataset images = noise(12, 28, 1, 5);
  for (const char* bits : {"W2A2", "W3A3", "W5A5", "W6A6", "W3A5"}) {
    const IntegerNetwork net = lowered(checkpoint, bits).network;
    EXPECT_EQ(integer_logits(net, images, "scalar"), integer_logits(net, images, "cpu")) << bits;
  }
}

TEST(ApotCheckpoint, BitsThatDoNotFitAreErrors) {
  network::Safetensors file = random_checkpoint();
  file.metadata["source"] = "somebody/result/res10_3bit";
  const auto checkpoint = must(read(file));
  EXPECT_EQ(checkpoint.named_bits(), 3);
  const auto refusal = [&](const ApotCheckpoint& from, const std::string& bits, bool all_layers) {
    const auto net = from.lower(must(network::bits_from_text(from.network(), bits, all_layers)), {{0.131f}, {0.308f}}, {});
    return net ? std::string() : net.error().place + " " + net.error().message;
  };
  EXPECT_EQ(refusal(checkpoint, "W3A3", false), "");
  EXPECT_NE(refusal(checkpoint, "W4A4", false).find("trained at 3 bits"), std::string::npos);
  EXPECT_NE(refusal(checkpoint, "W3A4", false).find("trained at 3 bits"), std::string::npos);
  EXPECT_NE(refusal(checkpoint, "W3A3", true).find("conv1"), std::string::npos);
  file.metadata.erase("source");
  const auto unnamed = must(read(file));
  EXPECT_FALSE(unnamed.named_bits());
  EXPECT_EQ(refusal(unnamed, "W4A4", false), "");
  EXPECT_NE(refusal(unnamed, "W7A4", false).find("W7A4"), std::string::npos);
  EXPECT_NE(refusal(unnamed, "W4A8", false).find("W4A8"), std::string::npos);
}

TEST(ApotCheckpoint, DamagedFilesAreErrorsThatNameTheTensor) {
  const auto refusal = [](const std::function<void(network::Safetensors&)>& damage) {
    network::Safetensors file = random_checkpoint();
    damage(file);
    const auto checkpoint = read(file);
    return checkpoint ? std::string() : checkpoint.error().place + " " + checkpoint.error().message;
  };
  const std::string layer = "layer2.0.conv1";
  EXPECT_EQ(refusal([](auto&) {}), "");
  EXPECT_NE(refusal([&](auto& f) { f.tensors.erase(layer + ".weight_quant.wgt_alpha"); }).find(layer), std::string::npos);
  EXPECT_NE(refusal([&](auto& f) { f.tensors.at(layer + ".act_alpha")[0] = -1; }).find(layer), std::string::npos);
  EXPECT_NE(refusal([&](auto& f) { f.tensors.at(layer + ".act_alpha")[0] = NAN; }).find(layer), std::string::npos);
  EXPECT_NE(
      refusal([](auto& f) { std::erase_if(f.tensors, [](const auto& t) { return t.first.ends_with("alpha"); }); }).find("no clipping"),
      std::string::npos);
  EXPECT_NE(refusal([&](auto& f) { f.tensors.erase(layer + ".weight"); }).find("no built-in topology"), std::string::npos);
  EXPECT_NE(refusal([](auto& f) { f.tensors["bn1.act_alpha"] = f.tensors["bn1.weight_alpha"] = Tensor<float>({1}, {1.0f}); }).find("bn1"),
            std::string::npos);
}

TEST(ApotCheckpoint, EqualWeightsCanNotBeNormalized) {
  network::Safetensors file = random_checkpoint();
  for (float& v : file.tensors.at("layer1.0.conv1.weight").values()) v = 0.25f;
  const auto checkpoint = must(read(file));
  const auto net = checkpoint.lower(must(network::bits_from_text(checkpoint.network(), "W4A4", false)), {{0.131f}, {0.308f}}, {});
  ASSERT_FALSE(net);
  EXPECT_NE(net.error().message.find("layer1.0.conv1"), std::string::npos);
}

}  // namespace
}  // namespace dyad::quantizer
