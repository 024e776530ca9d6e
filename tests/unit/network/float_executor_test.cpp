// Every operation against hand-worked values or double precision, and evaluation of whole networks.
#include "dyad/network/float_executor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "dyad/base/parallel.hpp"
#include "dyad/base/random.hpp"
#include "unit/network/nodes.hpp"

namespace dyad::network {
namespace {

Tensor<float> random_tensor(Shape shape, Random& random) {
  Tensor<float> tensor(std::move(shape));
  for (float& value : tensor.values()) value = static_cast<float>(random.normal());
  return tensor;
}

// Output of one node for given inputs of one shape each (the shapes are taken as they are; the node's is inferred).
Tensor<float> run(Node node, const std::vector<Tensor<float>>& inputs) {
  Network network;
  std::vector<NodeId> ids;
  std::vector<const Tensor<float>*> pointers;
  for (const Tensor<float>& input : inputs) {
    Node source = named("source", ids.empty() ? OpKind::kInput : OpKind::kIdentity);
    source.output_shape = {input.extent(1), input.extent(2), input.extent(3)};
    ids.push_back(ids.empty() ? network.add(source, {}) : network.add(source, {ids[0]}));
    pointers.push_back(&input);
  }
  const Shape shape = node.output_shape;
  const NodeId id = network.add(std::move(node), ids);
  if (shape.empty()) {
    EXPECT_TRUE(network.infer_shapes());
  }
  return evaluate_node(network, id, pointers);
}

std::vector<float> list(const Tensor<float>& tensor) { return {tensor.values().begin(), tensor.values().end()}; }

TEST(EvaluateNode, Activations) {
  const Tensor<float> x({1, 1, 1, 5}, {-2, -0.5f, 0, 3, 7});
  EXPECT_EQ(list(run(named("n", OpKind::kRelu), {x})), (std::vector<float>{0, 0, 0, 3, 7}));
  EXPECT_EQ(list(run(named("n", OpKind::kRelu6), {x})), (std::vector<float>{0, 0, 0, 3, 6}));
  Node leaky = named("n", OpKind::kLeakyRelu);
  leaky.negative_slope = 0.25f;
  EXPECT_EQ(list(run(leaky, {x})), (std::vector<float>{-0.5f, -0.125f, 0, 3, 7}));
  EXPECT_EQ(list(run(named("n", OpKind::kIdentity), {x})), list(x));
  const Tensor<float> sigmoid = run(named("n", OpKind::kSigmoid), {x}), swish = run(named("n", OpKind::kSwish), {x});
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double exact = 1 / (1 + std::exp(-static_cast<double>(x[i])));
    // exp within 1 ulp, then a sum, a quotient and (swish) a product: at most 4 half-ulps of relative error, doubled for safety.
    EXPECT_NEAR(sigmoid[i], exact, 8 * 0x1p-24 * exact);
    EXPECT_NEAR(swish[i], x[i] * exact, 8 * 0x1p-24 * std::abs(x[i] * exact));
  }
}

TEST(EvaluateNode, ReluKeepsNan) {
  EXPECT_TRUE(std::isnan(run(named("n", OpKind::kRelu), {Tensor<float>({1, 1, 1, 1}, {std::nanf("")})})[0]));
}

TEST(EvaluateNode, SoftmaxSumsToOneForLargeLogits) {
  const Tensor<float> y = run(named("n", OpKind::kSoftmax), {Tensor<float>({2, 1, 1, 2}, {1000, 1000, 0, std::log(3.0f)})});
  EXPECT_EQ(y[0], 0.5f);
  EXPECT_EQ(y[1], 0.5f);
  EXPECT_NEAR(y[2], 0.25f, 1e-7);  // 1 / (1 + 3)
  EXPECT_NEAR(y[3], 0.75f, 1e-7);
}

TEST(EvaluateNode, BatchNorm) {
  Node bn = named("n", OpKind::kBatchNorm);
  bn.batch_norm = {{2, -1}, {0.5f, 1}, {1, 0}, {4, 0.25f}, 0.0f};
  // (3 - 1) * 2/2 + 0.5; (4 - 0) * -1/0.5 + 1; (1 - 1) + 0.5; 0 + 1
  EXPECT_EQ(list(run(bn, {Tensor<float>({1, 2, 1, 2}, {3, 4, 1, 0})})), (std::vector<float>{2.5f, -7, 0.5f, 1}));
}

TEST(EvaluateNode, AddMulConcat) {
  const Tensor<float> a({1, 1, 2, 2}, {1, 2, 3, 4}), b({1, 1, 2, 2}, {10, 20, 30, 40});
  EXPECT_EQ(list(run(named("n", OpKind::kAdd), {a, b})), (std::vector<float>{11, 22, 33, 44}));
  EXPECT_EQ(list(run(named("n", OpKind::kMul), {a, b})), (std::vector<float>{10, 40, 90, 160}));
  EXPECT_EQ(list(run(named("n", OpKind::kConcat), {a, b})), (std::vector<float>{1, 2, 10, 20, 3, 4, 30, 40}));
}

TEST(EvaluateNode, MulWithAGateByChannelInEitherOrder) {
  Network network;
  const NodeId input = network.add(input_node({1, 2, 2}), {});
  const NodeId gate = network.add(named("gate", OpKind::kGlobalAveragePool), {input});
  const NodeId right = network.add(named("right", OpKind::kMul), {input, gate});
  const NodeId left = network.add(named("left", OpKind::kMul), {gate, input});
  ASSERT_TRUE(network.infer_shapes());
  const auto all = evaluate_all(network, Tensor<float>({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(list(all[gate]), (std::vector<float>{2, 3, 6, 7}));
  EXPECT_EQ(list(all[right]), (std::vector<float>{2, 6, 6, 12, 30, 42, 42, 56}));
  EXPECT_EQ(list(all[left]), list(all[right]));
}

TEST(EvaluateNode, SubsampleIsOptionA) {
  Node node = named("n", OpKind::kSubsample);
  node.window.stride_h = node.window.stride_w = 2;
  node.channel_pad_before = 1;
  node.channel_pad_after = 2;
  Tensor<float> x({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(list(run(node, {x})), (std::vector<float>{0, 1, 0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0}));
}

// Pooling straight from its definition in double; `counted` as PyTorch counts: taps within the padded input.
Tensor<double> pool_reference(const Node& node, const Tensor<float>& x, const Shape& out) {
  const Window& w = node.window;
  Tensor<double> y({x.extent(0), out[0], out[1], out[2]});
  std::int64_t i = 0;
  for (std::int64_t n = 0; n < x.extent(0); ++n)
    for (std::int64_t oy = 0; oy < out[0]; ++oy)
      for (std::int64_t ox = 0; ox < out[1]; ++ox)
        for (std::int64_t c = 0; c < out[2]; ++c, ++i) {
          double sum = 0, largest = -1e30, inside = 0, padded = 0;
          for (int r = 0; r < w.kernel_h; ++r)
            for (int s = 0; s < w.kernel_w; ++s) {
              const std::int64_t py = oy * w.stride_h + r * w.dilation_h, px = ox * w.stride_w + s * w.dilation_w;  // in the padded input
              if (py >= x.extent(1) + w.pad_top + w.pad_bottom || px >= x.extent(2) + w.pad_left + w.pad_right) continue;
              ++padded;
              const std::int64_t iy = py - w.pad_top, ix = px - w.pad_left;
              if (iy < 0 || ix < 0 || iy >= x.extent(1) || ix >= x.extent(2)) continue;
              ++inside;
              const double value = x[((n * x.extent(1) + iy) * x.extent(2) + ix) * out[2] + c];
              sum += value;
              largest = std::max(largest, value);
            }
          y[i] = node.kind == OpKind::kMaxPool ? largest : sum / (node.count_include_pad ? padded : inside);
        }
  return y;
}

TEST(EvaluateNode, PoolingEqualsItsDefinition) {
  Random random(11);
  for (const Window& window :
       {Window{3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, Window{2, 3, 2, 1, 0, 1, 1, 0, 1, 1}, Window{3, 2, 2, 3, 2, 0, 1, 1, 2, 1}})
    for (const bool ceil_mode : {false, true})
      for (const bool count_include_pad : {false, true})
        for (const OpKind kind : {OpKind::kMaxPool, OpKind::kAveragePool})
          for (const std::int64_t channels : {1, 7, 16, 17}) {
            Node node = named("n", kind);
            node.window = window;
            node.ceil_mode = ceil_mode;
            node.count_include_pad = count_include_pad;
            const Tensor<float> x = random_tensor({2, 6, 8, channels}, random);  // overhangs on both axes in ceil mode
            const Tensor<float> y = run(node, {x});
            const Tensor<double> expected = pool_reference(node, x, {y.extent(1), y.extent(2), y.extent(3)});
            // at most 9 terms of magnitude below 6: 10 roundings of sums below 54.
            for (std::int64_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], expected[i], 10 * 54 * 0x1p-24);
          }
}

TEST(EvaluateNode, GlobalAveragePool) {
  Random random(12);
  const Tensor<float> x = random_tensor({3, 7, 5, 19}, random);
  const Tensor<float> y = run(named("n", OpKind::kGlobalAveragePool), {x});
  for (std::int64_t n = 0; n < 3; ++n)
    for (std::int64_t c = 0; c < 19; ++c) {
      double sum = 0, magnitude = 0;
      for (std::int64_t p = 0; p < 35; ++p) sum += x[(n * 35 + p) * 19 + c], magnitude += std::abs(x[(n * 35 + p) * 19 + c]);
      EXPECT_NEAR(y[n * 19 + c], sum / 35, 37 * 0x1p-24 * magnitude / 35);
    }
}

TEST(EvaluateNode, LinearAndOtherWeights) {
  Network network;
  const NodeId input = network.add(input_node({1, 1, 2}), {});
  Node linear = named("fc", OpKind::kLinear);
  linear.out_channels = 3;
  linear.weight = Tensor<float>({3, 1, 1, 2}, {1, 2, 3, 4, 5, 6});
  linear.bias = {100, 200, 300};
  const NodeId fc = network.add(linear, {input});
  ASSERT_TRUE(network.infer_shapes());
  const Tensor<float> x({2, 1, 1, 2}, {1, 1, 2, -1});
  const Tensor<float>* const inputs[] = {&x};
  EXPECT_EQ(list(evaluate_node(network, fc, inputs)), (std::vector<float>{103, 207, 311, 100, 202, 304}));
  EXPECT_EQ(list(evaluate_weighted(network, fc, x, Tensor<float>({3, 1, 1, 2}, {0, 1, 1, 0, 1, 1}), {})),
            (std::vector<float>{1, 1, 2, -1, 2, 1}));
  EXPECT_THROW((void)evaluate_weighted(network, fc, x, Tensor<float>({2, 1, 1, 2}), {}), InternalError);
  network.node(fc).weight = {};
  EXPECT_THROW((void)evaluate_node(network, fc, inputs), InternalError);
}

// A network with a branch, a reused tensor, in-place chances and a dead end.
Network branching(Random& random) {
  Network network;
  network.name = "branching";
  const NodeId input = network.add(input_node({9, 11, 3}), {});
  const auto conv = [&](const char* name, NodeId from, std::int64_t in, std::int64_t out) {
    Node node = named(name, OpKind::kConv);
    node.out_channels = out;
    node.window = {3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
    node.weight = random_tensor({out, 3, 3, in}, random);
    return network.add(node, {from});
  };
  const NodeId relu_of_input = network.add(named("input.relu", OpKind::kRelu), {input});
  const NodeId a = conv("a", relu_of_input, 3, 8);
  const NodeId b = network.add(named("a.relu", OpKind::kRelu), {a});
  const NodeId c = conv("c", b, 8, 8);
  const NodeId twice = network.add(named("twice", OpKind::kAdd), {c, c});
  const NodeId sum = network.add(named("sum", OpKind::kAdd), {twice, b});
  conv("dead", sum, 8, 4);
  const NodeId both = network.add(named("both", OpKind::kConcat), {sum, input});
  const NodeId copy = network.add(named("copy", OpKind::kIdentity), {both});
  const NodeId flat = network.add(named("flat", OpKind::kFlatten), {copy});
  network.set_output(flat);
  EXPECT_TRUE(network.infer_shapes());
  return network;
}

TEST(Evaluate, EqualsEvaluateAllAndDoesNotDependOnTheBatch) {
  Random random(13);
  const Network network = branching(random);
  const Tensor<float> images = random_tensor({5, 9, 11, 3}, random);
  const Tensor<float> logits = evaluate(network, images);
  EXPECT_EQ(logits.shape(), (Shape{5, 9 * 11 * 11}));
  EXPECT_EQ(list(logits), list(evaluate_all(network, images)[network.output()]));
  for (std::int64_t n = 0; n < 5; ++n) {
    const Tensor<float> one({1, 9, 11, 3}, std::vector<float>(images.data() + n * 297, images.data() + (n + 1) * 297));
    const Tensor<float> row = evaluate(network, one);
    for (std::int64_t i = 0; i < row.size(); ++i) ASSERT_EQ(row[i], logits[n * row.size() + i]);
  }
}

Dataset random_dataset(std::int64_t count, Random& random) {
  Dataset dataset;
  dataset.name = "random";
  dataset.images = Tensor<std::uint8_t>({count, 9, 11, 3});
  for (std::uint8_t& v : dataset.images.values()) v = static_cast<std::uint8_t>(random.below(256));
  dataset.labels.assign(static_cast<std::size_t>(count), 0);
  return dataset;
}

TEST(EvaluateDataset, SameBytesWithAnyNumberOfThreads) {
  Random random(14);
  const Network network = branching(random);
  const Dataset dataset = random_dataset(2 * kEvaluationBatch + 3, random);
  const Normalization normalization = normalization_from_name("cifar10", 3).value();
  set_thread_count(1);
  const Tensor<float> serial = evaluate_dataset(network, dataset, normalization).value();
  set_thread_count(3);
  const Tensor<float> parallel = evaluate_dataset(network, dataset, normalization).value();
  set_thread_count(0);
  EXPECT_EQ(serial.shape(), (Shape{dataset.size(), 9 * 11 * 11}));
  EXPECT_EQ(serial, parallel);
  EXPECT_EQ(list(evaluate(network, dataset.normalized(0, dataset.size(), normalization))), list(serial));
}

TEST(EvaluateDataset, ErrorsOfMismatch) {
  Random random(15);
  Network network = branching(random);
  Dataset dataset = random_dataset(1, random);
  EXPECT_EQ(evaluate_dataset(network, dataset, normalization_from_name("unit", 1).value()).error().place, "--normalize");
  dataset.images = Tensor<std::uint8_t>({1, 28, 28, 1});
  const auto shape = evaluate_dataset(network, dataset, normalization_from_name("unit", 1).value());
  ASSERT_FALSE(shape);
  EXPECT_EQ(shape.error().message, "images are (28, 28, 1), the network wants (9, 11, 3)");
  network.node(*network.find("a")).weight = {};
  EXPECT_EQ(evaluate_dataset(network, random_dataset(1, random), normalization_from_name("unit", 3).value()).error().message,
            "has no weights");
}

TEST(AccuracyOf, CountsTopOneAndTopFiveAndBreaksTiesByClass) {
  const Tensor<float> logits({4, 6}, {5, 4, 3, 2, 1, 0,    // label 0: first
                                      5, 4, 3, 2, 1, 0,    // label 5: sixth
                                      5, 4, 3, 2, 1, 0,    // label 4: fifth
                                      1, 1, 0, 0, 0, 0});  // label 1: tied with class 0, so second
  const std::vector<std::int32_t> labels{0, 5, 4, 1};
  const Accuracy result = accuracy(logits, labels);
  EXPECT_EQ(result.images, 4);
  EXPECT_EQ(result.top1, 1);
  EXPECT_EQ(result.top5, 3);
  EXPECT_EQ(result.top1_percent(), 25);
}

}  // namespace
}  // namespace dyad::network
