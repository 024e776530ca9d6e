// Every operator of the ONNX importer against the operator's definition in the file's own layout.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <filesystem>

#include "unit/network/onnx_builder.hpp"

namespace dyad::network::onnx_test {
namespace {

std::vector<OpKind> kinds(const Network& network) {
  std::vector<OpKind> result;
  for (const NodeId id : network.execution_order()) result.push_back(network.node(id).kind);
  return result;
}

Image apply(Image image, double (*function)(double)) {
  for (double& value : image.values) value = function(value);
  return image;
}

const ConvCase kConvCases[] = {
    {3, 7, 5, 4, 3, 3},                                     // plain
    {1, 1, 1, 1, 1, 1},                                     // smallest
    {6, 9, 8, 4, 3, 2, 2, {2, 1}, {1, 2}, {1, 0, 2, 3}},    // groups, strides, dilation, asymmetric padding
    {5, 11, 13, 5, 3, 3, 5, {2, 2}, {1, 1}, {0, 0, 1, 1}},  // depthwise, TensorFlow's padding
    {4, 5, 5, 8, 5, 1, 4, {1, 3}, {1, 1}, {2, 0, 2, 0}},    // depthwise with multiplier, column kernel
};

TEST(OnnxConv, EqualsTheDefinition) {
  for (const ConvCase& t : kConvCases) {
    const std::int64_t weights = t.filters * (t.channels / t.groups) * t.kernel_h * t.kernel_w;
    const std::vector<float> weight = eighths(weights, 2), bias = eighths(t.filters, 3);
    const Image image = test_image(t.channels, t.h, t.w);
    for (const bool with_bias : {false, true}) {
      ModelBuilder model({t.channels, t.h, t.w});
      model.floats("w", {t.filters, t.channels / t.groups, t.kernel_h, t.kernel_w}, weight).floats("b", {t.filters}, bias);
      model.node("Conv", with_bias ? std::vector<std::string>{"x", "w", "b"} : std::vector<std::string>{"x", "w"}, "y").output("y");
      model.attribute("group", t.groups).attribute("strides", t.strides).attribute("dilations", t.dilations).attribute("pads", t.pads);
      expect_equal(evaluated(model.imported(), image), reference_conv(image, t, weight, with_bias ? bias : std::vector<float>{}));
    }
  }
}

// Output ceil(in / stride); of an odd total the extra element is behind (UPPER) or before (LOWER).
TEST(OnnxConv, AutoPad) {
  const auto window = [](const std::string& mode, std::int64_t extent, std::int64_t stride) {
    ModelBuilder model({1, extent, extent});
    model.floats("w", {1, 1, 3, 3}, eighths(9, 1))
        .node("Conv", {"x", "w"}, "y")
        .text("auto_pad", mode)
        .attribute("strides", std::vector<std::int64_t>{stride, stride})
        .output("y");
    const Network network = model.imported();
    return network.node(network.output()).window;
  };
  EXPECT_EQ(window("SAME_UPPER", 8, 2).pad_top, 0);  // 4 outputs read 9 rows of 8: one row, behind
  EXPECT_EQ(window("SAME_UPPER", 8, 2).pad_bottom, 1);
  EXPECT_EQ(window("SAME_LOWER", 8, 2).pad_top, 1);
  EXPECT_EQ(window("SAME_LOWER", 8, 2).pad_bottom, 0);
  EXPECT_EQ(window("SAME_UPPER", 7, 2).pad_top, 1);  // 4 outputs read 9 rows of 7: one each side
  EXPECT_EQ(window("SAME_UPPER", 7, 2).pad_right, 1);
  EXPECT_EQ(window("SAME_UPPER", 9, 4).pad_left, 1);  // 3 outputs read 11 columns of 9
  EXPECT_EQ(window("SAME_UPPER", 9, 5).pad_left, 0);  // 2 outputs read 8 columns of 9: none
  EXPECT_EQ(window("VALID", 8, 2).pad_bottom, 0);
}

TEST(OnnxConv, HalfPrecisionWeightsAndTypedDataAreRead) {
  ModelBuilder model({1, 1, 1});
  auto* half = model.graph().add_initializer();
  half->set_name("w");
  half->set_data_type(onnx::TensorProto::FLOAT16);
  for (const int extent : {2, 1, 1, 1}) half->add_dims(extent);
  const std::uint16_t bits[] = {0x3e00, 0xc000};  // 1.5 and -2 in binary16
  half->set_raw_data(bits, sizeof(bits));
  model.node("Conv", {"x", "w"}, "y").output("y");
  const Network network = model.imported();
  EXPECT_EQ(network.node(network.output()).weight[0], 1.5f);
  EXPECT_EQ(network.node(network.output()).weight[1], -2.0f);
}

// y = alpha * x W + beta * c. Eighths times 0.5 and 2 stay exact.
TEST(OnnxGemm, FlattenedImageAndEveryForm) {
  const std::int64_t channels = 3, h = 2, w = 4, outputs = 5, features = channels * h * w;
  const Image image = test_image(channels, h, w);
  const std::vector<float> weight = eighths(features * outputs, 7), bias = eighths(outputs, 8);
  for (const bool transposed : {false, true}) {
    for (const std::vector<std::int64_t>& bias_dims : {std::vector<std::int64_t>{outputs}, {1, outputs}}) {
      ModelBuilder model({channels, h, w});
      model.floats("w", transposed ? std::vector<std::int64_t>{outputs, features} : std::vector<std::int64_t>{features, outputs}, weight)
          .floats("c", bias_dims, bias);
      model.node("Flatten", {"x"}, "f")
          .node("Gemm", {"f", "w", "c"}, "y")
          .real("alpha", 0.5f)
          .real("beta", 2.0f)
          .attribute("transB", transposed ? 1 : 0)
          .output("y");
      Image expected(outputs, 1, 1);
      for (std::int64_t k = 0; k < outputs; ++k) {
        double sum = 2 * static_cast<double>(bias[static_cast<std::size_t>(k)]);
        for (std::int64_t f = 0; f < features; ++f)
          sum += 0.5 * image.values[static_cast<std::size_t>(f)] *
                 static_cast<double>(weight[static_cast<std::size_t>(transposed ? k * features + f : f * outputs + k)]);
        expected.values[static_cast<std::size_t>(k)] = sum;
      }
      expect_equal(evaluated(model.imported(), image), expected);
    }
  }
}

// Between Flatten and Gemm an activation and a batch normalization keep the features' order straight: gamma 1, mean 0, variance 1, epsilon
// 0.
TEST(OnnxGemm, OrderSurvivesElementwiseOperators) {
  const Image image = test_image(2, 3, 2);
  const std::vector<float> weight = eighths(12 * 2, 4), beta = eighths(12, 5);
  ModelBuilder model({2, 3, 2});
  model.floats("one", {12}, std::vector<float>(12, 1))
      .floats("zero", {12}, std::vector<float>(12, 0))
      .floats("beta", {12}, beta)
      .floats("w", {12, 2}, weight);
  model.node("Flatten", {"x"}, "f").node("BatchNormalization", {"f", "one", "beta", "zero", "one"}, "n").real("epsilon", 0);
  model.node("Relu", {"n"}, "r").node("MatMul", {"r", "w"}, "y").output("y");
  Image expected(2, 1, 1);
  for (std::size_t k = 0; k < 2; ++k)
    for (std::size_t f = 0; f < 12; ++f)
      expected.values[k] += std::max(image.values[f] + static_cast<double>(beta[f]), 0.0) * static_cast<double>(weight[f * 2 + k]);
  expect_equal(evaluated(model.imported(), image), expected);
}

TEST(OnnxAdd, ConstantBehindALayerIsItsBias) {
  const Image image = test_image(3, 1, 1);
  ModelBuilder model({3, 1, 1});
  model.floats("w", {3, 2}, {1, 2, 3, 4, 5, 6}).floats("b", {2}, {0.5f, -0.5f});
  model.node("Flatten", {"x"}, "f").node("MatMul", {"f", "w"}, "m").node("Add", {"b", "m"}, "y").output("y");
  const Network network = model.imported();
  EXPECT_EQ(kinds(network), (std::vector<OpKind>{OpKind::kInput, OpKind::kFlatten, OpKind::kLinear}));
  Image expected(2, 1, 1);
  expected.values = {image.values[0] + 3 * image.values[1] + 5 * image.values[2] + 0.5,
                     2 * image.values[0] + 4 * image.values[1] + 6 * image.values[2] - 0.5};
  expect_equal(evaluated(network, image), expected);

  ModelBuilder conv({1, 2, 2});
  conv.floats("w", {2, 1, 1, 1}, {1, 1})
      .floats("b", {1, 2, 1, 1}, {3, 4})
      .node("Conv", {"x", "w"}, "c")
      .node("Add", {"c", "b"}, "y")
      .output("y");
  EXPECT_EQ(conv.imported().node(1).bias, (std::vector<float>{3, 4}));
}

TEST(OnnxAdd, ConstantBehindASharedLayerIsRefused) {
  ModelBuilder model({1, 2, 2});
  model.floats("w", {2, 1, 1, 1}, {1, 1}).floats("b", {2, 1, 1}, {3, 4}).node("Conv", {"x", "w"}, "c").node("Identity", {"c"}, "i");
  model.node("Add", {"i", "b"}, "a").node("Add", {"a", "c"}, "y").output("y");
  EXPECT_NE(model.fault().message.find("Add of node 'a'"), std::string::npos);
}

// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta; variance + epsilon = 4 and 0.5.
TEST(OnnxBatchNormalization, EqualsTheDefinition) {
  const Image image = test_image(2, 2, 3);
  ModelBuilder model({2, 2, 3});
  model.floats("g", {2}, {2, -1}).floats("b", {2}, {0.5f, 0.25f}).floats("m", {2}, {1, -1});
  auto* variance = model.graph().add_initializer();  // numbers as a list instead of bytes
  variance->set_name("v");
  variance->set_data_type(onnx::TensorProto::FLOAT);
  variance->add_dims(2);
  variance->add_float_data(3.5f);
  variance->add_float_data(0);
  model.node("BatchNormalization", {"x", "g", "b", "m", "v"}, "y").real("epsilon", 0.5f).output("y");
  Image expected(2, 2, 3);
  for (std::int64_t y = 0; y < 2; ++y)
    for (std::int64_t x = 0; x < 3; ++x) {
      expected.at(0, y, x) = (image.at(0, y, x) - 1) / 2 * 2 + 0.5;
      expected.at(1, y, x) = -(image.at(1, y, x) + 1) / std::sqrt(0.5) + 0.25;
    }
  expect_equal(evaluated(model.imported(), image), expected, 3 * 6 * 0x1p-24);  // three roundings of values below 6
}

TEST(OnnxActivations, EqualTheirDefinitions) {
  const Image image = test_image(2, 4, 4);
  const auto unary = [&](const std::string& op) {
    ModelBuilder model({2, 4, 4});
    model.node(op, {"x"}, "y").output("y");
    return model;
  };
  expect_equal(evaluated(unary("Relu").imported(), image), apply(image, [](double v) { return std::max(v, 0.0); }));
  expect_equal(evaluated(unary("Sigmoid").imported(), image), apply(image, [](double v) { return 1 / (1 + std::exp(-v)); }), 1e-6);
  expect_equal(evaluated(unary("LeakyRelu").real("alpha", 0.25f).imported(), image),
               apply(image, [](double v) { return v < 0 ? v / 4 : v; }));
  ModelBuilder clip({2, 4, 4});
  clip.floats("low", {}, {0}).floats("high", {}, {6}).node("Clip", {"x", "low", "high"}, "y").output("y");
  EXPECT_EQ(clip.imported().node(1).kind, OpKind::kRelu6);
  ModelBuilder half_open({2, 4, 4});
  half_open.floats("low", {}, {0}).node("Clip", {"x", "low"}, "y").output("y");
  EXPECT_EQ(half_open.imported().node(1).kind, OpKind::kRelu);
  ModelBuilder narrow({2, 4, 4});
  narrow.floats("low", {}, {-1}).floats("high", {}, {1}).node("Clip", {"x", "low", "high"}, "y").output("y");
  EXPECT_NE(narrow.fault().message.find("[-1"), std::string::npos);
}

TEST(OnnxActivations, SwishIsRecognized) {
  const Image image = test_image(2, 3, 3);
  for (const bool gate_first : {false, true}) {
    ModelBuilder model({2, 3, 3});
    model.node("Sigmoid", {"x"}, "s")
        .node("Mul", gate_first ? std::vector<std::string>{"s", "x"} : std::vector<std::string>{"x", "s"}, "y")
        .output("y");
    const Network network = model.imported();
    EXPECT_EQ(kinds(network), (std::vector<OpKind>{OpKind::kInput, OpKind::kSwish}));
    expect_equal(evaluated(network, image), apply(image, [](double v) { return v / (1 + std::exp(-v)); }), 1e-6);
  }
  ModelBuilder shared({2, 3, 3});  // the sigmoid has another reader and must stay
  shared.node("Sigmoid", {"x"}, "s").node("Mul", {"x", "s"}, "m").node("Add", {"m", "s"}, "y").output("y");
  expect_equal(evaluated(shared.imported(), image), apply(image, [](double v) { return (v + 1) / (1 + std::exp(-v)); }), 1e-6);
}

// A gate by channel from the pooled image, as in squeeze and excitation, through (N, C) and back.
TEST(OnnxMul, GateByChannelThroughReshape) {
  const Image image = test_image(2, 2, 2);
  ModelBuilder model({2, 2, 2});
  model.integers("back", {0, 2, 1, 1}).integers("flat", {-1, 2});
  model.node("GlobalAveragePool", {"x"}, "p").node("Reshape", {"p", "flat"}, "f").node("Relu", {"f"}, "r");
  model.node("Reshape", {"r", "back"}, "g").node("Mul", {"x", "g"}, "y").output("y");
  Image expected = image;
  for (std::int64_t c = 0; c < 2; ++c) {
    double sum = 0;
    for (std::int64_t i = 0; i < 4; ++i) sum += image.at(c, i / 2, i % 2);
    for (std::int64_t i = 0; i < 4; ++i) expected.at(c, i / 2, i % 2) *= std::max(sum / 4, 0.0);
  }
  expect_equal(evaluated(model.imported(), image), expected);
}

TEST(OnnxConcat, JoinsChannelsInOrder) {
  const Image image = test_image(2, 2, 2);
  ModelBuilder model({2, 2, 2});
  model.node("Relu", {"x"}, "r").node("Concat", {"r", "x", "r"}, "y").attribute("axis", -3).output("y");
  Image expected(6, 2, 2);
  for (std::size_t i = 0; i < 8; ++i) {
    expected.values[i] = expected.values[16 + i] = std::max(image.values[i], 0.0);
    expected.values[8 + i] = image.values[i];
  }
  expect_equal(evaluated(model.imported(), image), expected);
  model.last().mutable_attribute(0)->set_i(2);
  EXPECT_NE(model.fault().message.find("axis 2"), std::string::npos);
}

// One row 1 2 3 4 5: kernel 2, stride 2.
TEST(OnnxPooling, PaddingCeilingAndCounting) {
  Image row(1, 1, 5);
  row.values = {1, 2, 3, 4, 5};
  const auto pooled = [&](const std::string& op, bool ceil_mode, int count_include_pad) {
    ModelBuilder model({1, 1, 5});
    model.node(op, {"x"}, "y")
        .attribute("kernel_shape", std::vector<std::int64_t>{1, 2})
        .attribute("strides", std::vector<std::int64_t>{1, 2});
    model.attribute("ceil_mode", ceil_mode ? 1 : 0).attribute("pads", std::vector<std::int64_t>{0, count_include_pad >= 0 ? 1 : 0, 0, 0});
    if (op == "AveragePool") model.attribute("count_include_pad", count_include_pad > 0 ? 1 : 0);
    model.output("y");
    return evaluated(model.imported(), row).values;
  };
  EXPECT_EQ(pooled("MaxPool", false, -1), (std::vector<double>{2, 4}));
  EXPECT_EQ(pooled("MaxPool", true, -1), (std::vector<double>{2, 4, 5}));
  EXPECT_EQ(pooled("MaxPool", false, 0), (std::vector<double>{1, 3, 5}));          // windows (-, 1), (2, 3), (4, 5)
  EXPECT_EQ(pooled("AveragePool", false, 0), (std::vector<double>{1, 2.5, 4.5}));  // the padding is not counted
  EXPECT_EQ(pooled("AveragePool", false, 1), (std::vector<double>{0.5, 2.5, 4.5}));
}

TEST(OnnxPooling, MeansOverTheWholeImageAreGlobal) {
  const Image image = test_image(2, 4, 2);
  Image expected(2, 1, 1);
  for (std::int64_t c = 0; c < 2; ++c)
    for (std::int64_t i = 0; i < 8; ++i) expected.values[static_cast<std::size_t>(c)] += image.at(c, i / 2, i % 2) / 8;
  ModelBuilder average({2, 4, 2});
  average.node("AveragePool", {"x"}, "y").attribute("kernel_shape", std::vector<std::int64_t>{4, 2}).output("y");
  ModelBuilder global({2, 4, 2});
  global.node("GlobalAveragePool", {"x"}, "y").output("y");
  ModelBuilder mean({2, 4, 2});
  mean.node("ReduceMean", {"x"}, "m")
      .attribute("axes", std::vector<std::int64_t>{-1, 2})
      .attribute("keepdims", 0)
      .node("Softmax", {"m"}, "s")
      .output("m");
  for (const ModelBuilder& model : {average, global, mean}) {
    const Network network = model.imported();
    EXPECT_EQ(network.node(network.output()).kind, OpKind::kGlobalAveragePool);
    expect_equal(evaluated(network, image), expected);
  }
  ModelBuilder rows({2, 4, 2});
  rows.node("ReduceMean", {"x"}, "y").attribute("axes", std::vector<std::int64_t>{2}).output("y");
  EXPECT_NE(rows.fault().message.find("ReduceMean"), std::string::npos);
}

// x.view(x.size(0), -1) as PyTorch exports it: Shape, Gather, Unsqueeze, Concat, Reshape.
TEST(OnnxReshape, ShapesComputedByTheGraph) {
  for (const int opset : {11, 13}) {
    ModelBuilder model({2, 3, 1}, opset);
    auto* index = model.graph().add_initializer();  // a scalar
    index->set_name("zero");
    index->set_data_type(onnx::TensorProto::INT64);
    index->add_int64_data(0);
    model.integers("axes", {0}).integers("minus", {-1}).floats("w", {6, 1}, {1, 2, 3, 4, 5, 6});
    model.node("Shape", {"x"}, "s").node("Gather", {"s", "zero"}, "n");
    if (opset >= 13) {
      model.node("Unsqueeze", {"n", "axes"}, "u");
    } else {
      model.node("Unsqueeze", {"n"}, "u").attribute("axes", std::vector<std::int64_t>{0});
    }
    model.node("Concat", {"u", "minus"}, "t")
        .attribute("axis", 0)
        .node("Reshape", {"x", "t"}, "f")
        .node("MatMul", {"f", "w"}, "y")
        .output("y");
    const Image image = test_image(2, 3, 1);
    Image expected(1, 1, 1);
    for (std::size_t i = 0; i < 6; ++i) expected.values[0] += image.values[i] * static_cast<double>(i + 1);
    expect_equal(evaluated(model.imported(), image), expected);
  }
}

TEST(OnnxReshape, TargetsThatKeepTheBatch) {
  const auto imports = [](const std::vector<std::int64_t>& target) {
    ModelBuilder model({2, 3, 1});
    model.integers("t", target)
        .floats("w", {6, 1}, std::vector<float>(6, 1))
        .node("Reshape", {"x", "t"}, "f")
        .node("MatMul", {"f", "w"}, "y")
        .output("y");
    return model.import().has_value();
  };
  EXPECT_TRUE(imports({-1, 6}));
  EXPECT_TRUE(imports({0, -1}));
  EXPECT_TRUE(imports({1, 6}));
  EXPECT_FALSE(imports({-1, -1}));
  EXPECT_FALSE(imports({2, -1}));  // moves the batch
  EXPECT_FALSE(imports({-1, 3}));
  EXPECT_FALSE(imports({6}));
  EXPECT_FALSE(imports({}));
  EXPECT_FALSE(imports({0, 3, 2}));
  EXPECT_FALSE(imports({-1, 0, 0, -5}));
}

// Option A of ResNet: every second row and column, then zero channels; one node.
TEST(OnnxSlice, StridedSlicesAndChannelPaddingAreOneSubsample) {
  const Image image = test_image(2, 5, 4);
  ModelBuilder model({2, 5, 4});
  const std::int64_t far = std::numeric_limits<std::int64_t>::max();
  model.integers("start", {0}).integers("end", {far}).integers("h", {2}).integers("w", {3}).integers("two", {2}).integers("three", {3});
  model.integers("pads", {0, 1, 0, 0, 0, 2, 0, 0});
  model.node("Slice", {"x", "start", "end", "h", "two"}, "rows").node("Slice", {"rows", "start", "end", "w", "three"}, "columns");
  model.node("Pad", {"columns", "pads"}, "y").node("Relu", {"y"}, "r1").node("Add", {"r1", "y"}, "sum").output("sum");
  const Network network = model.imported();
  EXPECT_EQ(kinds(network), (std::vector<OpKind>{OpKind::kInput, OpKind::kSubsample, OpKind::kRelu, OpKind::kAdd}));
  EXPECT_EQ(network.node(1).name, "y");
  Image expected(5, 3, 2);
  for (std::int64_t c = 0; c < 2; ++c)
    for (std::int64_t y = 0; y < 3; ++y)
      for (std::int64_t x = 0; x < 2; ++x) {
        const double value = image.at(c, 2 * y, 3 * x);
        expected.at(c + 1, y, x) = std::max(value, 0.0) + value;
      }
  expect_equal(evaluated(network, image), expected);
}

TEST(OnnxSlice, OtherSlicesAreRefused) {
  const auto refused = [](std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step) {
    ModelBuilder model({4, 6, 6});
    model.integers("s", {start}).integers("e", {end}).integers("a", {axis}).integers("t", {step});
    model.node("Slice", {"x", "s", "e", "a", "t"}, "y").node("Relu", {"y"}, "z").output("z");
    return !model.import().has_value();
  };
  EXPECT_FALSE(refused(2, 0, 6, 1));  // the whole
  EXPECT_TRUE(refused(2, 1, 6, 1));
  EXPECT_TRUE(refused(2, 0, 5, 1));
  EXPECT_TRUE(refused(1, 0, 4, 2));
  EXPECT_TRUE(refused(0, 0, 1, 1));
  EXPECT_TRUE(refused(3, 0, 6, -1));
  EXPECT_TRUE(refused(3, 0, 6, 0));
  EXPECT_TRUE(refused(7, 0, 6, 1));
}

TEST(OnnxPad, BordersMergeIntoConvolutionAndPooling) {
  const ConvCase t{2, 5, 5, 3, 3, 3, 1, {2, 2}, {1, 1}, {1, 2, 3, 0}};
  const std::vector<float> weight = eighths(54, 2);
  const Image image = test_image(2, 5, 5);
  ModelBuilder conv({2, 5, 5});
  conv.floats("w", {3, 2, 3, 3}, weight).integers("p", {0, 0, 1, 1, 0, 0, 2, 0});
  conv.node("Pad", {"x", "p"}, "padded")
      .node("Conv", {"padded", "w"}, "y")
      .attribute("pads", std::vector<std::int64_t>{0, 1, 1, 0})
      .attribute("strides", std::vector<std::int64_t>{2, 2});
  expect_equal(evaluated(conv.output("y").imported(), image), reference_conv(image, t, weight, {}));

  Image row(1, 1, 3);
  row.values = {-3, -2, -1};
  const auto pooled = [&](const std::string& op, bool relu_first, float value) {
    ModelBuilder model({1, 1, 3});
    model.floats("v", {}, {value}).integers("p", {0, 0, 0, 1, 0, 0, 0, 0});
    model.node(relu_first ? "Relu" : "Identity", {"x"}, "r").node("Pad", {"r", "p", "v"}, "padded");
    model.node(op, {"padded"}, "y")
        .attribute("kernel_shape", std::vector<std::int64_t>{1, 2})
        .attribute("strides", std::vector<std::int64_t>{1, 2});
    return model.output("y");
  };
  EXPECT_EQ(evaluated(pooled("AveragePool", false, 0).imported(), row).values, (std::vector<double>{-1.5, -1.5}));
  EXPECT_EQ(evaluated(pooled("MaxPool", false, -std::numeric_limits<float>::infinity()).imported(), row).values,
            (std::vector<double>{-3, -1}));
  EXPECT_EQ(evaluated(pooled("MaxPool", true, 0).imported(), row).values, (std::vector<double>{0, 0}));
  EXPECT_NE(pooled("MaxPool", false, 0).fault().message.find("MaxPool"), std::string::npos);  // the zero would win
  EXPECT_FALSE(pooled("AveragePool", false, 1).import());
}

TEST(OnnxPad, WhatCanNotMergeIsRefused) {
  const auto refused = [](const std::vector<std::int64_t>& pads, const std::string& mode) {
    ModelBuilder model({2, 4, 4});
    model.integers("p", pads).node("Pad", {"x", "p"}, "padded").text("mode", mode).node("Relu", {"padded"}, "y").output("y");
    return !model.import().has_value();
  };
  EXPECT_FALSE(refused({0, 1, 0, 0, 0, 1, 0, 0}, "constant"));
  EXPECT_TRUE(refused({0, 0, 1, 0, 0, 0, 0, 0}, "constant"));  // ReLU can't absorb a border
  EXPECT_TRUE(refused({0, 1, 0, 0, 0, 1, 0, 0}, "reflect"));
  EXPECT_TRUE(refused({1, 0, 0, 0, 0, 0, 0, 0}, "constant"));
  EXPECT_TRUE(refused({0, -1, 0, 0, 0, 0, 0, 0}, "constant"));
  EXPECT_TRUE(refused({0, 1}, "constant"));
}

// F.pad(x, (1, 2, 3, 4)) as PyTorch exports it at opset 11: the pads come last axis first and are turned round by the graph.
TEST(OnnxPad, PadsComputedByTheGraph) {
  ModelBuilder model({1, 4, 4}, 11);
  model.integers("given", {1, 2, 3, 4})
      .integers("four", {4})
      .integers("grid", {-1, 2})
      .integers("first", {-1})
      .integers("last", {std::numeric_limits<std::int64_t>::min() + 1});
  model.integers("axis", {0}).integers("back", {-1}).integers("flat", {-1}).floats("w", {1, 1, 1, 1}, {1});
  model.node("ConstantOfShape", {"four"}, "fill");
  auto* zero = model.last().add_attribute();
  zero->set_name("value");
  zero->set_type(onnx::AttributeProto::TENSOR);
  zero->mutable_t()->set_data_type(onnx::TensorProto::INT64);
  zero->mutable_t()->add_dims(1);
  zero->mutable_t()->add_int64_data(0);
  model.node("Concat", {"given", "fill"}, "all").attribute("axis", 0).node("Reshape", {"all", "grid"}, "table");
  model.node("Slice", {"table", "first", "last", "axis", "back"}, "turned")
      .node("Transpose", {"turned"}, "sides")
      .attribute("perm", std::vector<std::int64_t>{1, 0});
  model.node("Reshape", {"sides", "flat"}, "list").node("Cast", {"list"}, "pads").attribute("to", onnx::TensorProto::INT64);
  model.node("Pad", {"x", "pads"}, "padded").node("Conv", {"padded", "w"}, "y").output("y");
  const Window window = model.imported().node(1).window;
  EXPECT_EQ(window.pad_left, 1);
  EXPECT_EQ(window.pad_right, 2);
  EXPECT_EQ(window.pad_top, 3);
  EXPECT_EQ(window.pad_bottom, 4);
}

}  // namespace
}  // namespace dyad::network::onnx_test
