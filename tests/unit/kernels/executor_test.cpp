// The executor against layers run one by one, and its independence of the number of threads.
#include "dyad/kernels/executor.hpp"

#include <gtest/gtest.h>

#include "dyad/base/parallel.hpp"
#include "dyad/base/random.hpp"
#include "dyad/kernels/backends.hpp"
#include "reference.hpp"

namespace dyad::kernels {
namespace {

constexpr BitWidth kSigned8{8, true}, kUnsigned8{8, false}, kWide{16, true}, kAccumulator{32, true};

struct Builder {
  quantizer::IntegerNetwork network;
  Random random{11};

  // Appends a layer that reads `inputs`; returns its tensor.
  int add(IntegerLayer layer, std::vector<int> inputs) {
    layer.name = "layer" + std::to_string(network.layers.size());
    network.layers.push_back(std::move(layer));
    network.inputs.push_back(std::move(inputs));
    return static_cast<int>(network.layers.size());
  }

  Requantization ratio(double value) { return {{*dyadic_from_ratio(value)}, {}, Rounding::kHalfEven, 0}; }

  IntegerLayer conv(std::int64_t extent, std::int64_t in, std::int64_t out, int kernel, int stride, BitWidth from, BitWidth to) {
    IntegerLayer layer;
    LayerShape& s = layer.shape;
    s.in_h = s.in_w = extent;
    s.in_channels = in;
    s.out_channels = out;
    s.window.kernel_h = s.window.kernel_w = kernel;
    s.window.stride_h = s.window.stride_w = stride;
    s.window.pad_top = s.window.pad_left = s.window.pad_bottom = s.window.pad_right = kernel / 2;
    s.out_h = s.out_w = s.window.output_h(extent);
    layer.inputs = {from};
    layer.output = to;
    layer.weights = Tensor<std::int8_t>({out, kernel, kernel, in});
    for (std::int8_t& w : layer.weights.values()) w = static_cast<std::int8_t>(random.between(-128, 127));
    for (std::int64_t k = 0; k < out; ++k) layer.bias.push_back(static_cast<std::int32_t>(random.between(-2000, 2000)));
    layer.requantize = to != kAccumulator;
    if (layer.requantize) layer.requantizations = {ratio(0.0007)};
    return layer;
  }

  IntegerLayer elementwise(IntegerOp op, std::int64_t extent, std::int64_t channels, std::vector<BitWidth> from, BitWidth to,
                           std::vector<double> ratios) {
    IntegerLayer layer;
    layer.op = op;
    layer.shape.in_h = layer.shape.in_w = layer.shape.out_h = layer.shape.out_w = extent;
    layer.shape.in_channels = layer.shape.out_channels = channels;
    layer.inputs = std::move(from);
    layer.output = to;
    for (const double each : ratios) layer.requantizations.push_back(ratio(each));
    return layer;
  }
};

// Stem, a block with identity, a block with a subsampled shortcut, average pool, linear: the shape of a CIFAR ResNet.
quantizer::IntegerNetwork small_resnet() {
  Builder b;
  b.network.name = "small";
  b.network.input = {8, 8, 3, kSigned8, 1.0f, {}, {}, Tensor<std::int32_t>({3, 256})};
  for (std::int64_t i = 0; i < 3 * 256; ++i) b.network.input.table[i] = static_cast<std::int32_t>((i * 7) % 256 - 128);
  const int stem = b.add(b.conv(8, 3, 8, 3, 1, kSigned8, kWide), {0});
  const int a = b.add(b.elementwise(IntegerOp::kRequantize, 8, 8, {kWide}, kUnsigned8, {0.5}), {stem});
  const int c1 = b.add(b.conv(8, 8, 8, 3, 1, kUnsigned8, kUnsigned8), {a});
  const int c2 = b.add(b.conv(8, 8, 8, 3, 1, kUnsigned8, kAccumulator), {c1});
  auto sum = b.elementwise(IntegerOp::kAdd, 8, 8, {kAccumulator, kWide}, kWide, {0.001, 0.75});
  sum.relu = true;
  const int s1 = b.add(sum, {c2, stem});
  const int d = b.add(b.elementwise(IntegerOp::kRequantize, 8, 8, {kWide}, kUnsigned8, {0.5}), {s1});
  const int d1 = b.add(b.conv(8, 8, 12, 3, 2, kUnsigned8, kAccumulator), {d});
  IntegerLayer shortcut;
  shortcut.op = IntegerOp::kSubsample;
  shortcut.shape.in_h = shortcut.shape.in_w = 8;
  shortcut.shape.in_channels = 8;
  shortcut.shape.window.stride_h = shortcut.shape.window.stride_w = 2;
  shortcut.shape.out_h = shortcut.shape.out_w = 4;
  shortcut.shape.out_channels = 12;
  shortcut.channel_pad_before = shortcut.channel_pad_after = 2;
  shortcut.inputs = {kWide};
  shortcut.output = kWide;
  const int e = b.add(shortcut, {s1});
  const int s2 = b.add(b.elementwise(IntegerOp::kAdd, 4, 12, {kAccumulator, kWide}, kWide, {0.001, 0.5}), {d1, e});
  IntegerLayer pool;
  pool.op = IntegerOp::kAveragePool;
  pool.shape.in_h = pool.shape.in_w = 4;
  pool.shape.in_channels = pool.shape.out_channels = 12;
  pool.shape.window.kernel_h = pool.shape.window.kernel_w = 4;
  pool.inputs = {kWide};
  pool.output = kWide;
  const int p = b.add(pool, {s2});
  const int q = b.add(b.elementwise(IntegerOp::kRequantize, 1, 12, {kWide}, kSigned8, {0.9}), {p});
  b.add(b.conv(1, 12, 5, 1, 1, kSigned8, kAccumulator), {q});
  return b.network;
}

Tensor<std::uint8_t> random_images(std::int64_t count) {
  Tensor<std::uint8_t> images({count, 8, 8, 3});
  Random random(5);
  for (std::uint8_t& each : images.values()) each = static_cast<std::uint8_t>(random.below(256));
  return images;
}

// Every tensor kept, every layer by the 128-bit reference.
std::vector<std::int32_t> reference_logits(const quantizer::IntegerNetwork& network, const Tensor<std::uint8_t>& images) {
  std::vector<IntegerTensor> tensors;
  tensors.emplace_back(images.shape(), network.input.format);
  for (std::int64_t i = 0; i < images.size(); ++i) tensors[0].set(i, network.input.table[i % 3 * 256 + images[i]]);
  for (std::size_t layer = 0; layer < network.layers.size(); ++layer) {
    std::vector<const IntegerTensor*> inputs;
    for (const int index : network.inputs[layer]) inputs.push_back(&tensors[static_cast<std::size_t>(index)]);
    tensors.push_back(reference::run(network.layers[layer], inputs));
  }
  const auto logits = tensors.back().as<std::int32_t>();
  return {logits.begin(), logits.end()};
}

std::vector<std::int32_t> values(const Tensor<std::int32_t>& tensor) { return {tensor.values().begin(), tensor.values().end()}; }

TEST(Executor, EqualsTheReferenceOnBothBackends) {
  const auto network = small_resnet();
  const auto images = random_images(3);
  const auto expected = reference_logits(network, images);
  EXPECT_GT(*std::max_element(expected.begin(), expected.end()), *std::min_element(expected.begin(), expected.end()));
  const auto scalar = make_scalar_backend();
  EXPECT_EQ(values(Executor::create(network, *scalar)->run(images)), expected);
  for (const CpuIsa isa : available_cpu_isas())
    EXPECT_EQ(values(Executor::create(network, **make_cpu_backend(isa))->run(images)), expected) << to_string(isa);
}

TEST(Executor, DoesNotDependOnTheNumberOfThreadsOrOnEarlierRuns) {
  const auto network = small_resnet();
  const auto images = random_images(101);  // prime: the last chunk is never full
  const auto executor = Executor::create(network, **make_cpu_backend());
  ASSERT_TRUE(executor.has_value());
  set_thread_count(1);
  const auto expected = values(executor->run(images));
  for (const int threads : {1, 2, 3, 7}) {
    set_thread_count(threads);
    EXPECT_EQ(values(executor->run(images)), expected) << threads << " threads";
  }
  set_thread_count(0);
  const auto one = values(executor->run(Tensor<std::uint8_t>({1, 8, 8, 3}, {images.data() + 100 * 192, images.data() + 101 * 192})));
  EXPECT_EQ(one, std::vector<std::int32_t>(expected.end() - 5, expected.end()));
  EXPECT_EQ(executor->run(Tensor<std::uint8_t>({0, 8, 8, 3})).size(), 0);
}

TEST(Executor, RunAllEndsInTheSameLogits) {
  const auto network = small_resnet();
  const auto images = random_images(4);
  const auto executor = Executor::create(network, **make_cpu_backend());
  const auto tensors = executor->run_all(images);
  ASSERT_EQ(tensors.size(), network.layers.size());
  const auto logits = tensors.back().as<std::int32_t>();
  EXPECT_EQ(std::vector<std::int32_t>(logits.begin(), logits.end()), values(executor->run(images)));
  EXPECT_EQ(tensors[0].format(), kWide);
  EXPECT_EQ(tensors[0].shape(), (Shape{4, 8, 8, 8}));
}

TEST(Executor, NamesTheLayerThatDoesNotFit) {
  const auto place = [](const auto& breakage) {
    auto network = small_resnet();
    breakage(network);
    const auto result = Executor::create(network, *make_scalar_backend());
    return result.has_value() ? std::string("accepted") : result.error().place;
  };
  EXPECT_EQ(place([](auto&) {}), "accepted");
  EXPECT_EQ(place([](auto& n) { n.inputs[3] = {7}; }), "layer 'layer3'");     // not made yet
  EXPECT_EQ(place([](auto& n) { n.inputs[4] = {1, 4}; }), "layer 'layer4'");  // formats exchanged
  EXPECT_EQ(place([](auto& n) { n.layers[1].inputs[0].bits = 15; }), "layer 'layer1'");
  EXPECT_EQ(place([](auto& n) { n.layers[2].bias.pop_back(); }), "layer 'layer2' (conv)");
  EXPECT_EQ(place([](auto& n) { n.layers.pop_back(), n.inputs.pop_back(); }), "layer 'layer10'");  // no int32 logits
  EXPECT_EQ(place([](auto& n) { n.input.table[5] = 128; }), "network 'small'");
}

TEST(Backends, RegisterOnceHoweverOftenAsked) {
  register_cpu_backends();
  register_cpu_backends();
  EXPECT_EQ((*make_integer_backend("scalar"))->name(), "scalar");
  EXPECT_EQ((*make_integer_backend("cpu"))->name(), "cpu");
  EXPECT_FALSE(make_integer_backend("npu").has_value());
}

}  // namespace
}  // namespace dyad::kernels
