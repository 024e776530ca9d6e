// Residual networks for small images (CIFAR-10, MNIST, Fashion-MNIST). Sources: He et al., 2016, section 4.2 and the module names of
// akamaster/pytorch_resnet_cifar10 (option A); Li et al., "Additive Powers-of-Two Quantization", 2020, CIFAR10 and MNIST models
// (1 x 1 shortcut); Banbury et al., "MLPerf Tiny Benchmark", 2021, image classification (resnet8).
#include "topology_builder.hpp"

namespace dyad::network {
namespace {

enum class Shortcut {
  kSubsample,  ///< option A: no parameters
  kConv,       ///< 1 x 1 convolution and batch normalization, torchvision's names
};

struct BasicNetwork {
  int first_kernel = 3, first_stride = 1;
  bool max_pool = false;
  std::vector<int> blocks;  ///< of each stage; stage i has 16 * 2^i channels
  Shortcut shortcut = Shortcut::kConv;
  const char* head = "fc";
};

NodeId basic_block(TopologyBuilder& net, const std::string& name, NodeId x, std::int64_t out, int stride, Shortcut shortcut) {
  NodeId body = net.conv(name + ".conv1", x, out, WindowSpec::same(3, stride).window());
  body = net.activation(name + ".relu1", net.batch_norm(name + ".bn1", body), OpKind::kRelu);
  body = net.batch_norm(name + ".bn2", net.conv(name + ".conv2", body, out, WindowSpec::same(3).window()));
  NodeId identity = x;
  if (stride != 1 || net.channels(x) != out) {
    if (shortcut == Shortcut::kSubsample) {
      identity = net.subsample(name + ".shortcut", x, stride, out);
    } else {
      identity = net.conv(name + ".downsample.0", x, out, WindowSpec::same(1, stride).window());
      identity = net.batch_norm(name + ".downsample.1", identity);
    }
  }
  return net.activation(name + ".relu2", net.add(name + ".add", body, identity), OpKind::kRelu);
}

Result<Network> build(std::string_view name, const TopologyOptions& options, std::int64_t channels, const BasicNetwork& shape) {
  TopologyBuilder net(name, options.image, channels);
  NodeId x = net.conv("conv1", net.input(), 16, WindowSpec::same(shape.first_kernel, shape.first_stride).window());
  x = net.activation("relu", net.batch_norm("bn1", x), OpKind::kRelu);
  if (shape.max_pool) x = net.pool("maxpool", x, OpKind::kMaxPool, WindowSpec::same(3, 2).window());
  std::int64_t out = 16;
  for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage, out *= 2) {
    for (int block = 0; block < shape.blocks[stage]; ++block) {
      const std::string block_name = "layer" + std::to_string(stage + 1) + "." + std::to_string(block);
      x = basic_block(net, block_name, x, out, block == 0 && stage > 0 ? 2 : 1, shape.shortcut);
    }
  }
  net.linear(shape.head, net.global_average_pool("avgpool", x), options.classes);
  return std::move(net).finish();
}

template <int kBlocks>
Result<Network> cifar(std::string_view name, const TopologyOptions& options) {
  return build(name, options, 3, {.blocks = {kBlocks, kBlocks, kBlocks}, .shortcut = Shortcut::kSubsample, .head = "linear"});
}

template <int kBlocks>
Result<Network> cifar_apot(std::string_view name, const TopologyOptions& options) {
  return build(name, options, 3, {.blocks = {kBlocks, kBlocks, kBlocks}});
}

Result<Network> resnet10_mnist(std::string_view name, const TopologyOptions& options) {
  return build(name, options, 1, {.first_kernel = 7, .first_stride = 2, .max_pool = true, .blocks = {1, 1, 1, 1}});
}

Result<Network> resnet8_fmnist(std::string_view name, const TopologyOptions& options) {
  return build(name, options, 1, {.blocks = {1, 1, 1}});
}

/// TensorFlow's "same" padding of a square window: the odd element goes below and right.
Window tensorflow_same(int kernel, int stride, std::int64_t extent) {
  Window window = WindowSpec::valid(kernel, stride).window();
  const std::int64_t total = std::max<std::int64_t>(((extent + stride - 1) / stride - 1) * stride + kernel - extent, 0);
  window.pad_top = window.pad_left = static_cast<int>(total / 2);
  window.pad_bottom = window.pad_right = static_cast<int>(total - total / 2);
  return window;
}

// Biased convolutions, and a shortcut without batch normalization, as in the benchmark's Keras model.
Result<Network> resnet8(std::string_view name, const TopologyOptions& options) {
  TopologyBuilder net(name, options.image, 3);
  net.set_epsilon(1e-3f);  // Keras's default
  std::int64_t extent = options.image;
  const auto conv = [&](const std::string& layer, NodeId from, std::int64_t out, int kernel, int stride) {
    return net.conv(layer, from, out, tensorflow_same(kernel, stride, extent), 1, true);
  };
  NodeId x = net.activation("relu", net.batch_norm("bn1", conv("conv1", net.input(), 16, 3, 1)), OpKind::kRelu);
  for (int stage = 0; stage < 3; ++stage) {
    const std::string block = "layer" + std::to_string(stage + 1) + ".0";
    const std::int64_t out = std::int64_t{16} << stage;
    const int stride = stage > 0 ? 2 : 1;
    NodeId body = net.batch_norm(block + ".bn1", conv(block + ".conv1", x, out, 3, stride));
    body = net.activation(block + ".relu1", body, OpKind::kRelu);
    const NodeId identity_source = x;
    const std::int64_t input_extent = extent;
    extent = (extent + stride - 1) / stride;
    body = net.batch_norm(block + ".bn2", conv(block + ".conv2", body, out, 3, 1));
    NodeId identity = identity_source;
    if (stride != 1) identity = net.conv(block + ".downsample.0", identity_source, out, tensorflow_same(1, stride, input_extent), 1, true);
    x = net.activation(block + ".relu2", net.add(block + ".add", body, identity), OpKind::kRelu);
  }
  net.linear("fc", net.global_average_pool("avgpool", x), options.classes);
  return std::move(net).finish();
}

}  // namespace

std::vector<Topology> small_resnet_topologies() {
  return {{"resnet20", 10, 32, 3, cifar<3>},
          {"resnet32", 10, 32, 3, cifar<5>},
          {"resnet44", 10, 32, 3, cifar<7>},
          {"resnet56", 10, 32, 3, cifar<9>},
          {"resnet20-apot", 10, 32, 3, cifar_apot<3>},
          {"resnet56-apot", 10, 32, 3, cifar_apot<9>},
          {"resnet10-mnist", 10, 28, 1, resnet10_mnist},
          {"resnet8", 10, 32, 3, resnet8},
          {"resnet8-fmnist", 10, 28, 1, resnet8_fmnist}};
}

}  // namespace dyad::network
