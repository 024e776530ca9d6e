// MobileNet and EfficientNet with the module names of pytorchcv (mobilenet_w1, mobilenetv2b_w1, efficientnet_b0). Sources: Howard et al.,
// 2017, table 1; Sandler et al., 2018, table 2; Tan and Le, 2019, table 1; pytorchcv 0.0.6x.
#include "topology_builder.hpp"

namespace dyad::network {
namespace {

std::string unit_name(std::size_t stage, std::size_t unit) {
  return "features.stage" + std::to_string(stage + 1) + ".unit" + std::to_string(unit + 1);
}

NodeId depthwise(TopologyBuilder& net, const std::string& name, NodeId x, int kernel, int stride, OpKind kind) {
  const std::int64_t channels = net.channels(x);
  return net.conv_block(name, x, channels, WindowSpec::same(kernel, stride), kind, static_cast<int>(channels));
}

Result<Network> mobilenetv1(std::string_view name, const TopologyOptions& options) {
  TopologyBuilder net(name, options.image, 3);
  NodeId x = net.conv_block("features.init_block", net.input(), 32, WindowSpec::same(3, 2));
  const std::vector<std::vector<std::int64_t>> stages = {{64}, {128, 128}, {256, 256}, {512, 512, 512, 512, 512, 512}, {1024, 1024}};
  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    for (std::size_t unit = 0; unit < stages[stage].size(); ++unit) {
      x = depthwise(net, unit_name(stage, unit) + ".dw_conv", x, 3, unit == 0 && stage > 0 ? 2 : 1, OpKind::kRelu);
      x = net.conv_block(unit_name(stage, unit) + ".pw_conv", x, stages[stage][unit], WindowSpec::same(1));
    }
  }
  net.linear("output", net.global_average_pool("features.final_pool", x), options.classes);
  return std::move(net).finish();
}

/// Expansion, depthwise convolution, projection; the first unit has no expansion (53 weighted layers in all).
NodeId inverted_residual(TopologyBuilder& net, const std::string& name, NodeId x, std::int64_t out, int stride, bool expand) {
  const bool residual = net.channels(x) == out && stride == 1;
  NodeId body = x;
  if (expand) body = net.conv_block(name + ".conv1", body, net.channels(x) * 6, WindowSpec::same(1), OpKind::kRelu6);
  body = depthwise(net, name + ".conv2", body, 3, stride, OpKind::kRelu6);
  body = net.conv_block(name + ".conv3", body, out, WindowSpec::same(1), OpKind::kIdentity);
  return residual ? net.add(name + ".add", body, x) : body;
}

Result<Network> mobilenetv2(std::string_view name, const TopologyOptions& options) {
  TopologyBuilder net(name, options.image, 3);
  NodeId x = net.conv_block("features.init_block", net.input(), 32, WindowSpec::same(3, 2), OpKind::kRelu6);
  const std::vector<std::vector<std::int64_t>> stages = {{16}, {24, 24}, {32, 32, 32}, {64, 64, 64, 64, 96, 96, 96}, {160, 160, 160, 320}};
  for (std::size_t stage = 0; stage < stages.size(); ++stage)
    for (std::size_t unit = 0; unit < stages[stage].size(); ++unit)
      x = inverted_residual(net, unit_name(stage, unit), x, stages[stage][unit], unit == 0 && stage > 0 ? 2 : 1, stage > 0);
  x = net.conv_block("features.final_block", x, 1280, WindowSpec::same(1), OpKind::kRelu6);
  net.linear("output", net.global_average_pool("features.final_pool", x), options.classes, false);
  return std::move(net).finish();
}

/// Squeeze and excitation: a gate by channel from the pooled activations.
NodeId squeeze_excite(TopologyBuilder& net, const std::string& name, NodeId x, std::int64_t mid) {
  const Window pointwise = WindowSpec::same(1).window();
  NodeId gate = net.global_average_pool(name + ".pool", x);
  gate = net.activation(name + ".activ", net.conv(name + ".conv1", gate, mid, pointwise, 1, true), OpKind::kSwish);
  gate = net.activation(name + ".sigmoid", net.conv(name + ".conv2", gate, net.channels(x), pointwise, 1, true), OpKind::kSigmoid);
  return net.multiply(name + ".scale", x, gate);
}

struct EfficientUnit {
  std::int64_t out;
  int kernel;
};

NodeId efficient_unit(TopologyBuilder& net, const std::string& name, NodeId x, const EfficientUnit& unit, int stride) {
  const bool residual = net.channels(x) == unit.out && stride == 1;
  const std::int64_t mid = net.channels(x) * 6;
  NodeId body = net.conv_block(name + ".conv1", x, mid, WindowSpec::same(1), OpKind::kSwish);
  body = depthwise(net, name + ".conv2", body, unit.kernel, stride, OpKind::kSwish);
  body = squeeze_excite(net, name + ".se", body, mid / 24);
  body = net.conv_block(name + ".conv3", body, unit.out, WindowSpec::same(1), OpKind::kIdentity);
  return residual ? net.add(name + ".add", body, x) : body;
}

Result<Network> efficientnet_b0(std::string_view name, const TopologyOptions& options) {
  TopologyBuilder net(name, options.image, 3);
  NodeId x = net.conv_block("features.init_block.conv", net.input(), 32, WindowSpec::same(3, 2), OpKind::kSwish);
  x = depthwise(net, "features.stage1.unit1.dw_conv", x, 3, 1, OpKind::kSwish);
  x = squeeze_excite(net, "features.stage1.unit1.se", x, net.channels(x) / 4);
  x = net.conv_block("features.stage1.unit1.pw_conv", x, 16, WindowSpec::same(1), OpKind::kIdentity);
  const std::vector<std::vector<EfficientUnit>> stages = {{{24, 3}, {24, 3}},
                                                          {{40, 5}, {40, 5}},
                                                          {{80, 3}, {80, 3}, {80, 3}, {112, 5}, {112, 5}, {112, 5}},
                                                          {{192, 5}, {192, 5}, {192, 5}, {192, 5}, {320, 3}}};
  for (std::size_t stage = 0; stage < stages.size(); ++stage)
    for (std::size_t unit = 0; unit < stages[stage].size(); ++unit)
      x = efficient_unit(net, unit_name(stage + 1, unit), x, stages[stage][unit], unit == 0 ? 2 : 1);
  x = net.conv_block("features.final_block", x, 1280, WindowSpec::same(1), OpKind::kSwish);
  net.linear("output.fc", net.global_average_pool("features.final_pool", x), options.classes);
  return std::move(net).finish();
}

}  // namespace

std::vector<Topology> mobile_topologies() {
  return {{"mobilenetv1", 1000, 224, 3, mobilenetv1},
          {"mobilenetv2", 1000, 224, 3, mobilenetv2},
          {"efficientnet-b0", 1000, 224, 3, efficientnet_b0}};
}

}  // namespace dyad::network
