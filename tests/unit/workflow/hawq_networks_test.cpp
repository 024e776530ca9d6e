// Every network that HAWQ-V3 quantizes, as integers: uniform 4 and 8 bits and mixed bits under size, BOPS and latency limits, random
// weights and batch norms, small images. Accuracy is not at stake here; that every layer has an integer form, and one only, is.
#include <gtest/gtest.h>

#include <cmath>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/base/random.hpp"
#include "dyad/kernels/executor.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/summary.hpp"
#include "dyad/quantizer/allocation.hpp"
#include "dyad/quantizer/post_training.hpp"
#include "dyad/quantizer/sensitivity.hpp"
#include "support/test_data.hpp"

namespace dyad::workflow {
namespace {

using network::Network;
using network::NodeId;
using quantizer::CalibratedNetwork;
using quantizer::IntegerNetwork;

constexpr std::uint64_t kSeed = 20;

struct Topology {
  const char* name;
  std::int64_t image;  ///< the smallest that every layer allows, or a little more
};
constexpr Topology kTopologies[] = {{"resnet18", 32},  {"resnet34", 32},   {"resnet50", 32},    {"resnet50b", 32},
                                    {"resnet101", 32}, {"resnet101b", 32}, {"inceptionv3", 75}, {"mobilenetv2", 32}};

/// Uniform weights of unit gain, and batch norms with statistics of their own.
void randomize(Network& net, Random& random) {
  const auto between = [&](double low, double high) { return static_cast<float>(low + (high - low) * random.uniform()); };
  for (const NodeId id : net.execution_order()) {
    network::Node& node = net.node(id);
    const LayerShape shape = network::layer_shape(net, id);
    const std::int64_t channels = node.output_shape.empty() ? 0 : node.output_shape.back();
    if (shape.is_weighted()) {
      node.weight = Tensor<float>({shape.out_channels, shape.window.kernel_h, shape.window.kernel_w, shape.in_channels / shape.groups});
      const double limit = std::sqrt(6.0 / static_cast<double>(node.weight.size() / shape.out_channels));
      for (float& weight : node.weight.values()) weight = between(-limit, limit);
      if (node.has_bias) node.bias.assign(static_cast<std::size_t>(shape.out_channels), 0.01f);
    }
    if (node.kind != network::OpKind::kBatchNorm) continue;
    for (std::int64_t c = 0; c < channels; ++c) {
      node.batch_norm.gamma.push_back(between(0.4, 0.8));
      node.batch_norm.beta.push_back(between(-0.1, 0.1));
      node.batch_norm.mean.push_back(between(-0.1, 0.1));
      node.batch_norm.variance.push_back(between(0.5, 1.5));
    }
  }
}

network::Dataset random_images(std::int64_t count, std::int64_t size, Random& random) {
  network::Dataset data;
  data.name = "noise";
  data.images = Tensor<std::uint8_t>({count, size, size, 3});
  for (auto& pixel : data.images.values()) pixel = static_cast<std::uint8_t>(random.below(256));
  data.labels.assign(static_cast<std::size_t>(count), 0);
  return data;
}

/// HAWQ-V3's integer program without its traces: loss is the perturbation of the weights. First and last layer are left out.
quantizer::ChoiceProblem problem_of(const CalibratedNetwork& calibrated, const CostModel& model) {
  quantizer::ChoiceProblem problem;
  const Network& net = calibrated.folded();
  const std::vector<NodeId>& layers = calibrated.layers();
  for (std::size_t i = 1; i + 1 < layers.size(); ++i) {
    const LayerShape shape = network::layer_shape(net, layers[i]);
    quantizer::ChoiceLayer layer{shape.name, {}};
    for (const int bits : {4, 8}) {
      const auto cost = model.cost(shape, {bits, bits, bits}, {});
      EXPECT_TRUE(cost) << shape.name;
      layer.choices.push_back({bits,
                               bits,
                               quantizer::weight_error(calibrated, layers[i], bits),
                               {{"size", static_cast<double>(shape.weight_count()) * bits / 8},
                                {"bops", static_cast<double>(shape.macs()) * bits * bits},
                                {"latency", static_cast<double>(cost->cycles.value)}}});
    }
    problem.layers.push_back(std::move(layer));
    // The first convolution of a resize unit and its identity convolution read one tensor.
    if (shape.name.find("identity_conv") != std::string::npos) {
      for (const NodeId other : layers)
        if (other != layers[i] && net.inputs(other) == net.inputs(layers[i])) problem.ties.push_back({net.node(other).name, shape.name});
    }
  }
  return problem;
}

Tensor<std::int32_t> logits(const IntegerNetwork& net, const char* backend_name, const network::Dataset& data) {
  const auto backend = make_integer_backend(backend_name);
  EXPECT_TRUE(backend);
  const auto executor = kernels::Executor::create(net, **backend);
  EXPECT_TRUE(executor) << executor.error().message;
  return executor->run(data.images);
}

class HawqNetworks : public ::testing::TestWithParam<Topology> {};

TEST_P(HawqNetworks, LowerAndRunAtUniformAndMixedBits) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  kernels::register_cpu_backends();
  Random random(kSeed);
  auto made = network::make_topology(GetParam().name, {10, GetParam().image});
  ASSERT_TRUE(made) << made.error().message;
  Network& net = *made;
  randomize(net, random);
  quantizer::PostTrainingOptions options;
  options.weights = quantizer::WeightRule::kMinMax;
  options.activations = "minmax";
  options.bias_correction = false;
  const network::Dataset images = random_images(2, GetParam().image, random);
  const auto calibrated = CalibratedNetwork::calibrate(net, images, network::default_normalization(net, 3), options);
  ASSERT_TRUE(calibrated) << calibrated.error().place << ": " << calibrated.error().message;

  const auto model = accel_models::make_cost_model("t4-hawq", Tier::kAnalytic);
  ASSERT_TRUE(model);
  const quantizer::ChoiceProblem problem = problem_of(*calibrated, **model);
  std::vector<BitAssignment> assignments{quantizer::uniform_assignment(calibrated->folded(), {8, 8}, false),
                                         quantizer::uniform_assignment(calibrated->folded(), {4, 4}, false)};
  for (const char* cost : {"size", "bops", "latency"}) {
    double previous = 0;
    for (const double fraction : {0.75, 0.5, 0.25}) {
      const auto limits = quantizer::resolve_limits(
          problem, std::vector{quantizer::LimitRequest{cost, quantizer::LimitKind::kFraction, fraction}}, GetParam().name);
      ASSERT_TRUE(limits);
      const auto outcome = quantizer::allocate(problem, *limits);
      const auto* allocation = std::get_if<quantizer::Allocation>(&outcome);
      ASSERT_NE(allocation, nullptr) << cost << " " << fraction;
      EXPECT_TRUE(allocation->proved) << cost << " " << fraction;
      EXPECT_LE(allocation->totals.at(cost), limits->front().value * (1 + 1e-12));
      EXPECT_GE(allocation->objective, previous - 1e-12) << "a tighter limit can't lose less";
      previous = allocation->objective;
      if (fraction != 0.5) continue;
      BitAssignment mixed = assignments[0];
      for (const auto& [name, bits] : allocation->assignment) mixed.at(name) = bits;
      EXPECT_NE(mixed, assignments[0]);
      EXPECT_NE(mixed, assignments[1]);
      if (std::string(cost) == "latency") assignments.push_back(std::move(mixed));
    }
  }

  for (const BitAssignment& assignment : assignments) {
    const auto integers = calibrated->quantize(assignment);
    ASSERT_TRUE(integers) << integers.error().place << ": " << integers.error().message;
    EXPECT_EQ(integers->assignment, assignment);
    const Tensor<std::int32_t> scalar = logits(*integers, "scalar", images), cpu = logits(*integers, "cpu", images);
    std::int64_t nonzero = 0;
    for (std::int64_t i = 0; i < scalar.size(); ++i) {
      EXPECT_EQ(scalar[i], cpu[i]);
      nonzero += scalar[i] != 0;
    }
    EXPECT_GT(nonzero, scalar.size() / 2);
    // Tensors in front of a linear bottleneck's reader are signed: HAWQ-V3's unsigned 4 bits would cut their negative half.
    bool signed_input = false;
    for (std::size_t i = 1; i < integers->layers.size(); ++i)
      signed_input = signed_input || (integers->layers[i].op == IntegerOp::kConv && integers->layers[i].inputs[0].is_signed);
    if (std::string(GetParam().name) == "mobilenetv2") {
      EXPECT_TRUE(signed_input);
    }
    bool concatenates = false;
    for (const IntegerLayer& layer : integers->layers) concatenates = concatenates || layer.op == IntegerOp::kConcat;
    EXPECT_EQ(concatenates, std::string(GetParam().name) == "inceptionv3");
  }
}

INSTANTIATE_TEST_SUITE_P(All, HawqNetworks, ::testing::ValuesIn(kTopologies), [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace dyad::workflow
