// Post-training quantization: rules against slow references, lowering against its float twin on every kind of graph, and ResNet-20.
#include "dyad/quantizer/post_training.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "dyad/base/files.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/base/random.hpp"
#include "dyad/kernels/executor.hpp"
#include "dyad/network/float_executor.hpp"
#include "dyad/network/import.hpp"
#include "dyad/quantizer/fake_quantization.hpp"
#include "support/test_data.hpp"

namespace dyad::quantizer {
namespace {

using network::Dataset;
using network::Network;
using network::Node;
using network::NodeId;
using network::OpKind;

constexpr std::uint64_t kSeed = 7;

// A network under construction: unit-variance random weights, so that activations stay near one.
class Builder {
 public:
  Builder(std::int64_t size, std::int64_t channels) {
    Node node;
    node.kind = OpKind::kInput;
    node.name = "image";
    node.output_shape = {size, size, channels};
    depth_.push_back(channels);
    net.name = "test";
    last = net.add(node, {});
  }
  NodeId conv(NodeId from, std::int64_t out, int kernel, int stride = 1, int groups = 1) {
    Node node;
    node.kind = OpKind::kConv;
    node.name = "conv" + std::to_string(net.size());
    const int pad = kernel / 2;
    node.window = {kernel, kernel, stride, stride, pad, pad, pad, pad, 1, 1};
    node.groups = groups;
    return weighted(std::move(node), from, out, {out, kernel, kernel, depth_[from] / groups});
  }
  NodeId linear(NodeId from, std::int64_t out, std::int64_t in) {
    Node node;
    node.kind = OpKind::kLinear;
    node.name = "fc" + std::to_string(net.size());
    return weighted(std::move(node), from, out, {out, 1, 1, in});
  }
  NodeId op(OpKind kind, std::initializer_list<NodeId> from, Node node = {}) {
    node.kind = kind;
    node.name = std::string(to_string(kind)) + std::to_string(net.size());
    std::int64_t channels = 0;
    for (const NodeId id : from) channels = kind == OpKind::kConcat ? channels + depth_[id] : depth_[id];
    depth_.push_back(channels + node.channel_pad_before + node.channel_pad_after);
    return last = net.add(std::move(node), from);
  }
  Network finish() {
    net.set_output(last);
    const auto shapes = net.infer_shapes();
    EXPECT_TRUE(shapes) << shapes.error().message;
    return net;
  }
  Network net;
  NodeId last = 0;

 private:
  NodeId weighted(Node node, NodeId from, std::int64_t out, Shape shape) {
    node.out_channels = out;
    node.has_bias = true;
    node.weight = Tensor<float>(std::move(shape));
    const double deviation = std::sqrt(2.0 * static_cast<double>(out) / static_cast<double>(node.weight.size()));
    for (float& w : node.weight.values()) w = static_cast<float>(random_.normal() * deviation);
    for (std::int64_t k = 0; k < out; ++k) node.bias.push_back(static_cast<float>(random_.normal() * 0.1));
    depth_.push_back(out);
    return last = net.add(std::move(node), {from});
  }
  Random random_{kSeed};
  std::vector<std::int64_t> depth_;
};

Node windowed(int kernel, int stride, int pad, bool ceil_mode = false) {
  Node node;
  node.window = {kernel, kernel, stride, stride, pad, pad, pad, pad, 1, 1};
  node.ceil_mode = ceil_mode;
  return node;
}

Dataset noise(std::int64_t images, std::int64_t size, std::int64_t channels, std::uint64_t seed = kSeed) {
  Random random(seed);
  Dataset data;
  data.name = "noise";
  data.images = Tensor<std::uint8_t>({images, size, size, channels});
  for (auto& pixel : data.images.values()) pixel = static_cast<std::uint8_t>(random.below(256));
  data.labels.assign(static_cast<std::size_t>(images), 0);
  return data;
}

network::Normalization centred(std::int64_t channels) {
  return {std::vector<float>(static_cast<std::size_t>(channels), 0.5f), std::vector<float>(static_cast<std::size_t>(channels), 0.25f)};
}

template <typename T>
T must(Result<T> result) {
  if (!result) throw InternalError(result.error().place + ": " + result.error().message);
  return std::move(result).value();
}

Tensor<float> integer_logits(const IntegerNetwork& net, const Dataset& data, const char* backend_name = "scalar") {
  static const bool registered = (kernels::register_cpu_backends(), true);
  EXPECT_TRUE(registered);
  const auto backend = must(make_integer_backend(backend_name));
  const Tensor<std::int32_t> raw = must(kernels::Executor::create(net, *backend)).run(data.images);
  Tensor<float> logits(raw.shape());
  for (std::int64_t i = 0; i < raw.size(); ++i) {
    const std::size_t c = net.output_scales.size() == 1 ? 0 : static_cast<std::size_t>(i % raw.extent(1));
    logits[i] = static_cast<float>(raw[i] * net.output_scales[c]);
  }
  return logits;
}

double variance(const Tensor<float>& values) {
  double sum = 0, squares = 0;
  for (const float v : values.values()) sum += v, squares += static_cast<double>(v) * v;
  const auto n = static_cast<double>(values.size());
  return squares / n - (sum / n) * (sum / n);
}

// Residual blocks with identity, option A and 1 x 1 shortcuts.
Network residual_network() {
  Builder b(8, 3);
  const NodeId stem = b.op(OpKind::kRelu, {b.conv(0, 8, 3)});
  NodeId main = b.conv(b.op(OpKind::kRelu, {b.conv(stem, 8, 3)}), 8, 3);
  const NodeId first = b.op(OpKind::kRelu, {b.op(OpKind::kAdd, {main, stem})});
  Node shortcut = windowed(1, 2, 0);
  shortcut.channel_pad_before = 2, shortcut.channel_pad_after = 2;
  const NodeId option_a = b.op(OpKind::kSubsample, {first}, shortcut);
  main = b.conv(b.op(OpKind::kRelu, {b.conv(first, 12, 3, 2)}), 12, 3);
  const NodeId second = b.op(OpKind::kRelu, {b.op(OpKind::kAdd, {main, option_a})});
  const NodeId projected = b.conv(second, 16, 1, 2);
  main = b.conv(b.op(OpKind::kRelu, {b.conv(second, 16, 3, 2)}), 16, 3);
  b.op(OpKind::kRelu, {b.op(OpKind::kAdd, {main, projected})});
  b.linear(b.op(OpKind::kFlatten, {b.op(OpKind::kGlobalAveragePool, {b.last})}), 5, 16);
  return b.finish();
}

// Inverted residuals: depthwise, ReLU6, signed linear bottlenecks, an addition without ReLU; softmax at the end.
Network mobile_network() {
  Builder b(8, 3);
  const NodeId stem = b.op(OpKind::kRelu6, {b.conv(0, 8, 3)});
  const NodeId first = b.conv(b.op(OpKind::kRelu6, {b.conv(stem, 8, 3, 1, 8)}), 6, 1);
  const NodeId expanded = b.op(OpKind::kRelu6, {b.conv(first, 12, 1)});
  const NodeId second = b.conv(b.op(OpKind::kRelu6, {b.conv(expanded, 12, 3, 1, 12)}), 6, 1);
  b.op(OpKind::kRelu6, {b.conv(b.op(OpKind::kAdd, {second, first}), 10, 1)});
  b.linear(b.op(OpKind::kGlobalAveragePool, {b.last}), 4, 10);
  b.op(OpKind::kSoftmax, {b.last});
  return b.finish();
}

// Branches of several kinds, joined; max pooling in ceil mode, average pooling without its padding, a flatten with an area, groups,
// a ReLU that cannot be fused, and a tensor that goes both wide and narrow.
Network branching_network() {
  Builder b(9, 3);
  const NodeId stem = b.op(OpKind::kMaxPool, {b.op(OpKind::kRelu, {b.conv(0, 8, 3)})}, windowed(3, 2, 1, true));
  const NodeId left = b.op(OpKind::kRelu, {b.conv(stem, 4, 1)});
  const NodeId raw = b.conv(stem, 6, 3, 1, 2);
  const NodeId middle = b.op(OpKind::kRelu, {raw});
  const NodeId right = b.conv(b.op(OpKind::kAveragePool, {stem}, windowed(3, 1, 1)), 3, 1);
  const NodeId joined = b.op(OpKind::kConcat, {left, middle, right});
  const NodeId also_raw = b.conv(raw, 13, 1);  // reads the signed tensor in front of `middle`
  const NodeId sum = b.op(OpKind::kAdd, {joined, also_raw});
  b.op(OpKind::kFlatten, {b.op(OpKind::kMaxPool, {sum}, windowed(2, 2, 0))});
  b.linear(b.last, 6, 13 * 4);
  return b.finish();
}

// A chain in which one concatenation feeds one convolution directly, ended by a convolution and a pooling that are the logits.
Network convolutional_network() {
  Builder b(6, 1);
  const NodeId stem = b.op(OpKind::kRelu, {b.conv(0, 6, 3)});
  const NodeId joined = b.op(OpKind::kConcat, {b.op(OpKind::kRelu, {b.conv(stem, 4, 1)}), b.op(OpKind::kRelu, {b.conv(stem, 5, 3)})});
  b.conv(joined, 7, 3);
  b.op(OpKind::kGlobalAveragePool, {b.last});
  return b.finish();
}

struct Case {
  const char* name;
  Network (*make)();
  std::int64_t size, channels;
};
const Case kCases[] = {{"residual", residual_network, 8, 3},
                       {"mobile", mobile_network, 8, 3},
                       {"branching", branching_network, 9, 3},
                       {"convolutional", convolutional_network, 6, 1}};

TEST(Lowering, IntegersFollowTheFloatTwinOnEveryGraph) {
  for (const Case& c : kCases) {
    const Dataset calibration = noise(64, c.size, c.channels), fresh = noise(32, c.size, c.channels, 99);
    for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kFloat32Scale}) {
      PostTrainingOptions options;
      options.rounding = rounding;
      const auto calibrated = must(CalibratedNetwork::calibrate(c.make(), calibration, centred(c.channels), options));
      for (const LayerBits bits : {LayerBits{8, 8}, LayerBits{5, 6}, LayerBits{4, 4}, LayerBits{2, 3}}) {
        const BitAssignment assignment = uniform_assignment(calibrated.folded(), bits, true);
        const IntegerNetwork net = must(calibrated.quantize(assignment));
        const auto valid = validate(net, "test");
        ASSERT_TRUE(valid) << valid.error().message;
        const Tensor<float> integer = integer_logits(net, fresh), twin = must(evaluate_quantized(calibrated, assignment, fresh));
        // The two differ by roundings to 16 bits and by ties of requantization that fall the other way: few at 8 bits, larger steps below.
        const double limit = bits.activation == 8 ? 2e-4 : bits.activation == 6 ? 1e-3 : bits.activation == 4 ? 4e-3 : 1e-2;
        EXPECT_LT(logits_error(twin, integer).mse / variance(twin), limit) << c.name << " W" << bits.weight << "A" << bits.activation;
      }
      const BitAssignment w8a8 = uniform_assignment(calibrated.folded(), {8, 8}, true);
      const Tensor<float> reference = evaluate_float(calibrated, fresh);
      if (c.make == mobile_network) continue;  // its float output is after the softmax
      EXPECT_LT(logits_error(reference, integer_logits(must(calibrated.quantize(w8a8)), fresh)).mse / variance(reference), 5e-3) << c.name;
    }
  }
}

TEST(Lowering, CpuBackendGivesTheSameIntegers) {
  for (const Case& c : kCases) {
    const auto calibrated = must(CalibratedNetwork::calibrate(c.make(), noise(32, c.size, c.channels), centred(c.channels), {}));
    const IntegerNetwork net = must(calibrated.quantize(uniform_assignment(calibrated.folded(), {5, 7}, false)));
    const Dataset fresh = noise(9, c.size, c.channels, 3);
    EXPECT_EQ(integer_logits(net, fresh, "scalar"), integer_logits(net, fresh, "cpu")) << c.name;
  }
}

const IntegerLayer& layer_of(const IntegerNetwork& net, const std::string& name) {
  const auto found = std::find_if(net.layers.begin(), net.layers.end(), [&](const IntegerLayer& l) { return l.name == name; });
  if (found == net.layers.end()) throw InternalError("no layer " + name);
  return *found;
}

TEST(Lowering, ResidualBlocksHaveTheFormatsOfHawq) {
  const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), noise(32, 8, 3), centred(3), {}));
  const IntegerNetwork net = must(calibrated.quantize(uniform_assignment(calibrated.folded(), {4, 4}, false)));
  EXPECT_EQ(net.input.format, (BitWidth{8, true}));
  EXPECT_EQ(net.input.scale, 2.0f / 127.0f);                       // (1 - 0.5) / 0.25
  EXPECT_EQ(layer_of(net, "conv1").output, (BitWidth{16, true}));  // stem: read by a convolution and an addition
  EXPECT_TRUE(layer_of(net, "conv1").relu);
  EXPECT_EQ(layer_of(net, "conv3").output, (BitWidth{4, false}));  // straight to the next convolution
  EXPECT_FALSE(layer_of(net, "conv5").requantize);                 // raw sums into the addition
  EXPECT_EQ(layer_of(net, "add6").inputs, (std::vector<BitWidth>{{32, true}, {16, true}}));
  EXPECT_EQ(layer_of(net, "add6").output, (BitWidth{16, true}));
  EXPECT_EQ(layer_of(net, "add6").requantizations.at(0).ratios.size(), 8u);
  EXPECT_EQ(layer_of(net, "add6").requantizations.at(1).ratios.size(), 1u);
  EXPECT_EQ(layer_of(net, "add6").op, IntegerOp::kAdd);
  int narrowed = 0;  // relu of the second block is read by two convolutions at equal bits: one requantization serves both
  for (const IntegerLayer& l : net.layers) narrowed += l.op == IntegerOp::kRequantize ? 1 : 0;
  EXPECT_EQ(narrowed, 4);  // stem, first, second, pooled
  EXPECT_EQ(net.output_scales.size(), 1u);
  EXPECT_EQ(net.layers.back().output, (BitWidth{32, true}));
}

TEST(Lowering, UnsignedPixelsLoseNothing) {
  const auto calibrated = must(CalibratedNetwork::calibrate(convolutional_network(), noise(8, 6, 1), {{0.0f}, {1.0f}}, {}));
  const IntegerNetwork net = must(calibrated.quantize(uniform_assignment(calibrated.folded(), {8, 8}, false)));
  EXPECT_EQ(net.input.format, (BitWidth{8, false}));
  for (int v = 0; v < 256; ++v) EXPECT_EQ(net.input.table[v], v);
}

TEST(Lowering, FastFormIsUsedWhereItFits) {
  PostTrainingOptions options;
  options.form = RequantizationForm::kShift32;
  const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), noise(16, 8, 3), centred(3), options));
  const IntegerNetwork net = must(calibrated.quantize(uniform_assignment(calibrated.folded(), {8, 8}, false)));
  int fast = 0;
  for (const IntegerLayer& l : net.layers)
    for (const Requantization& r : l.requantizations) {
      const bool all = std::all_of(r.ratios.begin(), r.ratios.end(), [](Dyadic d) { return d.shift == 32; });
      if (all && r.ratios.size() > 1) ++fast;
    }
  EXPECT_GT(fast, 0);
  const Dataset fresh = noise(16, 8, 3, 5);
  const Tensor<float> reference = evaluate_float(calibrated, fresh);
  EXPECT_LT(logits_error(reference, integer_logits(net, fresh)).mse / variance(reference), 5e-3);
}

TEST(Lowering, NarrowCarriersWork) {
  PostTrainingOptions options;
  options.residual_bits = 8;
  const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), noise(64, 8, 3), centred(3), options));
  const BitAssignment w8a8 = uniform_assignment(calibrated.folded(), {8, 8}, false);
  const IntegerNetwork net = must(calibrated.quantize(w8a8));
  EXPECT_EQ(layer_of(net, "add6").output, (BitWidth{8, false}));  // narrow and never negative: unsigned
  const Dataset fresh = noise(32, 8, 3, 5);
  const Tensor<float> twin = must(evaluate_quantized(calibrated, w8a8, fresh));
  EXPECT_LT(logits_error(twin, integer_logits(net, fresh)).mse / variance(twin), 2e-3);
}

TEST(Lowering, UnsupportedOperationIsAnErrorNamingTheNode) {
  Builder b(4, 1);
  b.op(OpKind::kSigmoid, {b.conv(0, 3, 3)});
  b.linear(b.op(OpKind::kGlobalAveragePool, {b.last}), 2, 3);
  const auto calibrated = must(CalibratedNetwork::calibrate(b.finish(), noise(4, 4, 1), centred(1), {}));
  const auto net = calibrated.quantize(uniform_assignment(calibrated.folded(), {8, 8}, false));
  ASSERT_FALSE(net);
  EXPECT_NE(net.error().place.find("sigmoid2"), std::string::npos) << net.error().place;
}

TEST(Lowering, ChannelsAlmostSwitchedOffDoNotOverflow) {
  Builder b(4, 1);
  const NodeId conv = b.conv(0, 3, 3);
  for (std::int64_t i = 0; i < 9; ++i) b.net.node(conv).weight[i] *= 1e-14f;  // batch normalization with a tiny gamma leaves only its bias
  for (std::int64_t i = 9; i < 18; ++i) b.net.node(conv).weight[i] = 0;
  b.net.node(conv).bias = {1.5f, -0.5f, 0.25f};
  b.linear(b.op(OpKind::kGlobalAveragePool, {b.op(OpKind::kRelu, {conv})}), 2, 3);
  const auto calibrated = must(CalibratedNetwork::calibrate(b.finish(), noise(16, 4, 1), centred(1), {}));
  const IntegerNetwork net = must(calibrated.quantize(uniform_assignment(calibrated.folded(), {8, 8}, false)));
  const Dataset fresh = noise(8, 4, 1, 2);
  const Tensor<float> reference = evaluate_float(calibrated, fresh);
  const Tensor<float> integer = integer_logits(net, fresh);
  for (std::int64_t i = 0; i < integer.size(); ++i) EXPECT_NEAR(integer[i], reference[i], 0.02) << i;
}

TEST(Calibration, BytesDoNotDependOnTheNumberOfThreads) {
  const testing_support::TemporaryFolder folder;
  std::vector<std::uint8_t> bytes[2];
  std::vector<LogitsError> errors[2];
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), noise(70, 8, 3), centred(3), {}));
    const auto index = static_cast<std::size_t>(threads / 3);
    ASSERT_TRUE(save(must(calibrated.quantize(uniform_assignment(calibrated.folded(), {4, 5}, false))), folder / "n.dyad"));
    bytes[index] = must(read_bytes(folder / "n.dyad"));
    const std::vector<LayerProbe> probes{{calibrated.layers()[1], 3, {}}, {calibrated.layers()[2], {}, 3}};
    errors[index] = must(probe_errors(calibrated, noise(40, 8, 3, 4), probes));
  }
  set_thread_count(0);
  EXPECT_EQ(bytes[0], bytes[1]);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(errors[0][i].mse, errors[1][i].mse);
    EXPECT_EQ(errors[0][i].kl, errors[1][i].kl);
  }
}

TEST(Calibration, BiasCorrectionMatchesTheMeansOfTheLogits) {
  const Dataset calibration = noise(50, 8, 3);
  double steps[2] = {0, 0};  // largest difference of a class's mean, in steps of its accumulator
  for (const bool corrected : {false, true}) {
    PostTrainingOptions options;
    options.bias_correction = corrected;
    const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), calibration, centred(3), options));
    const Tensor<float> reference = evaluate_float(calibrated, calibration);
    const BitAssignment assignment = uniform_assignment(calibrated.folded(), {3, 3}, false);
    const Tensor<float> quantized = must(evaluate_quantized(calibrated, assignment, calibration));
    const NodeId fc = calibrated.layers().back();
    for (std::int64_t c = 0; c < 5; ++c) {
      double difference = 0;
      for (std::int64_t i = 0; i < 50; ++i) difference += quantized[i * 5 + c] - reference[i * 5 + c];
      const double step = calibrated.quantize_weights(fc, 8).scales[static_cast<std::size_t>(c)] * calibrated.input_scale(fc, 8);
      steps[corrected] = std::max(steps[corrected], std::fabs(difference / 50) / step);
    }
  }
  EXPECT_LT(steps[1], 0.51);  // the bias is a whole number of steps
  EXPECT_GT(steps[0], 5);
}

TEST(Calibration, BadInputIsAnError) {
  const Network net = residual_network();
  EXPECT_FALSE(CalibratedNetwork::calibrate(net, noise(0, 8, 3), centred(3), {}));
  EXPECT_FALSE(CalibratedNetwork::calibrate(net, noise(2, 9, 3), centred(3), {}));
  EXPECT_FALSE(CalibratedNetwork::calibrate(net, noise(2, 8, 3), centred(1), {}));
  PostTrainingOptions options;
  options.activations = "magic";
  EXPECT_FALSE(CalibratedNetwork::calibrate(net, noise(2, 8, 3), centred(3), options));
  options = {};
  options.residual_bits = 17;
  EXPECT_FALSE(CalibratedNetwork::calibrate(net, noise(2, 8, 3), centred(3), options));
  Network broken = net;
  broken.node(*broken.find("conv3")).weight[0] = std::numeric_limits<float>::infinity();
  const auto infinite = CalibratedNetwork::calibrate(broken, noise(2, 8, 3), centred(3), {});
  ASSERT_FALSE(infinite);
  EXPECT_NE(infinite.error().place.find("conv3"), std::string::npos);
  EXPECT_FALSE(CalibratedNetwork::calibrate(must(network::make_topology("resnet20", {})), noise(2, 32, 3), centred(3), {}));  // no weights

  const auto calibrated = must(CalibratedNetwork::calibrate(net, noise(4, 8, 3), centred(3), {}));
  const BitAssignment good = uniform_assignment(calibrated.folded(), {4, 4}, false);
  for (const auto& [bits, what] : {std::pair(LayerBits{9, 4}, "9"), {LayerBits{4, 1}, "1"}, {LayerBits{0, 4}, "0"}}) {
    BitAssignment bad = good;
    bad["conv3"] = bits;
    const auto result = calibrated.quantize(bad);
    ASSERT_FALSE(result) << what;
    EXPECT_NE(result.error().message.find("conv3"), std::string::npos);
  }
  BitAssignment missing = good, extra = good;
  missing.erase("conv3");
  extra["ghost"] = {4, 4};
  EXPECT_FALSE(calibrated.quantize(missing));
  EXPECT_FALSE(calibrated.quantize(extra));
}

TEST(WeightRules, FindTheBestOfTheirCandidates) {
  Builder b(4, 2);
  const NodeId conv = b.conv(0, 5, 3);
  b.linear(b.op(OpKind::kGlobalAveragePool, {conv}), 2, 5);
  const Network net = b.finish();
  const Tensor<float>& weight = net.node(conv).weight;
  const std::int64_t size = weight.size() / 5;
  for (const auto& [rule, power] : {std::pair(WeightRule::kMse, 2), {WeightRule::kPower3, 3}, {WeightRule::kMinMax, 0}}) {
    PostTrainingOptions options;
    options.weights = rule;
    const auto calibrated = must(CalibratedNetwork::calibrate(net, noise(4, 4, 2), centred(2), options));
    for (int bits = 2; bits <= 8; ++bits) {
      const QuantizedWeights q = calibrated.quantize_weights(calibrated.layers()[0], bits);
      const double highest = (1 << (bits - 1)) - 1, lowest = rule == WeightRule::kMse ? -highest - 1 : -highest;
      for (std::int64_t c = 0; c < 5; ++c) {
        double widest = 0;
        for (std::int64_t i = 0; i < size; ++i) widest = std::max(widest, std::fabs(static_cast<double>(weight[c * size + i])));
        const double scale = q.scales[static_cast<std::size_t>(c)];
        for (std::int64_t i = 0; i < size; ++i) {
          const double expected = std::clamp(std::nearbyint(weight[c * size + i] / scale), lowest, highest);
          ASSERT_NEAR(q.values[c * size + i], expected, 1) << "a value on a tie may go either way";
          ASSERT_GE(q.values[c * size + i], lowest);
        }
        if (power == 0) {
          EXPECT_NEAR(scale, widest / highest, widest * 1e-6);
          continue;
        }
        const auto error = [&](double step) {
          double sum = 0;
          for (std::int64_t i = 0; i < size; ++i) {
            const double x = weight[c * size + i];
            sum += std::pow(std::fabs(x - std::clamp(std::nearbyint(x / step), lowest, highest) * step), power);
          }
          return sum;
        };
        double best = std::numeric_limits<double>::infinity();
        for (int percent = 20; percent <= 120; ++percent) best = std::min(best, error(widest / highest * percent / 100));
        EXPECT_LE(error(scale), best * 1.0001) << "bits " << bits << " channel " << c;
      }
    }
  }
}

TEST(Probes, EqualTheDirectComputation) {
  const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), noise(32, 8, 3), centred(3), {}));
  const Dataset fresh = noise(21, 8, 3, 8);  // not a multiple of the batch
  std::vector<LayerProbe> probes;
  for (const NodeId layer : calibrated.layers()) {
    probes.push_back({layer, 3, {}});
    probes.push_back({layer, {}, 3});
    probes.push_back({layer, 4, 5});
    probes.push_back({layer, {}, {}});
  }
  const auto errors = must(probe_errors(calibrated, fresh, probes));
  const Tensor<float> images = fresh.normalized(0, 21, calibrated.normalization());
  const Tensor<float> reference = network::evaluate(calibrated.folded(), images);
  for (std::size_t p = 0; p < probes.size(); ++p) {
    // The whole network again, with the one layer's weights replaced and its input rounded value by value.
    const LayerProbe& probe = probes[p];
    std::vector<Tensor<float>> values(calibrated.folded().size());
    for (const NodeId id : calibrated.folded().execution_order()) {
      const Node& node = calibrated.folded().node(id);
      if (node.kind == OpKind::kInput) {
        values[id] = images;
        continue;
      }
      std::vector<const Tensor<float>*> inputs;
      for (const NodeId input : calibrated.folded().inputs(id)) inputs.push_back(&values[input]);
      if (id != probe.layer) {
        values[id] = network::evaluate_node(calibrated.folded(), id, inputs);
        continue;
      }
      Tensor<float> input = *inputs[0], weight = node.weight;
      if (probe.input_bits) {
        const BitWidth format = calibrated.input_format(id, *probe.input_bits);
        const float scale = calibrated.input_scale(id, *probe.input_bits), reciprocal = 1.0f / scale;
        for (float& v : input.values())
          v = std::clamp(std::nearbyint(v * reciprocal), static_cast<float>(format.lowest()), static_cast<float>(format.highest())) * scale;
      }
      if (probe.weight_bits) {
        const QuantizedWeights q = calibrated.quantize_weights(id, *probe.weight_bits);
        for (std::int64_t i = 0; i < weight.size(); ++i)
          weight[i] = static_cast<float>(q.values[i]) * q.scales[static_cast<std::size_t>(i / (weight.size() / weight.extent(0)))];
      }
      values[id] = network::evaluate_weighted(calibrated.folded(), id, input, weight, node.bias);
    }
    const LogitsError direct = logits_error(reference, std::move(values[calibrated.folded().output()]).reshaped(reference.shape()));
    EXPECT_NEAR(errors[p].mse, direct.mse, 1e-9 + 1e-6 * direct.mse) << p;
    EXPECT_NEAR(errors[p].kl, direct.kl, 1e-9 + 1e-6 * direct.kl) << p;
    if (!probe.weight_bits && !probe.input_bits) {
      EXPECT_EQ(errors[p].mse, 0);
    } else {
      EXPECT_GT(errors[p].mse, 0);
    }
  }
}

TEST(LogitsErrors, ByHand) {
  // Squares 1, 0, 4, 1 over two images of two classes; softmax (1/2, 1/2) against logits (1, 0).
  const Tensor<float> a({2, 2}, {0, 0, 1, 1}), b({2, 2}, {1, 0, 3, 2});
  const LogitsError e = logits_error(a, b);
  EXPECT_DOUBLE_EQ(e.mse, 6.0 / 4);
  const double kl = std::log(1 + std::exp(1.0)) - 0.5 - std::log(2.0);  // the same for both images
  EXPECT_NEAR(e.kl, kl, 1e-12);
  EXPECT_EQ(top1_percent(b, std::vector<std::int32_t>{0, 1}), 50);
  EXPECT_EQ(top1_percent(Tensor<float>({1, 3}, {2, 2, 1}), std::vector<std::int32_t>{0}), 100);  // the first among equals
}

// Bars of the real network, 0.8 points below what all 10,000 images give (docs/quantizer/post_training.md): 2,000 images move by that much.
TEST(ResNet20, IntegerAccuracyOnRealImages) {
  DYAD_NEEDS_DATA("cifar10/resnet20.onnx");
  const auto folder = *testing_support::data_folder() / "cifar10";
  const Network net = must(network::load_model((folder / "resnet20.onnx").string(), {}, {}));
  Dataset train = must(network::load_dataset(folder / "train_5k.bin", network::Split::kTrain));
  const Dataset all = must(network::load_dataset(folder / "test_batch.bin", network::Split::kTest));
  Random random(kSeed);
  std::vector<std::int64_t> chosen = random_permutation(train.size(), random);
  chosen.resize(1024);
  std::vector<std::int64_t> first(2000);
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<std::int64_t>(i);
  const Dataset test = all.subset(first);
  const auto calibrated =
      must(CalibratedNetwork::calibrate(net, train.subset(chosen), must(network::normalization_from_name("imagenet", 3)), {}));
  const std::tuple<LayerBits, double> bars[] = {{{8, 8}, 91.0}, {{6, 6}, 90.9}, {{4, 8}, 90.6}, {{4, 4}, 90.1}};
  for (const auto& [bits, bar] : bars) {
    const IntegerNetwork integer = must(calibrated.quantize(uniform_assignment(calibrated.folded(), bits, false)));
    EXPECT_GE(top1_percent(integer_logits(integer, test, "cpu"), test.labels), bar)
        << "W" << bits.weight << "A" << bits.activation << " seed " << kSeed;
  }
}

}  // namespace
}  // namespace dyad::quantizer
