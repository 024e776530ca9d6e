// Trained networks of other projects: the same logits from ONNX and from safetensors, accuracy, truncation. resnet20_test.cpp has all CIFAR
// images.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dyad/base/files.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/float_executor.hpp"
#include "dyad/network/import.hpp"
#include "support/test_data.hpp"

namespace dyad::network {
namespace {

using testing_support::data_folder;
constexpr std::int64_t kBatch = 50;

Network loaded(const std::string& model, const std::string& weights = "") {
  const auto path = [](const std::string& name) { return name.find('/') == std::string::npos ? name : (*data_folder() / name).string(); };
  auto network = load_model(path(model), {}, weights.empty() ? "" : path(weights));
  EXPECT_TRUE(network) << (network ? "" : network.error().place + ": " + network.error().message);
  return network ? *std::move(network) : Network();
}

std::int64_t best(const Tensor<float>& logits, std::int64_t row) {
  const std::int64_t classes = logits.shape().back();
  const auto values = logits.values().subspan(static_cast<std::size_t>(row * classes), static_cast<std::size_t>(classes));
  return std::max_element(values.begin(), values.end()) - values.begin();
}

// The APoT authors' first and last layers quantize to 8 bits in every model, the "32-bit" one included, and the exporter wrote the result:
// w = round(w / max * 127) / 127 * max, ties to even, signed maximum (Li et al., 2020, first_conv and last_fc).
void quantize_as_exported(Tensor<float>& weight) {
  const float largest = *std::max_element(weight.values().begin(), weight.values().end());
  for (float& value : weight.values()) value = std::nearbyint(value / largest * 127.0f) / 127.0f * largest;
}

// PyTorch folded batch normalization into the ONNX files. Weights of the folded safetensors are equal to the bit, or one rounding apart
// where quantized; the unfolded network differs by roundings of float32 through 20 layers.
TEST(RealModels, SafetensorsAndOnnxGiveTheSameLogits) {
  DYAD_NEEDS_DATA("cifar10/resnet20.safetensors");
  const auto data = load_dataset(*data_folder() / "cifar10", Split::kTest);
  ASSERT_TRUE(data);
  for (const auto& [stem, topology] :
       {std::pair<std::string, std::string>{"resnet20", "resnet20"}, {"apot_res20_32bit", "resnet20-apot"}}) {
    const Network from_onnx = loaded("cifar10/" + stem + ".onnx");
    Network from_weights = loaded(topology, "cifar10/" + stem + ".safetensors");
    ASSERT_TRUE(from_weights.normalization);
    EXPECT_EQ(from_weights.normalization->mean, from_onnx.normalization->mean);
    EXPECT_EQ(from_weights.normalization->stddev, from_onnx.normalization->stddev);
    if (topology == "resnet20-apot")
      for (const char* name : {"conv1", "fc"}) quantize_as_exported(from_weights.node(*from_weights.find(name)).weight);
    const auto folded = fold_batch_norms(from_weights);
    ASSERT_TRUE(folded) << folded.error().message;
    const std::vector<NodeId> ours = weighted_nodes(*folded), theirs = weighted_nodes(from_onnx);
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t layer = 1; layer + 1 < ours.size(); ++layer) {
      EXPECT_TRUE(folded->node(ours[layer]).weight == from_onnx.node(theirs[layer]).weight) << folded->node(ours[layer]).name;
      EXPECT_TRUE(folded->node(ours[layer]).bias == from_onnx.node(theirs[layer]).bias) << folded->node(ours[layer]).name;
    }
    const Tensor<float> images = data->normalized(0, kBatch, *from_onnx.normalization);
    const Tensor<float> expected = evaluate(from_onnx, images);
    float largest = 0;
    for (const float value : expected.values()) largest = std::max(largest, std::abs(value));
    for (const Network& network : {from_weights, *folded}) {
      const Tensor<float> logits = evaluate(network, images);
      ASSERT_EQ(logits.size(), expected.size());
      for (std::int64_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 1e-5f * largest) << stem << " " << i;
    }
  }
}

// 172 of the 250 sample images are right (68.8 %); 15 of the first 20.
TEST(RealModels, TinyDarknet) {
  DYAD_NEEDS_DATA("imagenet/tiny_darknet.onnx");
  const Network network = loaded("imagenet/tiny_darknet.onnx");
  const auto pixels = read_bytes(*data_folder() / "imagenet/imagenet_dev250_224_u8_nchw.bin");
  const auto labels = read_bytes(*data_folder() / "imagenet/imagenet_dev250_labels.u16");
  ASSERT_TRUE(pixels && labels);
  constexpr std::int64_t kSide = 224, kArea = kSide * kSide;
  int right = 0;
  for (std::int64_t i = 0; i < 20; ++i) {
    Tensor<float> image({1, kSide, kSide, 3});
    for (std::int64_t p = 0; p < kArea; ++p)
      for (std::int64_t c = 0; c < 3; ++c)
        image[p * 3 + c] = static_cast<float>((*pixels)[static_cast<std::size_t>((i * 3 + c) * kArea + p)]) / 255.0f;
    const int label = (*labels)[static_cast<std::size_t>(2 * i)] | (*labels)[static_cast<std::size_t>(2 * i + 1)] << 8;
    right += best(evaluate(network, image), 0) == label;
  }
  EXPECT_EQ(right, 15);
}

// Every cut inside a real file is an Error.
TEST(RealModels, TruncatedFileIsAnError) {
  DYAD_NEEDS_DATA("cifar10/resnet20.onnx");
  const auto bytes = read_bytes(*data_folder() / "cifar10/resnet20.onnx");
  ASSERT_TRUE(bytes);
  for (std::size_t part = 0; part < 100; ++part) {
    const auto network = import_onnx({bytes->data(), bytes->size() * part / 100}, "resnet20.onnx");
    ASSERT_FALSE(network) << part;
    EXPECT_EQ(network.error().place, "resnet20.onnx");
  }
}

}  // namespace
}  // namespace dyad::network
