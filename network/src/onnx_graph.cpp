#include "onnx_graph.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace dyad::network::onnx_import {
namespace {

std::string node_name(const onnx::NodeProto& proto) {
  if (!proto.name().empty()) return proto.name();
  return proto.output_size() > 0 ? proto.output(0) : proto.op_type();
}

}  // namespace

Shape Graph::shape(const Activation& value) const {
  const Shape& own = network.node(value.node).output_shape;  // (H, W, C)
  const Pending& pending = value.pending;
  if (value.is_vector) return {own[2]};
  return {own[2] + pending.channels_before + pending.channels_after, (own[0] - 1) / pending.stride_h + 1 + pending.top + pending.bottom,
          (own[1] - 1) / pending.stride_w + 1 + pending.left + pending.right};
}

Call::Call(Graph& state, const onnx::NodeProto& node)
    : graph(state),
      proto(node),
      name(node_name(node)),
      place(state.file + (name.starts_with('/') ? ":" : ":/") + name),
      attributes(node, place) {}

Error Call::error(std::string message, std::string hint) const {
  return Error{place, "operator " + proto.op_type() + " of node '" + name + "': " + std::move(message), std::move(hint)};
}

bool Call::is_constant(int index) const {
  if (!has_input(index)) return false;
  if (graph.initializers.contains(proto.input(index))) return true;
  const auto found = graph.values.find(proto.input(index));
  return found != graph.values.end() && std::holds_alternative<Constant>(found->second);
}

bool Call::all_constant() const {
  for (int i = 0; i < proto.input_size(); ++i)
    if (has_input(i) && !is_constant(i)) return false;
  return true;
}

Result<Constant> Call::constant(int index) const {
  if (!has_input(index)) return error("input " + std::to_string(index) + " is missing", "the file is damaged");
  const std::string& key = proto.input(index);
  if (const auto found = graph.initializers.find(key); found != graph.initializers.end()) return decode_tensor(*found->second, place);
  const auto found = graph.values.find(key);
  if (found != graph.values.end() && std::holds_alternative<Constant>(found->second)) return std::get<Constant>(found->second);
  return error("input '" + key + "' must be a constant", "only weights and shapes that are fixed in the file are supported");
}

Result<std::vector<std::int64_t>> Call::integers(int index) const {
  DYAD_TRY(Constant value, constant(index));
  if (!value.is_integer || value.dims.size() > 1)
    return error("input '" + proto.input(index) + "' must be a list of integers", "the file is damaged");
  return std::move(value.integers);
}

Result<Constant> Call::floats(int index) const {
  DYAD_TRY(Constant value, constant(index));
  if (value.is_integer)
    return error("input '" + proto.input(index) + "' holds integers, expected floats",
                 "quantized operators are not read; export the float model");
  return value;
}

Result<Activation> Call::raw_activation(int index) const {
  if (!has_input(index)) return error("input " + std::to_string(index) + " is missing", "the file is damaged");
  const std::string& key = proto.input(index);
  const auto found = graph.values.find(key);
  if (found != graph.values.end() && std::holds_alternative<Activation>(found->second)) return std::get<Activation>(found->second);
  if (is_constant(index))
    return error("input '" + key + "' is a constant, expected a computed tensor", "fold constant parts before exporting");
  return error("input '" + key + "' is made by no node before it", "the nodes of a graph must be in execution order");
}

Result<Activation> Call::activation(int index, bool border_allowed) {
  DYAD_TRY(Activation value, raw_activation(index));
  if (value.pending.has_border() && !border_allowed) {
    return error("its input was padded by '" + value.pending.name + "', which only a convolution or pooling can absorb",
                 "pad inside the convolution or pooling");
  }
  if (!value.pending.subsamples()) return value;
  Node node;
  node.name = value.pending.name;
  node.kind = OpKind::kSubsample;
  node.window.stride_h = value.pending.stride_h;
  node.window.stride_w = value.pending.stride_w;
  node.channel_pad_before = value.pending.channels_before;
  node.channel_pad_after = value.pending.channels_after;
  DYAD_TRY(value.node, add(std::move(node), {value.node}));
  value.pending.stride_h = value.pending.stride_w = 1;
  value.pending.channels_before = value.pending.channels_after = 0;
  graph.values[proto.input(index)] = value;  // other readers share the node
  return value;
}

Result<Shape> Call::spatial_shape(const Activation& value) const {
  if (value.is_vector) return error("its input is a vector (N, F), expected (N, C, H, W)", "check the export");
  return graph.shape(value);
}

Result<NodeId> Call::add(Node node, const std::vector<NodeId>& inputs) {
  if (node.name.empty()) node.name = name;
  const BatchNorm& norm = node.batch_norm;
  const auto finite = [](std::span<const float> values) {
    return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  };
  if (!finite(node.weight.values()) || !finite(node.bias) || !finite(norm.gamma) || !finite(norm.beta) || !finite(norm.mean) ||
      !finite(norm.variance))
    return error("its weights hold a value that is not finite", "was the training stable?");
  if (std::any_of(norm.variance.begin(), norm.variance.end(), [](float v) { return v < 0; }))
    return error("a variance is negative", "the file is damaged");
  const NodeId id = graph.network.add(std::move(node), std::span(inputs));
  DYAD_CHECK(graph.network.infer_shape(id));
  return id;
}

Result<void> Call::check_new_output() const {
  if (proto.output_size() == 0 || proto.output(0).empty()) return error("has no output", "the file is damaged");
  for (int i = 1; i < proto.output_size(); ++i)
    if (graph.uses.contains(proto.output(i)))
      return error("its output '" + proto.output(i) + "' is used, only the first is supported", "export for inference");
  if (graph.values.contains(proto.output(0)) || graph.initializers.contains(proto.output(0)))
    return error("makes '" + proto.output(0) + "' a second time", "the file is damaged");
  return {};
}

Result<void> Call::output(Activation value) {
  DYAD_CHECK(check_new_output());
  const auto uses = graph.uses.find(proto.output(0));
  value.shared = value.shared || (uses != graph.uses.end() && uses->second > 1);
  graph.values[proto.output(0)] = std::move(value);
  return {};
}

Result<void> Call::output(Constant value) {
  DYAD_CHECK(check_new_output());
  graph.values[proto.output(0)] = std::move(value);
  return {};
}

Result<void> Call::unary(Node node, const Activation& input) {
  Activation result;
  DYAD_TRY(result.node, add(std::move(node), {input.node}));
  result.is_vector = input.is_vector;
  result.flattened = input.flattened;
  return output(std::move(result));
}

Result<int> Call::bounded(std::int64_t value, std::int64_t lowest, std::int64_t highest, std::string_view what) const {
  if (value < lowest || value > highest)
    return error(std::string(what) + " is " + std::to_string(value),
                 "supported are " + std::to_string(lowest) + " to " + std::to_string(highest));
  return static_cast<int>(value);
}

Result<int> Call::axis(std::int64_t value, int rank) const {
  if (value < -rank || value >= rank)
    return error("axis " + std::to_string(value) + " does not exist in " + std::to_string(rank) + " dimensions", "the file is damaged");
  return static_cast<int>(value < 0 ? value + rank : value);
}

}  // namespace dyad::network::onnx_import
