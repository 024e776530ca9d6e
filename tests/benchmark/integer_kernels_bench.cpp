// Integer kernels: convolution shapes of ResNet-20 (CIFAR) and ResNet-18 on one thread, and a whole W8A8 ResNet-20 on all.
// Counters: macs_per_s, ratio_to_scalar (the scalar backend on the same layer in the same run), images_per_s.
#include <benchmark/benchmark.h>

#include <chrono>
#include <map>

#include "dyad/base/random.hpp"
#include "dyad/kernels/backends.hpp"
#include "dyad/kernels/executor.hpp"

namespace dyad::kernels {
namespace {

constexpr BitWidth kSigned8{8, true}, kUnsigned8{8, false}, kWide{16, true}, kAccumulator{32, true};

Requantization ratio(double value) { return {{*dyadic_from_ratio(value)}, {}, Rounding::kHalfUp, 0}; }

struct ConvShape {
  const char* name;
  std::int64_t extent, in, out;
  int kernel, stride;
};

// ResNet-20's distinct layers, then ResNet-18's.
const ConvShape kShapes[] = {
    {"r20-stem", 32, 3, 16, 3, 1},        {"r20-16x32", 32, 16, 16, 3, 1},      {"r20-32x16", 16, 32, 32, 3, 1},
    {"r20-64x8", 8, 64, 64, 3, 1},        {"r18-stem", 224, 3, 64, 7, 2},       {"r18-64x56", 56, 64, 64, 3, 1},
    {"r18-128x28-s2", 56, 64, 128, 3, 2}, {"r18-128x28", 28, 128, 128, 3, 1},   {"r18-256x14", 14, 256, 256, 3, 1},
    {"r18-512x7", 7, 512, 512, 3, 1},     {"r18-down-1x1", 14, 256, 512, 1, 2},
};

IntegerLayer conv(const ConvShape& shape, BitWidth from, BitWidth to) {
  IntegerLayer layer;
  layer.name = shape.name;
  LayerShape& s = layer.shape;
  s.in_h = s.in_w = shape.extent;
  s.in_channels = shape.in;
  s.out_channels = shape.out;
  s.window.kernel_h = s.window.kernel_w = shape.kernel;
  s.window.stride_h = s.window.stride_w = shape.stride;
  s.window.pad_top = s.window.pad_left = s.window.pad_bottom = s.window.pad_right = shape.kernel / 2;
  s.out_h = s.out_w = s.window.output_h(shape.extent);
  layer.inputs = {from};
  layer.output = to;
  layer.relu = to == kUnsigned8;
  Random random(1);
  layer.weights = Tensor<std::int8_t>({shape.out, shape.kernel, shape.kernel, shape.in});
  for (std::int8_t& w : layer.weights.values()) w = static_cast<std::int8_t>(random.between(-128, 127));
  layer.bias.assign(static_cast<std::size_t>(shape.out), 100);
  layer.requantize = to != kAccumulator;
  if (layer.requantize) {
    layer.requantizations = {ratio(0.002)};
    layer.requantizations[0].ratios.resize(static_cast<std::size_t>(shape.out), layer.requantizations[0].ratios[0]);  // per channel
  }
  return layer;
}

IntegerTensor random_tensor(const LayerShape& shape, BitWidth format) {
  IntegerTensor tensor({1, shape.in_h, shape.in_w, shape.in_channels}, format);
  Random random(2);
  for (std::int64_t i = 0; i < tensor.size(); ++i)
    tensor.set(i, static_cast<std::int32_t>(random.between(format.lowest(), format.highest())));
  return tensor;
}

// Seconds that the scalar backend takes for one image; measured once a shape.
double scalar_seconds(const IntegerLayer& layer, const IntegerTensor& input) {
  static std::map<std::string, double> known;
  if (const auto found = known.find(layer.name); found != known.end()) return found->second;
  const auto prepared = *make_scalar_backend()->prepare(layer);
  IntegerTensor output({1, layer.shape.out_h, layer.shape.out_w, layer.shape.out_channels}, layer.output);
  const IntegerTensor* inputs[] = {&input};
  const auto begin = std::chrono::steady_clock::now();
  int runs = 0;
  double seconds = 0;
  do {
    prepared->run(inputs, output);
    ++runs;
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  } while (seconds < 0.05);
  return known[layer.name] = seconds / runs;
}

void bench_conv(benchmark::State& state, CpuIsa isa, const ConvShape& shape) {
  const IntegerLayer layer = conv(shape, kUnsigned8, kUnsigned8);
  const IntegerTensor input = random_tensor(layer.shape, kUnsigned8);
  const auto backend = *make_cpu_backend(isa);
  const auto prepared = *backend->prepare(layer);
  IntegerTensor output({1, layer.shape.out_h, layer.shape.out_w, layer.shape.out_channels}, layer.output);
  const IntegerTensor* inputs[] = {&input};
  const double scalar = scalar_seconds(layer, input);
  const auto begin = std::chrono::steady_clock::now();
  for (auto _ : state) {
    prepared->run(inputs, output);
    benchmark::ClobberMemory();
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / static_cast<double>(state.iterations());
  state.counters["macs_per_s"] = static_cast<double>(layer.shape.macs()) / seconds;
  state.counters["ratio_to_scalar"] = scalar / seconds;
}

void bench_elementwise(benchmark::State& state, CpuIsa isa, IntegerOp op) {
  IntegerLayer layer;
  layer.name = "elementwise";
  layer.op = op;
  layer.shape.in_h = layer.shape.in_w = layer.shape.out_h = layer.shape.out_w = 32;
  layer.shape.in_channels = layer.shape.out_channels = 16;
  layer.inputs = {kWide};
  layer.output = kUnsigned8;
  layer.requantizations = {ratio(0.004)};
  if (op == IntegerOp::kAdd) {
    layer.inputs = {kAccumulator, kWide};
    layer.output = kWide;
    layer.requantizations.push_back(ratio(0.5));
  }
  std::vector<IntegerTensor> tensors;
  for (const BitWidth format : layer.inputs) tensors.push_back(random_tensor(layer.shape, format));
  std::vector<const IntegerTensor*> inputs;
  for (const IntegerTensor& each : tensors) inputs.push_back(&each);
  const auto backend = *make_cpu_backend(isa);
  const auto prepared = *backend->prepare(layer);
  IntegerTensor output({1, 32, 32, 16}, layer.output);
  for (auto _ : state) {
    prepared->run(inputs, output);
    benchmark::ClobberMemory();
  }
  state.counters["elements_per_s"] = benchmark::Counter(static_cast<double>(output.size()), benchmark::Counter::kIsIterationInvariantRate);
}

// W8A8 ResNet-20 as the quantizer makes it: 16-bit tensors between blocks, 8-bit inputs of convolutions, option A shortcuts.
quantizer::IntegerNetwork resnet20() {
  quantizer::IntegerNetwork network;
  network.name = "resnet20";
  network.input = {32, 32, 3, kSigned8, 1.0f, {}, {}, Tensor<std::int32_t>({3, 256})};
  for (std::int64_t i = 0; i < 3 * 256; ++i) network.input.table[i] = static_cast<std::int32_t>(i % 256 - 128);
  const auto add = [&](IntegerLayer layer, std::vector<int> inputs) {
    layer.name = "layer" + std::to_string(network.layers.size());
    network.layers.push_back(std::move(layer));
    network.inputs.push_back(std::move(inputs));
    return static_cast<int>(network.layers.size());
  };
  const auto same_shape = [](IntegerOp op, std::int64_t extent, std::int64_t channels, std::vector<BitWidth> from, BitWidth to,
                             std::vector<double> ratios) {
    IntegerLayer layer;
    layer.op = op;
    layer.shape.in_h = layer.shape.in_w = layer.shape.out_h = layer.shape.out_w = extent;
    layer.shape.in_channels = layer.shape.out_channels = channels;
    layer.inputs = std::move(from);
    layer.output = to;
    for (const double each : ratios) layer.requantizations.push_back(ratio(each));
    return layer;
  };
  int x = add(conv({"", 32, 3, 16, 3, 1}, kSigned8, kWide), {0});
  std::int64_t extent = 32, channels = 16;
  for (int stage = 0; stage < 3; ++stage)
    for (int block = 0; block < 3; ++block) {
      const bool down = stage > 0 && block == 0;
      const std::int64_t out = down ? 2 * channels : channels;
      const int a = add(same_shape(IntegerOp::kRequantize, extent, channels, {kWide}, kUnsigned8, {0.01}), {x});
      const int c1 = add(conv({"", extent, channels, out, 3, down ? 2 : 1}, kUnsigned8, kUnsigned8), {a});
      const std::int64_t after = down ? extent / 2 : extent;
      const int c2 = add(conv({"", after, out, out, 3, 1}, kUnsigned8, kAccumulator), {c1});
      int identity = x;
      if (down) {
        IntegerLayer shortcut;
        shortcut.op = IntegerOp::kSubsample;
        shortcut.shape.in_h = shortcut.shape.in_w = extent;
        shortcut.shape.in_channels = channels;
        shortcut.shape.out_h = shortcut.shape.out_w = after;
        shortcut.shape.out_channels = out;
        shortcut.shape.window.stride_h = shortcut.shape.window.stride_w = 2;
        shortcut.channel_pad_before = shortcut.channel_pad_after = static_cast<int>(channels / 2);
        shortcut.inputs = {kWide};
        shortcut.output = kWide;
        identity = add(shortcut, {x});
      }
      extent = after;
      channels = out;
      IntegerLayer sum = same_shape(IntegerOp::kAdd, extent, channels, {kAccumulator, kWide}, kWide, {0.01, 0.6});
      sum.relu = true;
      x = add(sum, {c2, identity});
    }
  IntegerLayer pool = same_shape(IntegerOp::kAveragePool, 8, 64, {kWide}, kWide, {});
  pool.shape.window.kernel_h = pool.shape.window.kernel_w = 8;
  pool.shape.out_h = pool.shape.out_w = 1;
  x = add(pool, {x});
  x = add(same_shape(IntegerOp::kRequantize, 1, 64, {kWide}, kUnsigned8, {0.01}), {x});
  add(conv({"", 1, 64, 10, 1, 1}, kUnsigned8, kAccumulator), {x});
  return network;
}

void bench_resnet20(benchmark::State& state, CpuIsa isa) {
  const quantizer::IntegerNetwork network = resnet20();
  const auto backend = *make_cpu_backend(isa);
  const auto executor = Executor::create(network, *backend);
  if (!executor) return state.SkipWithError((executor.error().place + ": " + executor.error().message).c_str());
  Tensor<std::uint8_t> images({512, 32, 32, 3});
  Random random(3);
  for (std::uint8_t& each : images.values()) each = static_cast<std::uint8_t>(random.below(256));
  for (auto _ : state) benchmark::DoNotOptimize(executor->run(images));
  double macs = 0;
  for (const IntegerLayer& layer : network.layers) macs += static_cast<double>(layer.op == IntegerOp::kConv ? layer.shape.macs() : 0);
  state.counters["images_per_s"] = benchmark::Counter(512, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["macs_per_s"] = benchmark::Counter(512 * macs, benchmark::Counter::kIsIterationInvariantRate);
}

const bool kRegistered = [] {
  for (const CpuIsa isa : available_cpu_isas()) {
    const std::string name(to_string(isa));
    for (const ConvShape& shape : kShapes)
      benchmark::RegisterBenchmark(("BM_Kernels_Conv/" + name + "/" + shape.name).c_str(), bench_conv, isa, shape);
    benchmark::RegisterBenchmark(("BM_Kernels_Requantize/" + name).c_str(), bench_elementwise, isa, IntegerOp::kRequantize);
    benchmark::RegisterBenchmark(("BM_Kernels_Add/" + name).c_str(), bench_elementwise, isa, IntegerOp::kAdd);
    benchmark::RegisterBenchmark(("BM_Kernels_Resnet20/" + name).c_str(), bench_resnet20, isa)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace dyad::kernels
