// Inception v3 without its auxiliary head, with the module names of pytorchcv. Source: Szegedy et al., "Rethinking the Inception
// Architecture for Computer Vision", 2016, table 1; pytorchcv 0.0.6x, models/inceptionv3.py.
#include "topology_builder.hpp"

namespace dyad::network {
namespace {

struct Step {
  std::int64_t out;
  WindowSpec window;
};

WindowSpec row7() { return WindowSpec::line(1, 7); }
WindowSpec column7() { return WindowSpec::line(7, 1); }

/// One inception unit: parallel branches from one input, concatenated in order.
class Unit {
 public:
  Unit(TopologyBuilder& net, std::string name, NodeId from) : net_(net), name_(std::move(name)), from_(from) {}

  void pointwise(std::int64_t out) { parts_.push_back(net_.conv_block(next_branch() + ".conv", from_, out, WindowSpec::same(1))); }

  void sequence(const std::vector<Step>& steps) { parts_.push_back(convolutions(next_branch(), steps)); }

  /// A sequence whose end is seen by a 1 x 3 and a 3 x 1 convolution side by side.
  void split_sequence(const std::vector<Step>& steps) {
    const std::string branch = next_branch();
    const NodeId x = convolutions(branch, steps);
    const NodeId row = net_.conv_block(branch + ".conv1x3", x, net_.channels(x), WindowSpec::line(1, 3));
    const NodeId column = net_.conv_block(branch + ".conv3x1", x, net_.channels(x), WindowSpec::line(3, 1));
    parts_.push_back(net_.concat(branch + ".concat", {row, column}));
  }

  void average_pool(std::int64_t out) {
    const std::string branch = next_branch();
    const NodeId pooled = net_.average_pool(branch + ".pool", from_, WindowSpec::same(3).window());
    parts_.push_back(net_.conv_block(branch + ".conv", pooled, out, WindowSpec::same(1)));
  }

  void max_pool() { parts_.push_back(net_.pool(next_branch() + ".pool", from_, OpKind::kMaxPool, WindowSpec::valid(3, 2).window())); }

  NodeId concat() { return net_.concat(name_ + ".concat", parts_); }

 private:
  std::string next_branch() { return name_ + ".branches.branch" + std::to_string(parts_.size() + 1); }
  NodeId convolutions(const std::string& branch, const std::vector<Step>& steps) {
    NodeId x = from_;
    for (std::size_t i = 0; i < steps.size(); ++i)
      x = net_.conv_block(branch + ".conv_list.conv" + std::to_string(i + 1), x, steps[i].out, steps[i].window);
    return x;
  }

  TopologyBuilder& net_;
  std::string name_;
  NodeId from_;
  std::vector<NodeId> parts_;
};

NodeId unit_a(TopologyBuilder& net, const std::string& name, NodeId x, std::int64_t out) {
  Unit unit(net, name, x);
  unit.pointwise(64);
  unit.sequence({{48, WindowSpec::same(1)}, {64, WindowSpec::same(5)}});
  unit.sequence({{64, WindowSpec::same(1)}, {96, WindowSpec::same(3)}, {96, WindowSpec::same(3)}});
  unit.average_pool(out - 224);
  return unit.concat();
}

NodeId reduction_a(TopologyBuilder& net, const std::string& name, NodeId x) {
  Unit unit(net, name, x);
  unit.sequence({{384, WindowSpec::valid(3, 2)}});
  unit.sequence({{64, WindowSpec::same(1)}, {96, WindowSpec::same(3)}, {96, WindowSpec::valid(3, 2)}});
  unit.max_pool();
  return unit.concat();
}

NodeId unit_b(TopologyBuilder& net, const std::string& name, NodeId x, std::int64_t mid) {
  Unit unit(net, name, x);
  unit.pointwise(192);
  unit.sequence({{mid, WindowSpec::same(1)}, {mid, row7()}, {192, column7()}});
  unit.sequence({{mid, WindowSpec::same(1)}, {mid, column7()}, {mid, row7()}, {mid, column7()}, {192, row7()}});
  unit.average_pool(192);
  return unit.concat();
}

NodeId reduction_b(TopologyBuilder& net, const std::string& name, NodeId x) {
  Unit unit(net, name, x);
  unit.sequence({{192, WindowSpec::same(1)}, {320, WindowSpec::valid(3, 2)}});
  unit.sequence({{192, WindowSpec::same(1)}, {192, row7()}, {192, column7()}, {192, WindowSpec::valid(3, 2)}});
  unit.max_pool();
  return unit.concat();
}

NodeId unit_c(TopologyBuilder& net, const std::string& name, NodeId x) {
  Unit unit(net, name, x);
  unit.pointwise(320);
  unit.split_sequence({{384, WindowSpec::same(1)}});
  unit.split_sequence({{448, WindowSpec::same(1)}, {384, WindowSpec::same(3)}});
  unit.average_pool(192);
  return unit.concat();
}

Result<Network> inceptionv3(std::string_view name, const TopologyOptions& options) {
  TopologyBuilder net(name, options.image, 3);
  net.set_epsilon(1e-3f);
  const std::string init = "features.init_block.";
  NodeId x = net.conv_block(init + "conv1", net.input(), 32, WindowSpec::valid(3, 2));
  x = net.conv_block(init + "conv2", x, 32, WindowSpec::valid(3));
  x = net.conv_block(init + "conv3", x, 64, WindowSpec::same(3));
  x = net.pool(init + "pool1", x, OpKind::kMaxPool, WindowSpec::valid(3, 2).window());
  x = net.conv_block(init + "conv4", x, 80, WindowSpec::same(1));
  x = net.conv_block(init + "conv5", x, 192, WindowSpec::valid(3));
  x = net.pool(init + "pool2", x, OpKind::kMaxPool, WindowSpec::valid(3, 2).window());
  x = unit_a(net, "features.stage1.unit1", x, 256);
  x = unit_a(net, "features.stage1.unit2", x, 288);
  x = unit_a(net, "features.stage1.unit3", x, 288);
  x = reduction_a(net, "features.stage2.unit1", x);
  x = unit_b(net, "features.stage2.unit2", x, 128);
  x = unit_b(net, "features.stage2.unit3", x, 160);
  x = unit_b(net, "features.stage2.unit4", x, 160);
  x = unit_b(net, "features.stage2.unit5", x, 192);
  x = reduction_b(net, "features.stage3.unit1", x);
  x = unit_c(net, "features.stage3.unit2", x);
  x = unit_c(net, "features.stage3.unit3", x);
  net.linear("output.fc", net.global_average_pool("features.final_pool", x), options.classes);
  return std::move(net).finish();
}

}  // namespace

std::vector<Topology> inception_topologies() { return {{"inceptionv3", 1000, 299, 3, inceptionv3}}; }

}  // namespace dyad::network
