// Top-1, top-5 and digest of logits that are known integers, and sampling of images.
#include "dyad/workflow/evaluate.hpp"

#include <gtest/gtest.h>

#include <set>

#include "dyad/kernels/executor.hpp"
#include "support/small_network.hpp"

namespace dyad::workflow {
namespace {

/// Six pixels in, the same six integers out: a 1 x 1 convolution with the identity matrix and no requantization.
quantizer::IntegerNetwork identity_network() {
  quantizer::IntegerNetwork net;
  net.name = "identity";
  net.input.height = net.input.width = 1;
  net.input.channels = 6;
  net.input.format = {8, true};
  net.input.scale = 1.0f / 255;
  net.input.mean.assign(6, 0);
  net.input.stddev.assign(6, 1);
  net.input.table = Tensor<std::int32_t>({6, 256});
  for (int c = 0; c < 6; ++c)
    for (int v = 0; v < 256; ++v) net.input.table[c * 256 + v] = std::min(v, 127);
  IntegerLayer layer;
  layer.name = "linear";
  layer.shape.name = "linear";
  layer.shape.kind = LayerKind::kLinear;
  layer.shape.in_channels = layer.shape.out_channels = 6;
  layer.inputs = {BitWidth{8, true}};
  layer.output = {32, true};
  layer.weight_bits = {8, true};
  layer.weights = Tensor<std::int8_t>({6, 1, 1, 6});
  for (int k = 0; k < 6; ++k) layer.weights[k * 6 + k] = 1;
  layer.requantize = false;
  net.layers = {layer};
  net.inputs = {{0}};
  net.output_scales = {0.5};
  net.assignment = {{"linear", {8, 8}}};
  return net;
}

network::Dataset three_images() {
  network::Dataset data;
  data.name = "three";
  data.images = Tensor<std::uint8_t>({3, 1, 1, 6}, {5, 1, 2, 3, 4, 0, 7, 7, 1, 0, 2, 3, 0, 1, 2, 3, 4, 5});
  data.labels = {0, 1, 0};
  return data;
}

std::unique_ptr<IntegerBackend> scalar() {
  kernels::register_cpu_backends();
  return make_integer_backend("scalar").value();
}

TEST(EvaluateInteger, CountsHitsAndHashesLogits) {
  const auto backend = scalar();
  SilentProgress progress;
  const Evaluation evaluation = evaluate_integer(identity_network(), *backend, three_images(), 0, progress).value();
  EXPECT_EQ(evaluation.images, 3);
  // Image 0: its label has the largest logit. Image 1: label 1 ties with class 0, which comes first: in the top 5 only.
  // Image 2: five logits are larger than the label's: not even in the top 5.
  EXPECT_DOUBLE_EQ(evaluation.top1, 100.0 / 3);
  EXPECT_DOUBLE_EQ(evaluation.top5, 200.0 / 3);
  // hashlib.sha256 of the 18 logits as '<i'.
  EXPECT_EQ(evaluation.digest, "3316df6f9735d99c0f7c9712898f65dc665d86a3c694b2135d415c09762de2b1");
  EXPECT_GT(evaluation.images_per_s, 0);
  EXPECT_EQ(evaluate_integer(identity_network(), *backend, three_images(), 1, progress).value().top1, 100);
}

TEST(EvaluateInteger, ScalesLogits) {
  const auto backend = scalar();
  const Tensor<float> logits = integer_logits(identity_network(), *backend, three_images().images).value();
  EXPECT_EQ(logits.shape(), (Shape{3, 6}));
  EXPECT_EQ(logits[0], 2.5f);
  EXPECT_EQ(logits[17], 2.5f);
}

TEST(EvaluateInteger, RefusesImagesAndLabelsThatDoNotFit) {
  const auto backend = scalar();
  SilentProgress progress;
  network::Dataset wide = three_images();
  wide.images = Tensor<std::uint8_t>({3, 1, 2, 3}, std::vector<std::uint8_t>(18));
  const auto shape = evaluate_integer(identity_network(), *backend, wide, 0, progress);
  ASSERT_FALSE(shape);
  EXPECT_NE(shape.error().message.find("(1, 2, 3)"), std::string::npos);
  network::Dataset labels = three_images();
  labels.labels[2] = 6;
  const auto label = evaluate_integer(identity_network(), *backend, labels, 0, progress);
  ASSERT_FALSE(label);
  EXPECT_NE(label.error().message.find("image 2 has label 6"), std::string::npos);
}

TEST(EvaluateFloat, AgreesWithLabelsMadeByTheSameNetwork) {
  const network::Network net = testing_support::small_residual_network(1);
  const network::Normalization unit{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
  network::Dataset data = testing_support::images_labelled_by(net, unit, 300, 1);
  SilentProgress progress;
  const Evaluation evaluation = evaluate_float(net, data, unit, 0, progress).value();
  EXPECT_EQ(evaluation.images, 300);
  EXPECT_EQ(evaluation.top1, 100);
  EXPECT_EQ(evaluation.top5, 100);  // five classes
  EXPECT_TRUE(evaluation.digest.empty());
  for (int i = 0; i < 30; ++i) data.labels[static_cast<std::size_t>(i)] = (data.labels[static_cast<std::size_t>(i)] + 1) % 5;
  EXPECT_DOUBLE_EQ(evaluate_float(net, data, unit, 0, progress).value().top1, 90);
  EXPECT_DOUBLE_EQ(evaluate_float(net, data, unit, 30, progress).value().top1, 0);
}

TEST(SampleImages, DrawsWithoutReplacementBySeed) {
  network::Dataset data;
  data.images = Tensor<std::uint8_t>({50, 1, 1, 1});
  for (int i = 0; i < 50; ++i) {
    data.images[i] = static_cast<std::uint8_t>(i);
    data.labels.push_back(i);
  }
  const network::Dataset drawn = sample_images(data, 20, 3);
  ASSERT_EQ(drawn.size(), 20);
  EXPECT_EQ(std::set<int>(drawn.labels.begin(), drawn.labels.end()).size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(drawn.images[i], drawn.labels[static_cast<std::size_t>(i)]);
  EXPECT_EQ(sample_images(data, 20, 3).labels, drawn.labels);
  EXPECT_NE(sample_images(data, 20, 4).labels, drawn.labels);
  EXPECT_EQ(sample_images(data, 99, 3).size(), 50);
}

}  // namespace
}  // namespace dyad::workflow
