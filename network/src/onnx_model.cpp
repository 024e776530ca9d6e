#include "dyad/network/onnx_model.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <array>
#include <limits>
#include <utility>

namespace dyad::network {
namespace {

constexpr std::int64_t kIrVersion = 7;  ///< the one that came with opset 13

constexpr std::array<std::pair<const char*, onnx::TensorProto::DataType>, 5> kElementTypes{{{"F32", onnx::TensorProto::FLOAT},
                                                                                            {"I8", onnx::TensorProto::INT8},
                                                                                            {"U8", onnx::TensorProto::UINT8},
                                                                                            {"I32", onnx::TensorProto::INT32},
                                                                                            {"I64", onnx::TensorProto::INT64}}};

onnx::TensorProto::DataType element_type(const std::string& dtype) {
  for (const auto& [name, type] : kElementTypes)
    if (dtype == name) return type;
  DYAD_EXPECT(false, "an initializer of " + dtype);
  return onnx::TensorProto::UNDEFINED;
}

void put_attribute(onnx::NodeProto& node, const std::string& name, const OnnxAttribute& value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(*integer);
  } else if (const auto* real = std::get_if<float>(&value)) {
    attribute.set_type(onnx::AttributeProto::FLOAT);
    attribute.set_f(*real);
  } else {
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t each : std::get<std::vector<std::int64_t>>(value)) attribute.add_ints(each);
  }
}

void put_value(onnx::ValueInfoProto& info, const std::string& name, std::initializer_list<std::int64_t> dims) {
  info.set_name(name);
  onnx::TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("N");
  for (const std::int64_t dim : dims) type.mutable_shape()->add_dim()->set_dim_value(dim);
}

}  // namespace

std::vector<std::uint8_t> serialize_onnx(const OnnxModel& model) {
  onnx::ModelProto proto;
  proto.set_ir_version(kIrVersion);
  proto.set_producer_name("dyad");
  proto.set_producer_version(DYAD_VERSION);
  proto.add_opset_import()->set_version(model.opset);
  onnx::GraphProto& graph = *proto.mutable_graph();
  graph.set_name(model.name.empty() ? "network" : model.name);
  put_value(*graph.add_input(), model.input, {model.channels, model.height, model.width});
  put_value(*graph.add_output(), model.output, {model.classes});
  for (const OnnxNode& node : model.nodes) {
    onnx::NodeProto& each = *graph.add_node();
    each.set_op_type(node.op);
    each.set_name(node.name);
    for (const std::string& name : node.inputs) each.add_input(name);
    for (const std::string& name : node.outputs) each.add_output(name);
    for (const auto& [name, value] : node.attributes) put_attribute(each, name, value);
  }
  for (const auto& [name, tensor] : model.initializers) {
    onnx::TensorProto& each = *graph.add_initializer();
    each.set_name(name);
    each.set_data_type(element_type(tensor.dtype));
    for (const std::int64_t extent : tensor.shape) each.add_dims(extent);
    each.set_raw_data(tensor.bytes.data(), tensor.bytes.size());
  }
  for (const auto& [key, value] : model.metadata) {
    onnx::StringStringEntryProto& entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    const bool written = proto.SerializeToCodedStream(&coded);
    DYAD_EXPECT(written, "an ONNX model of more than 2 GiB");
  }
  return {bytes.begin(), bytes.end()};
}

Result<OnnxContent> read_onnx_content(std::span<const std::uint8_t> bytes, const std::string& place) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return Error{place, "is larger than 2 GiB", "no protocol buffer is"};
  const google::protobuf::LogSilencer quiet;  // a library does not print
  onnx::ModelProto proto;
  if (bytes.empty() || !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Error{place, "is not a whole ONNX model", "the file was cut off, or is no ONNX model"};
  OnnxContent content;
  for (const onnx::StringStringEntryProto& entry : proto.metadata_props()) content.metadata[entry.key()] = entry.value();
  for (const onnx::TensorProto& tensor : proto.graph().initializer()) {
    if (!tensor.has_raw_data()) continue;
    for (const auto& [name, type] : kElementTypes) {
      if (tensor.data_type() != type) continue;
      RawTensor raw{name, {}, {tensor.raw_data().begin(), tensor.raw_data().end()}};
      for (const std::int64_t extent : tensor.dims()) raw.shape.push_back(extent);
      content.initializers.emplace(tensor.name(), std::move(raw));
    }
  }
  return content;
}

}  // namespace dyad::network
