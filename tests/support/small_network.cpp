#include "support/small_network.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/base/random.hpp"
#include "dyad/network/float_executor.hpp"

namespace dyad::testing_support {

using network::Network;
using network::Node;
using network::NodeId;
using network::OpKind;

network::Network small_residual_network(std::uint64_t seed) {
  Random random(seed, 21);
  Network net;
  net.name = "small_residual";
  const auto named = [](const std::string& name, OpKind kind) {
    Node node;
    node.name = name;
    node.kind = kind;
    return node;
  };
  const auto fill = [&](Node& node, const Shape& shape) {
    node.out_channels = shape[0];
    node.weight = Tensor<float>(shape);
    const double spread = std::sqrt(2.0 / static_cast<double>(node.weight.size() / shape[0]));
    for (float& value : node.weight.values()) value = static_cast<float>(random.normal() * spread);
    node.has_bias = true;
    for (std::int64_t k = 0; k < shape[0]; ++k) node.bias.push_back(static_cast<float>(random.normal() * 0.1));
  };
  const auto conv = [&](const std::string& name, NodeId from, std::int64_t in, std::int64_t out, int stride) {
    Node node = named(name, OpKind::kConv);
    node.window = {
        .kernel_h = 3, .kernel_w = 3, .stride_h = stride, .stride_w = stride, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
    fill(node, {out, 3, 3, in});
    return net.add(std::move(node), {from});
  };
  Node input = named("input", OpKind::kInput);
  input.output_shape = {8, 8, 3};
  const NodeId image = net.add(std::move(input), {});
  const NodeId stem = net.add(named("stem.relu", OpKind::kRelu), {conv("stem", image, 3, 6, 1)});
  const NodeId first = net.add(named("block.relu1", OpKind::kRelu), {conv("block.conv1", stem, 6, 6, 1)});
  const NodeId sum = net.add(named("block.add", OpKind::kAdd), {conv("block.conv2", first, 6, 6, 1), stem});
  const NodeId block = net.add(named("block.relu2", OpKind::kRelu), {sum});
  const NodeId last = net.add(named("last.relu", OpKind::kRelu), {conv("last", block, 6, 8, 2)});
  const NodeId pool = net.add(named("pool", OpKind::kGlobalAveragePool), {last});
  Node linear = named("linear", OpKind::kLinear);
  fill(linear, {5, 1, 1, 8});
  net.set_output(net.add(std::move(linear), {pool}));
  DYAD_EXPECT(net.infer_shapes().has_value(), "the test network has no shapes");
  return net;
}

network::Dataset images_labelled_by(const network::Network& net, const network::Normalization& normalization, std::int64_t count,
                                    std::uint64_t seed) {
  Random random(seed, 22);
  network::Dataset data;
  data.name = "made from seed " + std::to_string(seed);
  data.images = Tensor<std::uint8_t>({count, 8, 8, 3});
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t c = 0; c < 3; ++c) {
      const double level = random.uniform() * 200, slope_y = random.normal() * 20, slope_x = random.normal() * 20;
      for (std::int64_t y = 0; y < 8; ++y)
        for (std::int64_t x = 0; x < 8; ++x) {
          const double value = level + slope_y * static_cast<double>(y - 4) + slope_x * static_cast<double>(x - 4) + random.normal() * 15;
          data.images[((n * 8 + y) * 8 + x) * 3 + c] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
        }
    }
  data.labels.assign(static_cast<std::size_t>(count), 0);
  const Tensor<float> logits = network::evaluate(net, data.normalized(0, count, normalization));
  for (std::int64_t n = 0; n < count; ++n)
    data.labels[static_cast<std::size_t>(n)] =
        static_cast<std::int32_t>(std::max_element(logits.data() + n * 5, logits.data() + n * 5 + 5) - (logits.data() + n * 5));
  return data;
}

}  // namespace dyad::testing_support
