/// \file The network graph: nodes in single-assignment form, float weights, shapes for one image.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/layer_shape.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"

namespace dyad::network {

using NodeId = std::size_t;
using dyad::to_string;  // shapes and layer kinds; the overload below would hide them

enum class OpKind {
  kInput,
  kConv,
  kLinear,
  kBatchNorm,
  kRelu,
  kRelu6,
  kLeakyRelu,
  kSigmoid,
  kSwish,
  kAdd,
  kMul,
  kConcat,
  kMaxPool,
  kAveragePool,
  kGlobalAveragePool,
  kFlatten,
  kSubsample,
  kIdentity,
  kSoftmax,
};
std::string_view to_string(OpKind kind);
/// A convolution or fully connected layer.
constexpr bool is_weighted(OpKind kind) { return kind == OpKind::kConv || kind == OpKind::kLinear; }

/// Batch normalization in inference form; each vector has one entry a channel.
struct BatchNorm {
  std::vector<float> gamma, beta, mean, variance;
  float epsilon = 1e-5f;
};

/// One operation. Activations are (H, W, C) for one image; a vector is (1, 1, C).
struct Node {
  std::string name;
  OpKind kind = OpKind::kIdentity;
  Window window;  ///< kConv, pools; kSubsample uses its strides only
  int groups = 1;
  std::int64_t out_channels = 0;   ///< kConv, kLinear
  Tensor<float> weight;            ///< (K, R, S, C / groups); kLinear (K, 1, 1, C); empty while a topology has no weights
  std::vector<float> bias;         ///< K or empty
  bool has_bias = false;           ///< the topology has a bias, loaded or not
  BatchNorm batch_norm;            ///< kBatchNorm; empty while a topology has no weights
  bool count_include_pad = false;  ///< kAveragePool
  bool ceil_mode = false;          ///< pools
  float negative_slope = 0;        ///< kLeakyRelu
  int channel_pad_before = 0, channel_pad_after = 0;  ///< kSubsample: zero channels added around the input's
  Shape output_shape;                                 ///< (H, W, C), set by infer_shapes
};

/// Mean and standard deviation by channel on u8 / 255.
struct Normalization {
  std::vector<float> mean, stddev;
};

/// A directed acyclic graph of nodes with one input and one output. Node ids are dense and never change.
class Network {
 public:
  Network();
  Network(const Network&);
  Network(Network&&) noexcept;
  Network& operator=(const Network&);
  Network& operator=(Network&&) noexcept;
  ~Network();

  std::string name;
  std::optional<Normalization> normalization;  ///< from the model's metadata

  /// Adds a node behind its inputs (in argument order). A name already taken gets "#2", "#3", ...; an empty one is the kind's.
  /// The kInput node carries its output_shape.
  NodeId add(Node node, std::span<const NodeId> inputs);
  NodeId add(Node node, std::initializer_list<NodeId> inputs) { return add(std::move(node), std::span(inputs.begin(), inputs.size())); }
  std::size_t size() const;
  Node& node(NodeId id);
  const Node& node(NodeId id) const;
  std::optional<NodeId> find(std::string_view node_name) const;
  /// Inputs in argument order.
  std::vector<NodeId> inputs(NodeId id) const;
  std::vector<NodeId> consumers(NodeId id) const;
  /// Deterministic: the smallest ready id first.
  std::vector<NodeId> topological_order() const;
  /// The nodes that the output depends on, the output included, in topological order.
  std::vector<NodeId> execution_order() const;
  NodeId input() const;
  /// The node given to set_output, else the node added last.
  NodeId output() const;
  void set_output(NodeId id);
  /// Computes output_shape of every node; an Error names the node whose inputs don't fit.
  Result<void> infer_shapes();
  /// Computes output_shape of one node from those of its inputs.
  Result<void> infer_shape(NodeId id);
  /// Every weighted node has weights.
  bool has_weights() const;

 private:
  struct Graph;
  std::unique_ptr<Graph> graph_;
  NodeId output_ = 0;
};

/// Nodes that a bit assignment speaks of (convolutions and fully connected layers), in execution order.
std::vector<NodeId> weighted_nodes(const Network& network);
/// Geometry of a node; infer_shapes must have run. A global average pooling has a window of the whole input; in_channels of an
/// addition are those of one operand, of a concatenation the sum of all; operations that cost nothing are kOther.
LayerShape layer_shape(const Network& network, NodeId id);
/// Every layer that costs something on hardware (weighted, pooling, addition, concatenation), in execution order.
/// Nodes that the output does not depend on are left out, here and in weighted_nodes.
std::vector<LayerShape> layer_shapes(const Network& network);

/// The network with every batch normalization folded into the convolution or linear layer before it, identities removed:
/// W' = W * gamma / sqrt(var + eps), b' = (b - mean) * gamma / sqrt(var + eps) + beta, in float32 in that order (HAWQ-V3).
/// A batch normalization that does not follow a convolution is an Error naming it. The folded network keeps names of the convolutions.
Result<Network> fold_batch_norms(const Network& network);

}  // namespace dyad::network
