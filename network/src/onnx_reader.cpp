// import_onnx: the file, the graph's input and output, and the walk over its nodes.
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <limits>

#include "dyad/base/files.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/metadata.hpp"
#include "onnx_graph.hpp"

namespace dyad::network {
namespace onnx_import {
namespace {

constexpr std::int64_t kOldestOpset = 11, kNewestOpset = 17;

Error damaged(const std::string& file, std::string message) {
  return Error{file, std::move(message), "the file was cut off, or is no ONNX model"};
}

Result<onnx::ModelProto> parse_model(std::span<const std::uint8_t> bytes, const std::string& file) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return Error{file, "is larger than 2 GiB", "no protocol buffer is"};
  const google::protobuf::LogSilencer quiet;  // a library does not print
  onnx::ModelProto model;
  if (bytes.empty() || !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return damaged(file, "is not a whole ONNX model");
  if (!model.has_graph()) return damaged(file, "has no graph");
  return model;
}

Result<int> read_opset(const onnx::ModelProto& model, const std::string& file) {
  for (const onnx::OperatorSetIdProto& set : model.opset_import()) {
    if (!set.domain().empty() && set.domain() != "ai.onnx") continue;
    if (set.version() < kOldestOpset || set.version() > kNewestOpset) {
      return Error{file,
                   "uses opset " + std::to_string(set.version()) + ", supported are " + std::to_string(kOldestOpset) + " to " +
                       std::to_string(kNewestOpset),
                   "export again, for example torch.onnx.export(…, opset_version=13)"};
    }
    return static_cast<int>(set.version());
  }
  return damaged(file, "states no opset");
}

Result<void> read_initializers(const onnx::GraphProto& proto, Graph& graph) {
  for (const onnx::TensorProto& tensor : proto.initializer())
    if (!graph.initializers.emplace(tensor.name(), &tensor).second)
      return damaged(graph.file, "has two initializers '" + tensor.name() + "'");
  if (proto.sparse_initializer_size() > 0) return Error{graph.file, "has sparse weights", "export with dense weights"};
  return {};
}

/// The one input that is no initializer becomes the kInput node.
Result<void> read_input(const onnx::GraphProto& proto, Graph& graph) {
  const onnx::ValueInfoProto* input = nullptr;
  for (const onnx::ValueInfoProto& candidate : proto.input()) {
    if (graph.initializers.contains(candidate.name())) continue;
    if (input)
      return Error{graph.file, "has the inputs '" + input->name() + "' and '" + candidate.name() + "'", "a network has exactly one input"};
    input = &candidate;
  }
  if (!input) return damaged(graph.file, "has no input");
  const Error unfit{graph.file + ":/" + input->name(), "the input must be float32 (N, C, H, W) with C, H and W fixed",
                    "export with a fixed image size; N may be dynamic"};
  const onnx::TypeProto::Tensor& type = input->type().tensor_type();
  const onnx::TensorShapeProto& shape = type.shape();
  if (!input->type().has_tensor_type() || type.elem_type() != onnx::TensorProto::FLOAT || shape.dim_size() != 4) return unfit;
  for (int i = 1; i < 4; ++i)
    if (!shape.dim(i).has_dim_value() || shape.dim(i).dim_value() < 1 || shape.dim(i).dim_value() > kMaxExtent) return unfit;
  if (shape.dim(0).has_dim_value() && shape.dim(0).dim_value() > 0) graph.fixed_batch = shape.dim(0).dim_value();
  Node node;
  node.name = input->name();
  node.kind = OpKind::kInput;
  node.output_shape = {shape.dim(2).dim_value(), shape.dim(3).dim_value(), shape.dim(1).dim_value()};
  Activation value;
  value.node = graph.network.add(std::move(node), {});
  graph.values[input->name()] = std::move(value);
  return {};
}

/// Nodes that the output depends on; the others can't change it. Also counts how often each value is read.
std::vector<const onnx::NodeProto*> live_nodes(const onnx::GraphProto& proto, const std::string& output, Graph& graph) {
  std::set<std::string> wanted = {output};
  graph.uses[output] = 1;
  std::vector<const onnx::NodeProto*> live;
  for (int i = proto.node_size(); i-- > 0;) {
    const onnx::NodeProto& node = proto.node(i);
    bool needed = false;
    for (const std::string& made : node.output()) needed = needed || (!made.empty() && wanted.contains(made));
    if (!needed) continue;
    for (const std::string& read : node.input()) {
      if (read.empty()) continue;
      wanted.insert(read);
      ++graph.uses[read];
    }
    live.push_back(&node);
  }
  std::reverse(live.begin(), live.end());
  return live;
}

Result<void> import_node(Graph& graph, const onnx::NodeProto& proto) {
  Call call(graph, proto);
  if (!proto.domain().empty() && proto.domain() != "ai.onnx")
    return call.error("operators of the domain '" + proto.domain() + "' are not supported", "supported are " + supported_operators());
  DYAD_TRY(std::optional<Constant> folded, fold_constants(call));
  if (folded) {
    DYAD_CHECK(call.output(*std::move(folded)));
    return call.attributes.finish();
  }
  const Operator importer = find_operator(proto.op_type());
  if (!importer) return call.error("is not supported", "supported are " + supported_operators());
  DYAD_CHECK(importer(call));
  return call.attributes.finish();
}

Result<void> choose_output(Graph& graph, const std::string& name) {
  const auto found = graph.values.find(name);
  const Activation* value = found == graph.values.end() ? nullptr : std::get_if<Activation>(&found->second);
  if (!value) return Error{graph.file + ":/" + name, "the output is not computed from the input", "the file is damaged"};
  if (value->pending.subsamples() || value->pending.has_border() || value->flattened)
    return Error{graph.file + ":/" + name, "a network that ends in Slice, Pad or the flattening of an image is not supported",
                 "end it in a layer or a 1 x 1 pooling"};
  if (graph.network.size() < 2) return Error{graph.file + ":/" + name, "the graph has no layers", "the file is damaged"};
  graph.network.set_output(value->node);
  return {};
}

Result<void> read_metadata(const onnx::ModelProto& model, Graph& graph) {
  std::map<std::string, std::string> metadata;
  for (const onnx::StringStringEntryProto& entry : model.metadata_props()) metadata[entry.key()] = entry.value();
  const std::string place = graph.file + ":/metadata_props";
  DYAD_TRY(graph.network.normalization, normalization_from_metadata(metadata, place));
  const auto channels = static_cast<std::size_t>(graph.network.node(graph.network.input()).output_shape[2]);
  if (graph.network.normalization && graph.network.normalization->mean.size() != channels)
    return Error{place + "/mean", "does not have one value for each of " + std::to_string(channels) + " channels",
                 "for example 0.485,0.456,0.406"};
  return {};
}

}  // namespace
}  // namespace onnx_import

Result<Network> import_onnx(const std::filesystem::path& file) {
  DYAD_TRY(const std::vector<std::uint8_t> bytes, read_bytes(file));
  return import_onnx(bytes, file.string());
}

Result<Network> import_onnx(std::span<const std::uint8_t> bytes, const std::string& place) {
  using namespace onnx_import;
  DYAD_TRY(const onnx::ModelProto model, parse_model(bytes, place));
  Graph graph;
  graph.file = place;
  graph.network.name = graph.file;  // so that errors of shape inference name the file
  DYAD_TRY(graph.opset, read_opset(model, graph.file));
  const onnx::GraphProto& proto = model.graph();
  DYAD_CHECK(read_initializers(proto, graph));
  DYAD_CHECK(read_input(proto, graph));
  if (proto.output_size() != 1)
    return Error{graph.file, "has " + std::to_string(proto.output_size()) + " outputs",
                 "a network has exactly one output; export without auxiliary heads"};
  const std::string output = proto.output(0).name();
  for (const onnx::NodeProto* node : live_nodes(proto, output, graph)) DYAD_CHECK(import_node(graph, *node));
  DYAD_CHECK(choose_output(graph, output));
  DYAD_CHECK(read_metadata(model, graph));
  graph.network.name = std::filesystem::path(place).stem().string();
  return std::move(graph.network);
}

}  // namespace dyad::network
