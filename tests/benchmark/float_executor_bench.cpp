// Speed of float inference on one thread: convolution by shape and instruction set, and whole networks.
// macs_per_s counts multiply-accumulates; FLOP/s are twice that.
#include <benchmark/benchmark.h>

#include "convolution.hpp"
#include "dyad/base/random.hpp"
#include "dyad/network/float_executor.hpp"
#include "dyad/network/import.hpp"

namespace dyad::network {
namespace {

void fill(Tensor<float>& tensor, Random& random) {
  for (float& value : tensor.values()) value = static_cast<float>(random.uniform()) - 0.5f;
}

struct Layer {
  const char* name;
  std::int64_t side, in, out;
  int kernel, stride, groups;
};

constexpr Layer kLayers[] = {
    {"3x3_32x32_16_to_16", 32, 16, 16, 3, 1, 1},      {"3x3_16x16_32_to_32", 16, 32, 32, 3, 1, 1},
    {"3x3_8x8_64_to_64", 8, 64, 64, 3, 1, 1},         {"3x3_56x56_64_to_64", 56, 64, 64, 3, 1, 1},
    {"3x3_7x7_512_to_512", 7, 512, 512, 3, 1, 1},     {"1x1_28x28_256_to_512", 28, 256, 512, 1, 1, 1},
    {"7x7_224x224_3_to_64", 224, 3, 64, 7, 2, 1},     {"depthwise_3x3_56x56_144", 56, 144, 144, 3, 1, 144},
    {"grouped_3x3_28x28_128", 28, 128, 128, 3, 1, 4},
};

void BM_Network_Convolution(benchmark::State& state, const Layer& layer, const ConvolutionKernels& kernels) {
  Random random(1);
  const int pad = layer.kernel / 2;
  const Window window{layer.kernel, layer.kernel, layer.stride, layer.stride, pad, pad, pad, pad, 1, 1};
  constexpr std::int64_t kImages = 8;
  Tensor<float> x({kImages, layer.side, layer.side, layer.in});
  Tensor<float> weight({layer.out, layer.kernel, layer.kernel, layer.in / layer.groups});
  Tensor<float> out({kImages, window.output_h(layer.side), window.output_w(layer.side), layer.out});
  fill(x, random);
  fill(weight, random);
  for (auto _ : state) {
    convolve(kernels, window, layer.groups, x, weight, {}, out);
    benchmark::DoNotOptimize(out.data());
  }
  const double macs = static_cast<double>(out.size()) * static_cast<double>(weight.size() / layer.out);
  state.counters["macs_per_s"] = benchmark::Counter(macs, benchmark::Counter::kIsIterationInvariantRate);
}

// Random weights: speed does not depend on them.
void BM_Network_Evaluate(benchmark::State& state, const char* topology, std::int64_t images) {
  Random random(2);
  Network whole = make_topology(topology, {}).value();
  for (NodeId id = 0; id < whole.size(); ++id) {
    Node& node = whole.node(id);
    if (node.kind != OpKind::kConv && node.kind != OpKind::kLinear && node.kind != OpKind::kBatchNorm) continue;
    if (node.kind == OpKind::kBatchNorm) {
      const auto channels = static_cast<std::size_t>(node.output_shape[2]);
      node.batch_norm.gamma.assign(channels, 1);
      node.batch_norm.beta.assign(channels, 0);
      node.batch_norm.mean.assign(channels, 0);
      node.batch_norm.variance.assign(channels, 1);
      continue;
    }
    const Shape in = whole.node(whole.inputs(id)[0]).output_shape;
    const bool linear = node.kind == OpKind::kLinear;
    node.weight =
        Tensor<float>({node.out_channels, linear ? 1 : node.window.kernel_h, linear ? 1 : node.window.kernel_w, in[2] / node.groups});
    fill(node.weight, random);
  }
  Network network = fold_batch_norms(whole).value();
  if (!network.infer_shapes()) return state.SkipWithError("shapes");
  double macs = 0;
  for (const LayerShape& layer : layer_shapes(network)) macs += static_cast<double>(layer.macs());
  const Shape shape = network.node(network.input()).output_shape;
  Tensor<float> batch({images, shape[0], shape[1], shape[2]});
  fill(batch, random);
  for (auto _ : state) benchmark::DoNotOptimize(evaluate(network, batch));
  state.counters["macs_per_s"] = benchmark::Counter(macs * static_cast<double>(images), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["images_per_s"] = benchmark::Counter(static_cast<double>(images), benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  for (const ConvolutionKernels* kernels : convolution_kernels()) {
    for (const Layer& layer : kLayers) {
      const std::string name = "BM_Network_Convolution/" + std::string(kernels->name) + "/" + layer.name;
      benchmark::RegisterBenchmark(name.c_str(),
                                   [&layer, kernels](benchmark::State& state) { BM_Network_Convolution(state, layer, *kernels); });
    }
  }
  return true;
}();

BENCHMARK_CAPTURE(BM_Network_Evaluate, resnet20, "resnet20", kEvaluationBatch);
BENCHMARK_CAPTURE(BM_Network_Evaluate, resnet18, "resnet18", 4);
BENCHMARK_CAPTURE(BM_Network_Evaluate, mobilenetv2, "mobilenetv2", 4);

}  // namespace
}  // namespace dyad::network
