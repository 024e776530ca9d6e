// Weights between safetensors in PyTorch's names and layouts and the nodes of a network.
#include <cmath>
#include <set>

#include "dyad/network/import.hpp"
#include "dyad/network/metadata.hpp"

namespace dyad::network {
namespace {

constexpr std::string_view kCounterSuffix = ".num_batches_tracked";

/// Takes tensors by name, checks shape and values, and remembers which were asked for.
class Source {
 public:
  Source(const Safetensors& weights, const std::string& place) : weights_(weights), place_(place) {}

  /// The tensor, whose shape must be one of `shapes`; the first is the one that errors show.
  Result<const Tensor<float>*> take(const std::string& name, const std::vector<Shape>& shapes) {
    const auto found = weights_.tensors.find(name);
    if (found == weights_.tensors.end()) {
      return error(name, "the tensor '" + name + "' is missing",
                   "are these weights of this topology, with its number of classes? (--classes N)");
    }
    taken_.insert(name);
    const Tensor<float>& tensor = found->second;
    bool fits = false;
    for (const Shape& shape : shapes) fits = fits || tensor.shape() == shape;
    if (!fits) {
      return error(name, "the tensor '" + name + "' has shape " + to_string(tensor.shape()) + ", expected " + to_string(shapes.front()),
                   "are these weights of this topology, with its number of classes? (--classes N)");
    }
    for (const float value : tensor.values())
      if (!std::isfinite(value))
        return error(name, "the tensor '" + name + "' holds a value that is not finite", "was the training stable?");
    return &tensor;
  }

  Result<std::vector<float>> take_vector(const std::string& name, std::int64_t size) {
    DYAD_TRY(const Tensor<float>* tensor, take(name, {{size}}));
    return std::vector<float>(tensor->values().begin(), tensor->values().end());
  }

  Result<void> finish() const {
    for (const auto& [name, tensor] : weights_.tensors)
      if (!taken_.contains(name) && !name.ends_with(kCounterSuffix))
        return error(name, "the tensor '" + name + "' is unknown to this topology", "are these weights of another topology?");
    return {};
  }

  Error error(const std::string& name, std::string message, std::string hint) const {
    return Error{place_ + ":/" + name, std::move(message), std::move(hint)};
  }

 private:
  const Safetensors& weights_;
  const std::string& place_;
  std::set<std::string> taken_;
};

Result<void> load_conv(Node& node, std::int64_t in_channels, Source& source) {
  const Window& window = node.window;
  const std::int64_t depth = in_channels / node.groups;
  DYAD_TRY(const Tensor<float>* weight, source.take(node.name + ".weight", {{node.out_channels, depth, window.kernel_h, window.kernel_w}}));
  node.weight = channels_last(*weight);
  return {};
}

Result<void> load_linear(Node& node, std::int64_t in_channels, Source& source) {
  DYAD_TRY(const Tensor<float>* weight,
           source.take(node.name + ".weight", {{node.out_channels, in_channels}, {node.out_channels, in_channels, 1, 1}}));
  node.weight = Tensor<float>({node.out_channels, 1, 1, in_channels}, {weight->values().begin(), weight->values().end()});
  return {};
}

Result<void> load_batch_norm(Node& node, std::int64_t channels, Source& source) {
  BatchNorm& norm = node.batch_norm;
  DYAD_TRY(norm.gamma, source.take_vector(node.name + ".weight", channels));
  DYAD_TRY(norm.beta, source.take_vector(node.name + ".bias", channels));
  DYAD_TRY(norm.mean, source.take_vector(node.name + ".running_mean", channels));
  DYAD_TRY(norm.variance, source.take_vector(node.name + ".running_var", channels));
  for (const float variance : norm.variance)
    if (variance < 0) return source.error(node.name + ".running_var", "a variance is negative", "the file is damaged");
  return {};
}

}  // namespace

Tensor<float> channels_last(const Tensor<float>& weight) {
  DYAD_EXPECT(weight.shape().size() == 4, "a convolution's weight has four extents");
  const std::int64_t filters = weight.extent(0), depth = weight.extent(1), rows = weight.extent(2), columns = weight.extent(3);
  Tensor<float> result({filters, rows, columns, depth});
  std::int64_t from = 0;
  for (std::int64_t k = 0; k < filters; ++k)
    for (std::int64_t c = 0; c < depth; ++c)
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t s = 0; s < columns; ++s) result[((k * rows + r) * columns + s) * depth + c] = weight[from++];
  return result;
}

Tensor<float> channels_first(const Tensor<float>& weight) {
  DYAD_EXPECT(weight.shape().size() == 4, "a convolution's weight has four extents");
  const std::int64_t filters = weight.extent(0), rows = weight.extent(1), columns = weight.extent(2), depth = weight.extent(3);
  Tensor<float> result({filters, depth, rows, columns});
  std::int64_t to = 0;
  for (std::int64_t k = 0; k < filters; ++k)
    for (std::int64_t c = 0; c < depth; ++c)
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t s = 0; s < columns; ++s) result[to++] = weight[((k * rows + r) * columns + s) * depth + c];
  return result;
}

Result<void> load_weights(Network& network, const Safetensors& weights, const std::string& place) {
  Network loaded = network;
  Source source(weights, place);
  for (NodeId id = 0; id < loaded.size(); ++id) {
    Node& node = loaded.node(id);
    if (node.kind != OpKind::kConv && node.kind != OpKind::kLinear && node.kind != OpKind::kBatchNorm) continue;
    const std::int64_t in_channels = loaded.node(loaded.inputs(id).at(0)).output_shape.at(2);
    if (node.kind == OpKind::kConv) DYAD_CHECK(load_conv(node, in_channels, source));
    if (node.kind == OpKind::kLinear) DYAD_CHECK(load_linear(node, in_channels, source));
    if (node.kind == OpKind::kBatchNorm) DYAD_CHECK(load_batch_norm(node, in_channels, source));
    if (node.has_bias) {
      DYAD_TRY(node.bias, source.take_vector(node.name + ".bias", node.out_channels));
    }
  }
  DYAD_CHECK(source.finish());
  DYAD_TRY(const std::optional<Normalization> normalization, normalization_from_metadata(weights.metadata, place + ":/__metadata__"));
  if (normalization) {
    const std::size_t channels = static_cast<std::size_t>(loaded.node(loaded.input()).output_shape.at(2));
    if (normalization->mean.size() != channels) {
      return Error{place + ":/__metadata__/mean",
                   "has " + std::to_string(normalization->mean.size()) + " values for " + std::to_string(channels) + " channels",
                   "one value a channel, comma-separated"};
    }
    loaded.normalization = normalization;
  }
  network = std::move(loaded);
  return {};
}

Safetensors save_weights(const Network& network) {
  Safetensors content;
  const auto put_vector = [&](const std::string& name, const std::vector<float>& values) {
    content.tensors[name] = Tensor<float>({static_cast<std::int64_t>(values.size())}, values);
  };
  for (NodeId id = 0; id < network.size(); ++id) {
    const Node& node = network.node(id);
    if (node.kind == OpKind::kConv) content.tensors[node.name + ".weight"] = channels_first(node.weight);
    if (node.kind == OpKind::kLinear) {
      Tensor<float> weight = node.weight;
      content.tensors[node.name + ".weight"] = std::move(weight).reshaped({node.weight.extent(0), node.weight.extent(3)});
    }
    if (node.kind == OpKind::kBatchNorm) {
      put_vector(node.name + ".weight", node.batch_norm.gamma);
      put_vector(node.name + ".bias", node.batch_norm.beta);
      put_vector(node.name + ".running_mean", node.batch_norm.mean);
      put_vector(node.name + ".running_var", node.batch_norm.variance);
    }
    if (!node.bias.empty()) put_vector(node.name + ".bias", node.bias);
  }
  if (network.normalization) {
    content.metadata["mean"] = metadata_list(network.normalization->mean);
    content.metadata["std"] = metadata_list(network.normalization->stddev);
  }
  return content;
}

}  // namespace dyad::network
