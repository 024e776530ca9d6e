// Tensors and attributes of an ONNX file as numbers, each checked.
#include <algorithm>
#include <cstring>

#include "half.hpp"
#include "onnx_graph.hpp"

namespace dyad::network::onnx_import {
namespace {

using onnx::TensorProto;

constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 32;

Error bad_tensor(const std::string& place, const TensorProto& tensor, std::string message, std::string hint) {
  return Error{place, "tensor '" + tensor.name() + "' " + std::move(message), std::move(hint)};
}

std::size_t element_bytes(int type) {
  switch (type) {
    case TensorProto::FLOAT:
    case TensorProto::INT32: return 4;
    case TensorProto::INT64:
    case TensorProto::DOUBLE: return 8;
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16: return 2;
    case TensorProto::INT8:
    case TensorProto::UINT8:
    case TensorProto::BOOL: return 1;
    default: return 0;
  }
}

bool is_integer_type(int type) {
  return type == TensorProto::INT64 || type == TensorProto::INT32 || type == TensorProto::INT8 || type == TensorProto::UINT8 ||
         type == TensorProto::BOOL;
}

template <typename T>
T read_element(const std::string& bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

void decode_raw(const TensorProto& tensor, std::size_t count, Constant& constant) {
  const std::string& bytes = tensor.raw_data();
  for (std::size_t i = 0; i < count; ++i) {
    switch (tensor.data_type()) {
      case TensorProto::FLOAT: constant.floats.push_back(read_element<float>(bytes, i)); break;
      case TensorProto::DOUBLE: constant.floats.push_back(static_cast<float>(read_element<double>(bytes, i))); break;
      case TensorProto::FLOAT16: constant.floats.push_back(from_float16(read_element<std::uint16_t>(bytes, i))); break;
      case TensorProto::BFLOAT16: constant.floats.push_back(from_bfloat16(read_element<std::uint16_t>(bytes, i))); break;
      case TensorProto::INT64: constant.integers.push_back(read_element<std::int64_t>(bytes, i)); break;
      case TensorProto::INT32: constant.integers.push_back(read_element<std::int32_t>(bytes, i)); break;
      case TensorProto::INT8: constant.integers.push_back(read_element<std::int8_t>(bytes, i)); break;
      default: constant.integers.push_back(read_element<std::uint8_t>(bytes, i)); break;
    }
  }
}

void decode_typed(const TensorProto& tensor, Constant& constant) {
  switch (tensor.data_type()) {
    case TensorProto::FLOAT: constant.floats.assign(tensor.float_data().begin(), tensor.float_data().end()); break;
    case TensorProto::DOUBLE:
      for (const double value : tensor.double_data()) constant.floats.push_back(static_cast<float>(value));
      break;
    case TensorProto::FLOAT16:
      for (const std::int32_t bits : tensor.int32_data()) constant.floats.push_back(from_float16(static_cast<std::uint16_t>(bits)));
      break;
    case TensorProto::BFLOAT16:
      for (const std::int32_t bits : tensor.int32_data()) constant.floats.push_back(from_bfloat16(static_cast<std::uint16_t>(bits)));
      break;
    case TensorProto::INT64: constant.integers.assign(tensor.int64_data().begin(), tensor.int64_data().end()); break;
    default: constant.integers.assign(tensor.int32_data().begin(), tensor.int32_data().end()); break;
  }
}

}  // namespace

Result<Constant> decode_tensor(const TensorProto& tensor, const std::string& place) {
  if (tensor.data_location() == TensorProto::EXTERNAL || tensor.external_data_size() > 0)
    return bad_tensor(place, tensor, "is stored in another file",
                      "save the model with its data inside: onnx.save_model(m, f, save_as_external_data=False)");
  if (tensor.has_segment()) return bad_tensor(place, tensor, "is stored in segments", "save the model again with a newer exporter");
  const std::size_t width = element_bytes(tensor.data_type());
  if (width == 0)
    return bad_tensor(place, tensor, "has the element type " + std::to_string(tensor.data_type()) + ", which is not supported",
                      "float32, float16, int64 or int32");
  Constant constant;
  constant.is_integer = is_integer_type(tensor.data_type());
  std::uint64_t count = 1, bound = 1;  // bound ignores extents of 0, so that every partial product is small too
  for (const std::int64_t extent : tensor.dims()) {
    const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(extent, 1));
    if (extent < 0 || __builtin_mul_overflow(bound, factor, &bound) || bound > kMaxElements)
      return bad_tensor(place, tensor, "has an impossible shape", "the file is damaged");
    count *= static_cast<std::uint64_t>(extent);
    constant.dims.push_back(extent);
  }
  if (tensor.has_raw_data()) {
    if (tensor.raw_data().size() != count * width) {
      return bad_tensor(place, tensor,
                        "has " + std::to_string(tensor.raw_data().size()) + " bytes, its shape " + to_string(constant.dims) + " needs " +
                            std::to_string(count * width),
                        "the file is damaged");
    }
    decode_raw(tensor, count, constant);
  } else {
    decode_typed(tensor, constant);
  }
  if (static_cast<std::uint64_t>(constant.size()) != count) {
    return bad_tensor(
        place, tensor,
        "has " + std::to_string(constant.size()) + " elements, its shape " + to_string(constant.dims) + " needs " + std::to_string(count),
        "the file is damaged");
  }
  return constant;
}

const onnx::AttributeProto* Attributes::find(std::string_view name) const {
  asked_.emplace(name);
  for (const onnx::AttributeProto& attribute : node_.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

Error Attributes::wrong_type(std::string_view name, const char* expected) const {
  return Error{place_, "the attribute '" + std::string(name) + "' of operator " + node_.op_type() + " should be " + expected,
               "the file is damaged"};
}

Result<std::int64_t> Attributes::integer(std::string_view name, std::int64_t fallback) const {
  const auto* attribute = find(name);
  if (!attribute) return fallback;
  if (attribute->type() != onnx::AttributeProto::INT) return wrong_type(name, "an integer");
  return attribute->i();
}

Result<float> Attributes::real(std::string_view name, float fallback) const {
  const auto* attribute = find(name);
  if (!attribute) return fallback;
  if (attribute->type() != onnx::AttributeProto::FLOAT) return wrong_type(name, "a number");
  return attribute->f();
}

Result<std::string> Attributes::text(std::string_view name, std::string fallback) const {
  const auto* attribute = find(name);
  if (!attribute) return fallback;
  if (attribute->type() != onnx::AttributeProto::STRING) return wrong_type(name, "a string");
  return attribute->s();
}

Result<std::vector<std::int64_t>> Attributes::integers(std::string_view name, std::vector<std::int64_t> fallback) const {
  const auto* attribute = find(name);
  if (!attribute) return fallback;
  if (attribute->type() != onnx::AttributeProto::INTS) return wrong_type(name, "a list of integers");
  return std::vector<std::int64_t>(attribute->ints().begin(), attribute->ints().end());
}

Result<std::vector<float>> Attributes::reals(std::string_view name) const {
  const auto* attribute = find(name);
  if (!attribute || attribute->type() != onnx::AttributeProto::FLOATS) return wrong_type(name, "a list of numbers");
  return std::vector<float>(attribute->floats().begin(), attribute->floats().end());
}

Result<const TensorProto*> Attributes::tensor(std::string_view name) const {
  const auto* attribute = find(name);
  if (!attribute || attribute->type() != onnx::AttributeProto::TENSOR) return wrong_type(name, "a tensor");
  return &attribute->t();
}

Result<void> Attributes::finish() const {
  for (const onnx::AttributeProto& attribute : node_.attribute())
    if (!asked_.contains(attribute.name()))
      return Error{place_, "the attribute '" + attribute.name() + "' of operator " + node_.op_type() + " is not supported",
                   "export the model without it"};
  return {};
}

}  // namespace dyad::network::onnx_import
