// Sensitivity tables against values worked by hand and against a whole float evaluation with one tensor replaced.
#include "dyad/quantizer/sensitivity.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "dyad/base/parallel.hpp"
#include "dyad/base/random.hpp"
#include "dyad/network/float_executor.hpp"

namespace dyad::quantizer {
namespace {

using network::Network;
using network::NodeId;
using network::OpKind;

const network::Normalization kUnit{{0, 0, 0}, {1, 1, 1}};

Tensor<float> random_weights(const Shape& shape, Random& random) {
  Tensor<float> tensor(shape);
  for (float& value : tensor.values()) value = static_cast<float>(random.normal() * 0.4);
  return tensor;
}

/// 6 x 6 x 3 images, conv 3x3 to 5, relu, conv 3x3 to 4, relu, average, linear to 3.
Network small_network(std::uint64_t seed) {
  Random random(seed);
  Network net;
  net.name = "small";
  network::Node input;
  input.name = "input";
  input.kind = OpKind::kInput;
  input.output_shape = {6, 6, 3};
  NodeId last = net.add(std::move(input), {});
  const auto conv = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    network::Node node;
    node.name = name;
    node.kind = OpKind::kConv;
    node.window = {.kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
    node.out_channels = out;
    node.weight = random_weights({out, 3, 3, in}, random);
    node.bias.assign(static_cast<std::size_t>(out), 0.1f);
    node.has_bias = true;
    last = net.add(std::move(node), {last});
    network::Node relu;
    relu.name = name + ".relu";
    relu.kind = OpKind::kRelu;
    last = net.add(std::move(relu), {last});
  };
  conv("conv1", 3, 5);
  conv("conv2", 5, 4);
  network::Node pool;
  pool.name = "pool";
  pool.kind = OpKind::kGlobalAveragePool;
  last = net.add(std::move(pool), {last});
  network::Node linear;
  linear.name = "linear";
  linear.kind = OpKind::kLinear;
  linear.out_channels = 3;
  linear.weight = random_weights({3, 1, 1, 4}, random);
  linear.bias.assign(3, 0);
  linear.has_bias = true;
  last = net.add(std::move(linear), {last});
  net.set_output(last);
  EXPECT_TRUE(net.infer_shapes());
  return net;
}

network::Dataset random_images(std::int64_t count, std::uint64_t seed) {
  Random random(seed, 5);
  network::Dataset data;
  data.name = "random";
  data.images = Tensor<std::uint8_t>({count, 6, 6, 3});
  for (auto& value : data.images.values()) value = static_cast<std::uint8_t>(random.below(256));
  data.labels.assign(static_cast<std::size_t>(count), 0);
  return data;
}

/// Min-max steps and no bias correction: everything can be worked by hand.
PostTrainingOptions plain() {
  PostTrainingOptions options;
  options.weights = WeightRule::kMinMax;
  options.activations = "minmax";
  options.bias_correction = false;
  return options;
}

CalibratedNetwork calibrate(const Network& net, const network::Dataset& images) {
  return CalibratedNetwork::calibrate(net, images, kUnit, plain()).value();
}

SensitivityTable measure(const CalibratedNetwork& calibrated, SensitivityMetric metric, const std::vector<int>& bits,
                         const network::Dataset& images, const std::vector<LayerTrace>& traces = {}) {
  return measure_sensitivity(calibrated, metric, bits, images, traces, [](std::int64_t, std::int64_t) { return true; }).value().value();
}

TEST(Sensitivity, NamesReadBack) {
  for (const auto metric : {SensitivityMetric::kWeight, SensitivityMetric::kMse, SensitivityMetric::kKl, SensitivityMetric::kHessian})
    EXPECT_EQ(sensitivity_metric_from_name(to_string(metric)), metric);
  EXPECT_FALSE(sensitivity_metric_from_name("trace"));
}

TEST(Sensitivity, WeightAndHessianWorkedByHand) {
  Network net = small_network(1);
  // Row 0: step 1 at 2 bits (1.0 / 1), so 0.3 becomes 0 and -0.6 becomes -1: 0.09 + 0.16. The other rows are multiples of their step.
  net.node(*net.find("linear")).weight = Tensor<float>({3, 1, 1, 4}, {1, 0.3f, -0.6f, 0, 2, -2, 0, 2, 0.5f, 0.5f, 0, 0});
  const network::Dataset images = random_images(4, 1);
  const CalibratedNetwork calibrated = calibrate(net, images);
  const SensitivityTable weight = measure(calibrated, SensitivityMetric::kWeight, {2, 8}, {});
  ASSERT_EQ(weight.layers.size(), 3u);
  EXPECT_EQ(weight.layers[2].name, "linear");
  EXPECT_EQ(weight.layers[2].params, 12);
  EXPECT_NEAR(weight.layers[2].error.at(2), 0.25, 1e-6);
  EXPECT_LT(weight.layers[2].error.at(8), 1e-4);
  EXPECT_TRUE(weight.layers[2].input_error.empty());

  const std::vector<LayerTrace> traces{{"linear", 6, 0.5, 12}, {"conv1", 1, 0.1, 135}, {"conv2", 3, 0.2, 180}};
  const SensitivityTable hessian = measure(calibrated, SensitivityMetric::kHessian, {2}, {}, traces);
  EXPECT_NEAR(hessian.layers[2].error.at(2), 6.0 / 12 * 0.25, 1e-6);
  EXPECT_EQ(hessian.layers[2].trace_stderr, 0.5);
  EXPECT_NEAR(hessian.layers[1].error.at(2), 3.0 / 180 * weight.layers[1].error.at(2), 1e-9);
}

TEST(Sensitivity, HessianNeedsTheTraceOfEveryLayer) {
  const network::Dataset images = random_images(4, 1);
  const CalibratedNetwork calibrated = calibrate(small_network(1), images);
  const std::vector<int> bits{4};
  const auto measure_with = [&](const std::vector<LayerTrace>& traces) {
    return measure_sensitivity(calibrated, SensitivityMetric::kHessian, bits, images, traces,
                               [](std::int64_t, std::int64_t) { return true; });
  };
  const auto missing = measure_with({{"conv1", 1, 0.1, 135}, {"linear", 6, 0.5, 12}});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("conv2"), std::string::npos);
  const auto other = measure_with({{"conv1", 1, 0.1, 135}, {"conv2", 1, 0.1, 181}, {"linear", 6, 0.5, 12}});
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("181"), std::string::npos);
}

/// Logits of `net` with the output of one node replaced, by evaluating every node behind it.
Tensor<float> evaluate_with(const Network& net, const Tensor<float>& images, NodeId replaced, const Tensor<float>& value) {
  std::vector<Tensor<float>> tensors = network::evaluate_all(net, images);
  tensors[replaced] = value;
  for (const NodeId id : net.topological_order()) {
    if (id <= replaced) continue;
    std::vector<const Tensor<float>*> inputs;
    for (const NodeId input : net.inputs(id)) inputs.push_back(&tensors[input]);
    tensors[id] = network::evaluate_node(net, id, inputs);
  }
  return tensors[net.output()];
}

double mean_squared(const Tensor<float>& x, const Tensor<float>& y) {
  double sum = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) sum += std::pow(static_cast<double>(x[i]) - y[i], 2);
  return sum / static_cast<double>(x.size());
}

TEST(Sensitivity, MseEqualsAWholeEvaluationWithOneTensorQuantized) {
  const Network net = small_network(3);
  const network::Dataset images = random_images(70, 3);  // more than a chunk of 64
  const CalibratedNetwork calibrated = calibrate(net, images);
  const SensitivityTable table = measure(calibrated, SensitivityMetric::kMse, {3, 5}, images);
  EXPECT_EQ(table.images, 70);
  const Tensor<float> input = images.normalized(0, 70, kUnit);
  const Tensor<float> exact = network::evaluate(net, input);

  for (const int bits : {3, 5}) {
    SCOPED_TRACE(bits);
    const NodeId conv2 = *calibrated.folded().find("conv2");
    const QuantizedWeights quantized = calibrated.quantize_weights(conv2, bits);
    Network changed = net;
    Tensor<float>& weight = changed.node(*changed.find("conv2")).weight;
    for (std::int64_t i = 0; i < weight.size(); ++i)
      weight[i] = static_cast<float>(quantized.values[i]) * quantized.scales[static_cast<std::size_t>(i / (weight.size() / 4))];
    const double weights_only = mean_squared(exact, network::evaluate(changed, input));
    EXPECT_NEAR(table.layers[1].error.at(bits), weights_only, 1e-4 * weights_only);

    const NodeId relu = *net.find("conv1.relu");
    Tensor<float> rounded = network::evaluate_all(net, input)[relu];
    const float scale = calibrated.input_scale(conv2, bits);
    const BitWidth format = calibrated.input_format(conv2, bits);
    for (float& value : rounded.values())
      value = static_cast<float>(format.clamp(static_cast<std::int64_t>(std::nearbyint(value / scale)))) * scale;
    const double input_only = mean_squared(exact, evaluate_with(net, input, relu, rounded));
    // A value on a rounding boundary may fall to the other side: x / s and x * (1 / s) differ by an ulp.
    EXPECT_NEAR(table.layers[1].input_error.at(bits), input_only, 1e-2 * input_only);
  }
}

TEST(Sensitivity, FallsWithBitsAndDoesNotDependOnThreads) {
  const network::Dataset images = random_images(70, 5);
  const CalibratedNetwork calibrated = calibrate(small_network(5), images);
  for (const auto metric : {SensitivityMetric::kMse, SensitivityMetric::kKl}) {
    set_thread_count(1);
    const SensitivityTable one = measure(calibrated, metric, {2, 4, 8}, images);
    set_thread_count(3);
    const SensitivityTable three = measure(calibrated, metric, {2, 4, 8}, images);
    set_thread_count(0);
    EXPECT_EQ(to_text(sensitivity_to_json(one, "small")), to_text(sensitivity_to_json(three, "small")));
    for (const LayerSensitivity& layer : one.layers) {
      EXPECT_GT(layer.error.at(2), layer.error.at(4)) << layer.name;
      EXPECT_GT(layer.error.at(4), layer.error.at(8)) << layer.name;
      EXPECT_GT(layer.input_error.at(2), layer.input_error.at(8)) << layer.name;
      EXPECT_GE(layer.error.at(8), 0);
    }
  }
}

TEST(Sensitivity, StopsAndRefuses) {
  const network::Dataset images = random_images(4, 1);
  const CalibratedNetwork calibrated = calibrate(small_network(1), images);
  const std::vector<int> good{4}, bad{9};
  const auto stopped =
      measure_sensitivity(calibrated, SensitivityMetric::kMse, good, images, {}, [](std::int64_t, std::int64_t) { return false; });
  ASSERT_TRUE(stopped);
  EXPECT_FALSE(stopped->has_value());
  const auto on = [](std::int64_t, std::int64_t) { return true; };
  EXPECT_FALSE(measure_sensitivity(calibrated, SensitivityMetric::kMse, bad, images, {}, on));
  EXPECT_FALSE(measure_sensitivity(calibrated, SensitivityMetric::kMse, good, images.subset({}), {}, on));
}

TEST(Sensitivity, DocumentHasThePromisedFields) {
  const network::Dataset images = random_images(4, 1);
  const CalibratedNetwork calibrated = calibrate(small_network(1), images);
  const std::vector<LayerTrace> traces{{"linear", 6, 0.5, 12}, {"conv1", 1, 0.1, 135}, {"conv2", 3, 0.2, 180}};
  const OrderedJson document = sensitivity_to_json(measure(calibrated, SensitivityMetric::kHessian, {4, 8}, images, traces), "small");
  EXPECT_EQ(document["schema"], "dyad.sensitivity/1");
  EXPECT_EQ(document["metric"], "hessian");
  EXPECT_EQ(document["layers"][0]["name"], "conv1");
  EXPECT_EQ(document["layers"][0]["trace"], 1);
  EXPECT_EQ(document["layers"][0]["trace_stderr"], 0.1);
  EXPECT_TRUE(document["layers"][0]["error"].contains("8"));
}

}  // namespace
}  // namespace dyad::quantizer
