// Batch-normalization folding: HAWQ-V3's own folded integers, and the float function unchanged.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "dyad/base/json.hpp"
#include "dyad/base/random.hpp"
#include "dyad/network/float_executor.hpp"
#include "dyad/network/network.hpp"
#include "support/test_data.hpp"

namespace dyad::network {
namespace {

Node input_node(Shape shape) {
  Node node;
  node.kind = OpKind::kInput;
  node.name = "input";
  node.output_shape = std::move(shape);
  return node;
}

Node named(std::string name, OpKind kind) {
  Node node;
  node.name = std::move(name);
  node.kind = kind;
  return node;
}

Node conv_node(std::string name, std::int64_t in, std::int64_t out, Random& random) {
  Node node = named(std::move(name), OpKind::kConv);
  node.out_channels = out;
  node.window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  node.weight = Tensor<float>({out, 3, 3, in});
  for (float& w : node.weight.values()) w = static_cast<float>(random.normal());
  return node;
}

Node batch_norm_node(std::string name, std::int64_t channels, Random& random) {
  Node node = named(std::move(name), OpKind::kBatchNorm);
  for (std::int64_t c = 0; c < channels; ++c) {
    node.batch_norm.gamma.push_back(static_cast<float>(random.normal()));
    node.batch_norm.beta.push_back(static_cast<float>(random.normal()));
    node.batch_norm.mean.push_back(static_cast<float>(random.normal()));
    node.batch_norm.variance.push_back(static_cast<float>(0.1 + random.uniform()));
  }
  return node;
}

// The reference's integers come from W' / S_w with S_w = max |W'| / n in float32: equal integers and scales need equal float32 weights.
TEST(Fold, ReproducesHawqsFoldedIntegers) {
  const auto files = testing_support::vector_files("hawq_convbn_fold");
  if (files.empty()) GTEST_SKIP() << "needs hawq_convbn_fold.json under DYAD_VECTORS";
  for (const auto& file : files) {
    const Json document = read_json(file).value();
    ASSERT_FALSE(document.at("cases").empty());
    for (const Json& test : document.at("cases")) {
      const auto gamma = test.at("gamma").get<std::vector<float>>();
      const auto channels = static_cast<std::int64_t>(gamma.size());
      const int groups = test.at("groups");
      auto flat = test.at("conv_weight").get<std::vector<float>>();  // any order inside a channel: folding is elementwise
      const std::int64_t per_channel = static_cast<std::int64_t>(flat.size()) / channels;
      Node conv = named("conv", OpKind::kConv);
      conv.out_channels = channels;
      conv.groups = groups;
      conv.window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
      conv.weight = Tensor<float>({channels, 3, 3, per_channel / 9}, std::move(flat));
      Node bn = named("bn", OpKind::kBatchNorm);
      bn.batch_norm = {gamma, test.at("beta"), test.at("mean"), test.at("var"), test.at("bn_eps").get<float>()};
      Network network;
      const NodeId input = network.add(input_node({5, 5, per_channel / 9 * groups}), {});
      network.add(bn, {network.add(conv, {input})});
      const Network folded = fold_batch_norms(network).value();
      const Node& result = folded.node(*folded.find("conv"));

      const auto weight_scales = test.at("s_w").get<std::vector<float>>();
      const auto weight_integers = test.at("weight_int").get<std::vector<std::int64_t>>();
      const auto bias_integers = test.at("bias_int").get<std::vector<std::int64_t>>();
      const float input_scale = test.at("s_in").is_array() ? test.at("s_in").at(0).get<float>() : test.at("s_in").get<float>();
      const float levels = static_cast<float>((1 << (test.at("weight_bits").get<int>() - 1)) - 1);
      for (std::int64_t k = 0; k < channels; ++k) {
        const auto c = static_cast<std::size_t>(k);
        float largest = 0;
        for (std::int64_t i = 0; i < per_channel; ++i) largest = std::max(largest, std::abs(result.weight[k * per_channel + i]));
        EXPECT_EQ(largest / levels, weight_scales[c]) << "channel " << k;
        for (std::int64_t i = 0; i < per_channel; ++i) {
          const float scaled = (1.0f / weight_scales[c]) * result.weight[k * per_channel + i];
          EXPECT_EQ(std::nearbyint(scaled), static_cast<float>(weight_integers[static_cast<std::size_t>(k * per_channel + i)]));
        }
        const float bias_scale = weight_scales[c] * input_scale;
        EXPECT_EQ(std::nearbyint((1.0f / bias_scale) * result.bias[c]), static_cast<float>(bias_integers[c])) << "channel " << k;
      }
    }
  }
}

TEST(Fold, KeepsTheFunction) {
  Random random(7);
  Network network;
  NodeId id = network.add(input_node({6, 7, 3}), {});
  id = network.add(conv_node("a", 3, 5, random), {id});
  id = network.add(named("skip", OpKind::kIdentity), {id});
  id = network.add(batch_norm_node("a.bn", 5, random), {id});
  id = network.add(named("relu", OpKind::kRelu), {id});
  id = network.add(named("flatten", OpKind::kFlatten), {id});
  Node linear = named("fc", OpKind::kLinear);
  linear.out_channels = 4;
  linear.weight = Tensor<float>({4, 1, 1, 210});
  for (float& w : linear.weight.values()) w = static_cast<float>(random.normal());
  linear.bias = {1, 2, 3, 4};
  linear.has_bias = true;
  id = network.add(linear, {id});
  id = network.add(batch_norm_node("fc.bn", 4, random), {id});
  ASSERT_TRUE(network.infer_shapes());

  Network folded = fold_batch_norms(network).value();
  ASSERT_TRUE(folded.infer_shapes());
  EXPECT_EQ(folded.size(), 5u);
  EXPECT_EQ(folded.node(folded.output()).name, "fc");
  EXPECT_TRUE(folded.node(*folded.find("a")).has_bias);
  EXPECT_FALSE(folded.find("a.bn"));
  EXPECT_FALSE(folded.find("skip"));

  Tensor<float> images({2, 6, 7, 3});
  for (float& v : images.values()) v = static_cast<float>(random.normal());
  const Tensor<float> before = evaluate(network, images), after = evaluate(folded, images);
  // 210 products of factors of about 1 and at most 30 each: a relative error of 210 * 2^-23 on sums of absolute values below 2000.
  for (std::int64_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i], after[i], 210 * 0x1p-23 * 2000);
}

TEST(Fold, TopologyWithoutWeightsIsFoldedToo) {
  Network network;
  const NodeId input = network.add(input_node({4, 4, 1}), {});
  Node conv = named("conv", OpKind::kConv);
  conv.out_channels = 2;
  network.add(named("bn", OpKind::kBatchNorm), {network.add(conv, {input})});
  const Network folded = fold_batch_norms(network).value();
  EXPECT_EQ(folded.size(), 2u);
  EXPECT_TRUE(folded.node(1).has_bias);
  EXPECT_TRUE(folded.node(1).weight.empty());
}

TEST(Fold, NamesABatchNormThatCannotBeFolded) {
  Random random(1);
  Network after_relu;
  NodeId id = after_relu.add(input_node({4, 4, 3}), {});
  id = after_relu.add(named("act", OpKind::kRelu), {id});
  after_relu.add(batch_norm_node("late.bn", 3, random), {id});
  const auto first = fold_batch_norms(after_relu);
  ASSERT_FALSE(first);
  EXPECT_NE(first.error().message.find("late.bn"), std::string::npos);
  EXPECT_NE(first.error().message.find("act"), std::string::npos);

  Network shared;
  id = shared.add(input_node({4, 4, 3}), {});
  const NodeId conv = shared.add(conv_node("conv", 3, 3, random), {id});
  const NodeId bn = shared.add(batch_norm_node("bn", 3, random), {conv});
  shared.add(named("sum", OpKind::kAdd), {conv, bn});
  const auto second = fold_batch_norms(shared);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("'conv' is used elsewhere"), std::string::npos);

  Network half;
  id = half.add(input_node({4, 4, 3}), {});
  half.add(named("bn", OpKind::kBatchNorm), {half.add(conv_node("conv", 3, 3, random), {id})});
  EXPECT_FALSE(fold_batch_norms(half));
}

}  // namespace
}  // namespace dyad::network
