#include "dyad/quantizer/blocks.hpp"

#include <algorithm>

namespace dyad::quantizer {
namespace {

using network::is_weighted;
using network::NodeId;
using network::OpKind;

bool is_activation(OpKind kind) { return kind == OpKind::kRelu || kind == OpKind::kRelu6; }

/// The executed nodes without the softmax and renamings behind the logits.
std::vector<NodeId> order_to_logits(const network::Network& net) {
  std::vector<NodeId> order = net.execution_order();
  while (!order.empty() && !is_weighted(net.node(order.back()).kind) &&
         (net.node(order.back()).kind == OpKind::kSoftmax || net.node(order.back()).kind == OpKind::kIdentity))
    order.pop_back();
  return order;
}

}  // namespace

std::string_view to_string(Granularity granularity) { return granularity == Granularity::kLayer ? "layer" : "block"; }

std::vector<Block> find_blocks(const network::Network& folded, Granularity granularity) {
  const std::vector<NodeId> order = order_to_logits(folded);
  std::vector<std::size_t> last_use(folded.size(), 0);  // by node: position of its last reader
  for (std::size_t i = 0; i < order.size(); ++i)
    for (const NodeId input : folded.inputs(order[i])) last_use[input] = i;

  // A block may end at position i when it holds a layer and what follows does not belong to it.
  std::vector<Block> blocks;
  Block block;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const NodeId id = order[i];
    block.nodes.push_back(id);
    if (is_weighted(folded.node(id).kind)) block.layers.push_back(id);
    if (block.layers.empty()) continue;
    if (i + 1 == order.size()) break;
    const NodeId next = order[i + 1];
    const std::vector<NodeId> next_inputs = folded.inputs(next);
    const bool activation_follows = is_activation(folded.node(next).kind) && next_inputs.front() == id;
    if (activation_follows) continue;
    if (granularity == Granularity::kBlock) {
      const auto alive = std::count_if(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                       [&](NodeId earlier) { return last_use[earlier] > i; });
      if (alive > 1) continue;
    } else if (!is_weighted(folded.node(id).kind) && !is_activation(folded.node(id).kind)) {
      continue;  // a layer's block ends with the layer or its activation, an addition behind it goes to the next
    }
    blocks.push_back(std::move(block));
    block = {};
  }
  if (!block.layers.empty()) {
    blocks.push_back(std::move(block));
  } else if (!blocks.empty()) {  // pooling behind the last layer
    blocks.back().nodes.insert(blocks.back().nodes.end(), block.nodes.begin(), block.nodes.end());
  }
  return blocks;
}

}  // namespace dyad::quantizer
