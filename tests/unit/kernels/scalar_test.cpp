// The scalar backend against values worked by hand and against the 128-bit reference.
#include <gtest/gtest.h>

#include "dyad/base/parallel.hpp"
#include "dyad/kernels/backends.hpp"
#include "dyad/kernels/random_layers.hpp"
#include "reference.hpp"

namespace dyad::kernels {
namespace {

IntegerTensor tensor(Shape shape, BitWidth format, const std::vector<std::int32_t>& values) {
  IntegerTensor result(std::move(shape), format);
  EXPECT_EQ(result.size(), static_cast<std::int64_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) result.set(static_cast<std::int64_t>(i), values[i]);
  return result;
}

std::vector<std::int32_t> values(const IntegerTensor& tensor) {
  std::vector<std::int32_t> result;
  for (std::int64_t i = 0; i < tensor.size(); ++i) result.push_back(tensor.get(i));
  return result;
}

std::vector<std::int32_t> run(const IntegerLayer& layer, const std::vector<IntegerTensor>& inputs) {
  auto prepared = make_scalar_backend()->prepare(layer);
  EXPECT_TRUE(prepared.has_value()) << prepared.error().message;
  std::vector<const IntegerTensor*> pointers;
  for (const IntegerTensor& each : inputs) pointers.push_back(&each);
  IntegerTensor output({inputs[0].shape()[0], layer.shape.out_h, layer.shape.out_w, layer.shape.out_channels}, layer.output);
  (*prepared)->run(pointers, output);
  return values(output);
}

LayerShape shape(std::int64_t h, std::int64_t w, std::int64_t c, std::int64_t k, Window window = {}) {
  LayerShape s;
  s.in_h = h;
  s.in_w = w;
  s.in_channels = c;
  s.out_channels = k;
  s.window = window;
  s.out_h = window.output_h(h);
  s.out_w = window.output_w(w);
  return s;
}

Window window(int kernel_h, int kernel_w) {
  Window w;
  w.kernel_h = kernel_h;
  w.kernel_w = kernel_w;
  return w;
}

IntegerLayer accumulators(LayerShape s, BitWidth input, std::vector<std::int8_t> weights) {
  IntegerLayer layer;
  layer.name = "conv";
  layer.shape = s;
  layer.inputs = {input};
  layer.output = {32, true};
  layer.requantize = false;
  layer.weights = Tensor<std::int8_t>({s.out_channels, s.window.kernel_h, s.window.kernel_w, s.in_channels / s.groups}, std::move(weights));
  return layer;
}

TEST(ScalarConv, PadsAsymmetricallyWithTheInputZeroPoint) {
  Window w = window(1, 2);
  w.pad_left = 1;  // row 1 2 3 becomes 7 1 2 3 with zero point 7
  IntegerLayer layer = accumulators(shape(1, 3, 1, 1, w), {8, false}, {10, 1});
  layer.input_zero_point = 7;
  layer.bias = {100};
  // 100 + 70 + 1, 100 + 10 + 2, 100 + 20 + 3
  EXPECT_EQ(run(layer, {tensor({1, 1, 3, 1}, {8, false}, {1, 2, 3})}), (std::vector<std::int32_t>{171, 112, 123}));
}

TEST(ScalarConv, SubtractsWeightZeroPointsInThePaddingToo) {
  Window w = window(1, 2);
  w.pad_right = 1;
  IntegerLayer layer = accumulators(shape(1, 2, 1, 1, w), {8, true}, {5, -3});
  layer.weight_zero_points = {2};
  layer.input_zero_point = -4;
  // weights less zero point: 3, -5. 3 * 10 - 5 * -1 = 35; 3 * -1 - 5 * -4 = 17
  EXPECT_EQ(run(layer, {tensor({1, 1, 2, 1}, {8, true}, {10, -1})}), (std::vector<std::int32_t>{35, 17}));
}

TEST(ScalarConv, SkipsByStrideAndDilation) {
  Window w = window(2, 1);
  w.stride_h = 2;
  w.dilation_h = 3;
  IntegerLayer layer = accumulators(shape(6, 1, 1, 1, w), {8, true}, {1, 100});
  // rows 0 and 3, then 2 and 5
  EXPECT_EQ(run(layer, {tensor({1, 6, 1, 1}, {8, true}, {1, 2, 3, 4, 5, 6})}), (std::vector<std::int32_t>{401, 603}));
}

TEST(ScalarConv, KeepsGroupsApart) {
  LayerShape s = shape(1, 1, 4, 2);
  s.groups = 2;
  IntegerLayer layer = accumulators(s, {8, true}, {1, 10, 100, -1});
  EXPECT_EQ(run(layer, {tensor({1, 1, 1, 4}, {8, true}, {1, 2, 3, 4})}), (std::vector<std::int32_t>{21, 296}));
}

TEST(ScalarConv, RequantizesPerChannelWithReluAtTheZeroPoint) {
  IntegerLayer layer = accumulators(shape(1, 1, 1, 3), {8, true}, {1, 1, -2});
  layer.requantize = true;
  layer.relu = true;
  layer.output = {8, true};
  layer.requantizations = {Requantization{{{1, 1}, {3, 2}, {1, 0}}, {}, Rounding::kHalfEven, -5}};
  // 5/2 = 2.5 -> 2, 15/4 = 3.75 -> 4, -10; plus -5, not below -5
  EXPECT_EQ(run(layer, {tensor({1, 1, 1, 1}, {8, true}, {5})}), (std::vector<std::int32_t>{-3, -1, -5}));
}

TEST(ScalarConv, SaysWhenAnAccumulatorLeavesInt32) {
  IntegerLayer layer = accumulators(shape(1, 1, 2, 1), {31, false}, {127, 127});
  auto prepared = make_scalar_backend()->prepare(layer);
  ASSERT_TRUE(prepared.has_value());
  const IntegerTensor input = tensor({1, 1, 1, 2}, {31, false}, {INT32_MAX, INT32_MAX});
  const IntegerTensor* inputs[] = {&input};
  IntegerTensor output({1, 1, 1, 1}, {32, true});
  EXPECT_THROW((*prepared)->run(inputs, output), InternalError);
}

TEST(ScalarAdd, RoundsEachBranchOnceAndSaturatesOnlyToTheOutput) {
  IntegerLayer layer;
  layer.name = "add";
  layer.op = IntegerOp::kAdd;
  layer.shape = shape(1, 1, 3, 3);
  layer.inputs = {{32, true}, {16, true}};
  layer.output = {16, true};
  layer.requantizations = {Requantization{{{1, 1}}, {}, Rounding::kHalfUp, 0}, Requantization{{{1, 1}}, {}, Rounding::kHalfUp, 0}};
  // 1/2 -> 1 and 1/2 -> 1 make 2, not round(1) = 1; 32767 saturates; -3/2 -> -1, 0
  EXPECT_EQ(run(layer, {tensor({1, 1, 1, 3}, {32, true}, {1, 65534, -3}), tensor({1, 1, 1, 3}, {16, true}, {1, 32767, 0})}),
            (std::vector<std::int32_t>{2, 32767, -1}));
  layer.output = {32, true};
  EXPECT_EQ(run(layer, {tensor({1, 1, 1, 3}, {32, true}, {1, 65534, -3}), tensor({1, 1, 1, 3}, {16, true}, {1, 32767, 0})}),
            (std::vector<std::int32_t>{2, 49151, -1}));
}

TEST(ScalarConcat, RescalesEachInputIntoItsChannels) {
  IntegerLayer layer;
  layer.name = "concat";
  layer.op = IntegerOp::kConcat;
  layer.shape = shape(1, 2, 1, 3);
  layer.inputs = {{8, true}, {8, false}};
  layer.output = {8, true};
  layer.requantizations = {Requantization{{{1, 0}}, {}, Rounding::kFloor, 0}, Requantization{{{1, 1}, {-1, 0}}, {}, Rounding::kFloor, 0}};
  EXPECT_EQ(run(layer, {tensor({1, 1, 2, 1}, {8, true}, {-7, 8}), tensor({1, 1, 2, 2}, {8, false}, {5, 6, 7, 200})}),
            (std::vector<std::int32_t>{-7, 2, -6, 8, 3, -128}));
}

TEST(ScalarPool, MaximumIgnoresPadding) {
  Window w = window(2, 2);
  w.pad_top = w.pad_left = 1;
  w.stride_h = w.stride_w = 2;
  IntegerLayer layer;
  layer.name = "pool";
  layer.op = IntegerOp::kMaxPool;
  layer.shape = shape(3, 3, 1, 1, w);
  layer.inputs = {{8, true}};
  layer.output = {8, true};
  layer.input_zero_point = 5;
  const IntegerTensor input = tensor({1, 3, 3, 1}, {8, true}, {-9, -8, -7, -6, -5, -4, -3, -2, -1});
  EXPECT_EQ(run(layer, {input}), (std::vector<std::int32_t>{-9, -7, -3, -1}));
}

TEST(ScalarPool, AveragesInEveryRoundingWithPaddingCountedOrNot) {
  Window w = window(1, 2);
  w.pad_left = 1;
  w.stride_w = 2;
  IntegerLayer layer;
  layer.name = "pool";
  layer.op = IntegerOp::kAveragePool;
  layer.shape = shape(1, 3, 1, 1, w);
  layer.inputs = {{8, true}};
  layer.output = {8, true};
  const IntegerTensor input = tensor({1, 1, 3, 1}, {8, true}, {-3, -4, -1});  // windows: (pad, -3), (-4, -1)
  const auto in = [&](AverageRounding rounding, bool include) {
    layer.average_rounding = rounding;
    layer.count_include_pad = include;
    return run(layer, {input});
  };
  using Values = std::vector<std::int32_t>;
  EXPECT_EQ(in(AverageRounding::kHalfUp, false), (Values{-3, -2}));  // -3, -2.5
  EXPECT_EQ(in(AverageRounding::kHalfUp, true), (Values{-1, -2}));   // -1.5, -2.5
  EXPECT_EQ(in(AverageRounding::kHalfAway, true), (Values{-2, -3}));
  EXPECT_EQ(in(AverageRounding::kFloor, true), (Values{-2, -3}));
  EXPECT_EQ(in(AverageRounding::kHawq, false), (Values{-2, -2}));  // trunc(-2.99), trunc(-2.49): HAWQ loses one of -3
  layer.input_zero_point = 5;
  EXPECT_EQ(in(AverageRounding::kHalfUp, true), (Values{1, -2}));  // (5 - 3) / 2
}

TEST(ScalarSubsample, TakesEveryOtherPixelAndPadsChannels) {
  IntegerLayer layer;
  layer.name = "shortcut";
  layer.op = IntegerOp::kSubsample;
  Window w;
  w.stride_h = w.stride_w = 2;
  layer.shape = shape(3, 3, 1, 3, w);
  layer.channel_pad_before = layer.channel_pad_after = 1;
  layer.inputs = {{16, true}};
  layer.output = {16, true};
  EXPECT_EQ(run(layer, {tensor({1, 3, 3, 1}, {16, true}, {1, 2, 3, 4, 5, 6, 7, 8, 9})}),
            (std::vector<std::int32_t>{0, 1, 0, 0, 3, 0, 0, 7, 0, 0, 9, 0}));
}

TEST(ScalarBackend, EqualsTheWideReferenceOnRandomLayers) {
  constexpr std::uint64_t kSeed = 7;
  constexpr std::int64_t kCount = 6000;
  const auto backend = make_scalar_backend();
  std::vector<std::string> failures(kCount);
  parallel_for(kCount, [&](std::int64_t i) {
    const RandomLayer random = random_layer(kSeed, static_cast<std::uint64_t>(i));
    const auto prepared = backend->prepare(random.layer);
    auto& failure = failures[static_cast<std::size_t>(i)];
    if (!prepared) {
      failure = prepared.error().place + ": " + prepared.error().message;
      return;
    }
    const IntegerTensor expected = reference::run(random.layer, random.pointers());
    IntegerTensor actual(expected.shape(), expected.format());
    (*prepared)->run(random.pointers(), actual);
    if (values(expected) != values(actual)) failure = describe(random.layer);
  });
  std::int64_t failed = 0;
  for (const std::string& each : failures)
    if (!each.empty() && ++failed <= 5) ADD_FAILURE() << each;
  EXPECT_EQ(failed, 0) << "of " << kCount << " with seed " << kSeed;
}

// Each broken layer is refused by name; the unbroken one is not.
TEST(ScalarBackend, RefusesLayersThatContradictThemselves) {
  const IntegerLayer good = accumulators(shape(4, 4, 4, 4, window(3, 3)), {8, true}, std::vector<std::int8_t>(144));
  const auto backend = make_scalar_backend();
  ASSERT_TRUE(backend->prepare(good).has_value());
  const auto refused = [&](const auto& breakage) {
    IntegerLayer layer = good;
    breakage(layer);
    const auto result = backend->prepare(layer);
    return !result.has_value() && result.error().place == "layer 'conv' (conv)" && !result.error().hint.empty();
  };
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.shape.out_h = 3; }));
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.shape.groups = 3; }));
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.bias = {1, 2}; }));
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.weight_zero_points = {1, 2}; }));
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.input_zero_point = 128; }));
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.relu = true; }));
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.requantize = true; }));
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.inputs = {}; }));
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.output = {32, false}; }));
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.shape.window.pad_top = -1; }));
  EXPECT_TRUE(refused([](IntegerLayer& l) {
    l.requantize = true;
    l.requantizations = {Requantization{{{1, 63}}, {}, Rounding::kHalfUp, 0}};
  }));
  EXPECT_TRUE(refused([](IntegerLayer& l) {
    l.requantize = l.relu = true;
    l.output = {4, true};
    l.requantizations = {Requantization{{{1, 1}}, {}, Rounding::kHalfUp, 8}};
  }));
  EXPECT_TRUE(refused([](IntegerLayer& l) { l.weights = Tensor<std::int8_t>({4, 3, 3, 3}); }));
}

}  // namespace
}  // namespace dyad::kernels
