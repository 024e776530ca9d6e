// ResNet for ImageNet with the module names of pytorchcv. Source: He et al., "Deep Residual Learning for Image Recognition", 2016, table 1;
// pytorchcv 0.0.6x, models/resnet.py.
#include "topology_builder.hpp"

namespace dyad::network {
namespace {

struct ResNetShape {
  std::vector<int> units;      ///< residual units of each of the four stages
  bool bottleneck = false;     ///< three convolutions a unit instead of two
  bool stride_on_1x1 = false;  ///< a bottleneck strides in its first convolution (pytorchcv's resnet50), else in its second (resnet50b)
};

NodeId residual_unit(TopologyBuilder& net, const std::string& name, NodeId x, std::int64_t out, int stride, const ResNetShape& shape) {
  NodeId body = x;
  if (shape.bottleneck) {
    const std::int64_t mid = out / 4;
    body = net.conv_block(name + ".body.conv1", body, mid, WindowSpec::same(1, shape.stride_on_1x1 ? stride : 1));
    body = net.conv_block(name + ".body.conv2", body, mid, WindowSpec::same(3, shape.stride_on_1x1 ? 1 : stride));
    body = net.conv_block(name + ".body.conv3", body, out, WindowSpec::same(1), OpKind::kIdentity);
  } else {
    body = net.conv_block(name + ".body.conv1", body, out, WindowSpec::same(3, stride));
    body = net.conv_block(name + ".body.conv2", body, out, WindowSpec::same(3), OpKind::kIdentity);
  }
  NodeId identity = x;
  if (stride != 1 || net.channels(x) != out)
    identity = net.conv_block(name + ".identity_conv", x, out, WindowSpec::same(1, stride), OpKind::kIdentity);
  return net.activation(name + ".activ", net.add(name + ".add", body, identity), OpKind::kRelu);
}

Result<Network> build(std::string_view name, const TopologyOptions& options, const ResNetShape& shape) {
  TopologyBuilder net(name, options.image, 3);
  NodeId x = net.conv_block("features.init_block.conv", net.input(), 64, WindowSpec::same(7, 2));
  x = net.pool("features.init_block.pool", x, OpKind::kMaxPool, WindowSpec::same(3, 2).window());
  std::int64_t out = shape.bottleneck ? 256 : 64;
  for (std::size_t stage = 0; stage < shape.units.size(); ++stage, out *= 2) {
    for (int unit = 0; unit < shape.units[stage]; ++unit) {
      const std::string unit_name = "features.stage" + std::to_string(stage + 1) + ".unit" + std::to_string(unit + 1);
      x = residual_unit(net, unit_name, x, out, unit == 0 && stage > 0 ? 2 : 1, shape);
    }
  }
  x = net.global_average_pool("features.final_pool", x);
  net.linear("output", x, options.classes);
  return std::move(net).finish();
}

Result<Network> resnet18(std::string_view name, const TopologyOptions& options) { return build(name, options, {{2, 2, 2, 2}}); }
Result<Network> resnet34(std::string_view name, const TopologyOptions& options) { return build(name, options, {{3, 4, 6, 3}}); }
Result<Network> resnet50(std::string_view name, const TopologyOptions& options) { return build(name, options, {{3, 4, 6, 3}, true, true}); }
Result<Network> resnet50b(std::string_view name, const TopologyOptions& options) {
  return build(name, options, {{3, 4, 6, 3}, true, false});
}
Result<Network> resnet101(std::string_view name, const TopologyOptions& options) {
  return build(name, options, {{3, 4, 23, 3}, true, true});
}
Result<Network> resnet101b(std::string_view name, const TopologyOptions& options) {
  return build(name, options, {{3, 4, 23, 3}, true, false});
}

}  // namespace

std::vector<Topology> resnet_topologies() {
  return {{"resnet18", 1000, 224, 3, resnet18},   {"resnet34", 1000, 224, 3, resnet34},   {"resnet50", 1000, 224, 3, resnet50},
          {"resnet50b", 1000, 224, 3, resnet50b}, {"resnet101", 1000, 224, 3, resnet101}, {"resnet101b", 1000, 224, 3, resnet101b}};
}

}  // namespace dyad::network
