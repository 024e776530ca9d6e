// Batch-normalization folding in the float32 order of HAWQ-V3: std = sqrt(var + eps); k = gamma / std; W k; (b - mean) k + beta.
#include <cmath>

#include "dyad/network/network.hpp"

namespace dyad::network {
namespace {

Error fold_error(const Network& network, const Node& node, std::string message, std::string hint) {
  return Error{(network.name.empty() ? "network" : network.name) + ":/" + node.name,
               "batch_norm '" + node.name + "': " + std::move(message), std::move(hint)};
}

// The convolution or linear layer whose result reaches `id` alone, through identities and folded batch normalizations only.
Result<NodeId> foldable_source(const Network& network, NodeId id) {
  const Node& bn = network.node(id);
  NodeId source = id;
  do {
    const std::vector<NodeId> inputs = network.inputs(source);
    DYAD_EXPECT(inputs.size() == 1, "batch normalization or identity has not one input");
    source = inputs[0];
    if (network.consumers(source).size() != 1 || source == network.output())
      return fold_error(network, bn, "its input '" + network.node(source).name + "' is used elsewhere too, so it can't be folded",
                        "fold the network by hand, or give each use a convolution of its own");
  } while (network.node(source).kind == OpKind::kIdentity || network.node(source).kind == OpKind::kBatchNorm);
  const OpKind kind = network.node(source).kind;
  if (is_weighted(kind)) return source;
  return fold_error(network, bn, "follows " + std::string(to_string(kind)) + " '" + network.node(source).name + "', not a convolution",
                    "only a batch normalization directly behind a convolution or linear layer can be folded");
}

void fold_into(Node& layer, const BatchNorm& bn) {
  const std::int64_t channels = layer.out_channels;
  const std::int64_t per_channel = layer.weight.size() / channels;
  layer.bias.resize(static_cast<std::size_t>(channels), 0.0f);
  for (std::int64_t k = 0; k < channels; ++k) {
    const auto c = static_cast<std::size_t>(k);
    const float deviation = std::sqrt(bn.variance[c] + bn.epsilon);
    const float factor = bn.gamma[c] / deviation;
    for (std::int64_t i = 0; i < per_channel; ++i) layer.weight[k * per_channel + i] *= factor;
    layer.bias[c] = (layer.bias[c] - bn.mean[c]) * factor + bn.beta[c];
  }
}

}  // namespace

Result<Network> fold_batch_norms(const Network& network) {
  Network folded;
  folded.name = network.name;
  folded.normalization = network.normalization;
  std::vector<NodeId> moved(network.size());
  for (const NodeId id : network.execution_order()) {
    const Node& node = network.node(id);
    std::vector<NodeId> inputs;
    for (const NodeId input : network.inputs(id)) inputs.push_back(moved[input]);
    if (node.kind == OpKind::kIdentity) {
      moved[id] = inputs.at(0);
      continue;
    }
    if (node.kind != OpKind::kBatchNorm) {
      moved[id] = folded.add(node, inputs);
      continue;
    }
    DYAD_TRY(const NodeId source, foldable_source(network, id));
    Node& layer = folded.node(moved[source]);
    moved[id] = moved[source];
    layer.has_bias = true;
    if (layer.weight.empty() != node.batch_norm.gamma.empty())
      return fold_error(network, node, "only one of it and '" + layer.name + "' has weights", "load the weights of both");
    if (layer.weight.empty()) continue;
    if (node.batch_norm.variance.size() != static_cast<std::size_t>(layer.out_channels))
      return fold_error(network, node, "its channels are not those of '" + layer.name + "'", "run infer_shapes first");
    fold_into(layer, node.batch_norm);
  }
  if (folded.size() > 0) folded.set_output(moved[network.output()]);
  return folded;
}

}  // namespace dyad::network
