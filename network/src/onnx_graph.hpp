/// \file What the ONNX importer knows while it walks a graph: constants, activations in our layout, and the node at hand.
///
/// Activations of the file are (N, C, H, W) or (N, F); ours are (H, W, C) for one image. An integer constant that came from Shape may hold
/// kBatch, which stands for N.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/network.hpp"

namespace dyad::network::onnx_import {

constexpr std::int64_t kBatch = std::numeric_limits<std::int64_t>::min();
/// Bounds of image extents and channels, and of kernels, strides, dilations and paddings, so that sums stay far from overflow.
constexpr std::int64_t kMaxExtent = 1 << 16;
constexpr std::int64_t kMaxWindow = 1 << 12;

/// A tensor known when the graph is read: integers or floats, row-major.
struct Constant {
  Shape dims;
  bool is_integer = false;
  std::vector<std::int64_t> integers;
  std::vector<float> floats;
  std::int64_t size() const { return static_cast<std::int64_t>(is_integer ? integers.size() : floats.size()); }
};

/// Slices and pads that wait for the operator they merge into.
struct Pending {
  int stride_h = 1, stride_w = 1;                ///< first: every stride-th row and column
  int channels_before = 0, channels_after = 0;   ///< then: zero channels
  int top = 0, left = 0, bottom = 0, right = 0;  ///< then: a border of `value`
  float value = 0;
  std::string name;  ///< of the last operator that contributed
  bool subsamples() const { return stride_h != 1 || stride_w != 1 || channels_before != 0 || channels_after != 0; }
  bool has_border() const { return top != 0 || left != 0 || bottom != 0 || right != 0; }
};

/// A value computed from the image.
struct Activation {
  NodeId node = 0;
  bool is_vector = false;  ///< (N, F)
  bool shared = false;     ///< read more than once
  std::optional<Shape>
      flattened;  ///< (C, H, W) of which this vector is the flattening, while H * W > 1: our elements lie in (H, W, C) order
  Pending pending;
};

using Value = std::variant<Activation, Constant>;

/// The numbers of a TensorProto; external, segmented, truncated or non-numeric data is an Error.
Result<Constant> decode_tensor(const onnx::TensorProto& tensor, const std::string& place);

/// Typed access to a node's attributes that remembers which were asked for.
class Attributes {
 public:
  Attributes(const onnx::NodeProto& node, std::string place) : node_(node), place_(std::move(place)) {}
  bool has(std::string_view name) const { return find(name) != nullptr; }
  Result<std::int64_t> integer(std::string_view name, std::int64_t fallback) const;
  Result<float> real(std::string_view name, float fallback) const;
  Result<std::string> text(std::string_view name, std::string fallback) const;
  Result<std::vector<std::int64_t>> integers(std::string_view name, std::vector<std::int64_t> fallback) const;
  Result<std::vector<float>> reals(std::string_view name) const;
  Result<const onnx::TensorProto*> tensor(std::string_view name) const;
  /// An Error naming the first attribute that nobody asked for.
  Result<void> finish() const;

 private:
  const onnx::AttributeProto* find(std::string_view name) const;
  Error wrong_type(std::string_view name, const char* expected) const;
  const onnx::NodeProto& node_;
  std::string place_;
  mutable std::set<std::string, std::less<>> asked_;
};

/// The state of one import.
class Graph {
 public:
  std::string file;
  int opset = 0;
  std::optional<std::int64_t> fixed_batch;  ///< N, when the file fixes it
  Network network;
  std::map<std::string, Value> values;
  std::map<std::string, const onnx::TensorProto*> initializers;
  std::map<std::string, int> uses;

  /// (C, H, W), or (F) of a vector, as the file sees the value.
  Shape shape(const Activation& value) const;
};

/// One node being imported.
class Call {
 public:
  Call(Graph& graph, const onnx::NodeProto& proto);

  Graph& graph;
  const onnx::NodeProto& proto;
  const std::string name;   ///< the node's name, else its first output's
  const std::string place;  ///< file:/name
  const Attributes attributes;

  /// Message and hint about this node; the message is preceded by operator and name.
  Error error(std::string message, std::string hint) const;
  bool has_input(int index) const { return index < proto.input_size() && !proto.input(index).empty(); }
  bool is_constant(int index) const;
  /// Every input present is a constant.
  bool all_constant() const;
  Result<Constant> constant(int index) const;
  Result<std::vector<std::int64_t>> integers(int index) const;
  Result<Constant> floats(int index) const;
  /// The activation with slices and channel pads applied; a border left over is an Error unless `border_allowed`.
  Result<Activation> activation(int index, bool border_allowed = false);
  /// The activation as it stands, nothing applied.
  Result<Activation> raw_activation(int index) const;
  /// (C, H, W) of an activation that must be spatial.
  Result<Shape> spatial_shape(const Activation& value) const;

  /// Adds a node of this name behind the inputs and infers its shape.
  Result<NodeId> add(Node node, const std::vector<NodeId>& inputs);
  Result<void> output(Activation value);
  Result<void> output(Constant value);
  /// Adds a node of `kind` behind `input`; the output has the input's layout.
  Result<void> unary(Node node, const Activation& input);

  /// The value as an int from lowest to highest, or an Error naming `what`.
  Result<int> bounded(std::int64_t value, std::int64_t lowest, std::int64_t highest, std::string_view what) const;
  /// An axis of a tensor of this rank, counted from the front.
  Result<int> axis(std::int64_t value, int rank) const;

 private:
  Result<void> check_new_output() const;
};

/// Computes a node all of whose inputs are constants, or Shape of an activation. Nothing when the operator is not one that is folded.
Result<std::optional<Constant>> fold_constants(Call& call);

/// Axes from the attribute (opset < 13) or from input 1, counted from the front of `rank` dimensions.
Result<std::set<int>> axes_of(Call& call, int rank);

/// Start, end and step of one axis, as the node states them.
struct SliceRange {
  int axis;
  std::int64_t start, end, step;
};
/// Inputs 1 to 4 of a Slice of a tensor of `rank` axes.
Result<std::vector<SliceRange>> slice_ranges(Call& call, int rank);
/// The importer of an operator on activations, or null.
using Operator = Result<void> (*)(Call&);
Operator find_operator(const std::string& op_type);
/// "Add, AveragePool, …".
std::string supported_operators();

// The operators, by the file they are in.
Result<void> import_conv(Call& call);
Result<void> import_gemm(Call& call);
Result<void> import_matmul(Call& call);
Result<void> import_batch_normalization(Call& call);
Result<void> import_max_pool(Call& call);
Result<void> import_average_pool(Call& call);
Result<void> import_global_average_pool(Call& call);
Result<void> import_reduce_mean(Call& call);
Result<void> import_flatten(Call& call);
Result<void> import_reshape(Call& call);
Result<void> import_squeeze(Call& call);
Result<void> import_unsqueeze(Call& call);
Result<void> import_slice(Call& call);
Result<void> import_pad(Call& call);
/// The bias of the convolution or linear layer before it, when one input is a constant.
Result<void> import_constant_addition(Call& call, int constant_index);

}  // namespace dyad::network::onnx_import
