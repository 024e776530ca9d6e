// Constant folding: what PyTorch exports around Reshape and Pad, computed when the graph is read.
#include <algorithm>
#include <cmath>

#include "onnx_graph.hpp"

namespace dyad::network::onnx_import {
namespace {

using Folder = Result<Constant> (*)(Call&);
constexpr std::int64_t kMaxFolded = std::int64_t{1} << 20;

Constant integer_list(std::vector<std::int64_t> values) {
  Constant result;
  result.is_integer = true;
  result.dims = {static_cast<std::int64_t>(values.size())};
  result.integers = std::move(values);
  return result;
}

/// A constant of these extents whose elements are those of `from` at the given places.
Constant picked(const Constant& from, Shape dims, const std::vector<std::size_t>& places) {
  Constant result;
  result.dims = std::move(dims);
  result.is_integer = from.is_integer;
  for (const std::size_t place : places) {
    if (from.is_integer) result.integers.push_back(from.integers[place]);
    if (!from.is_integer) result.floats.push_back(from.floats[place]);
  }
  return result;
}

Shape row_major_strides(const Shape& dims) {
  Shape strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

/// Places offset + sum of index * stride for every index below `dims`, last fastest.
std::vector<std::size_t> strided_places(const Shape& dims, std::int64_t offset, const Shape& strides) {
  std::vector<std::size_t> places;
  const std::int64_t count = element_count(dims);
  Shape index(dims.size(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t place = offset;
    for (std::size_t axis = 0; axis < dims.size(); ++axis) place += index[axis] * strides[axis];
    places.push_back(static_cast<std::size_t>(place));
    for (std::size_t axis = dims.size(); axis-- > 0;) {
      if (++index[axis] < dims[axis]) break;
      index[axis] = 0;
    }
  }
  return places;
}

Result<Constant> fold_constant(Call& call) {
  if (call.attributes.has("value")) {
    DYAD_TRY(const onnx::TensorProto* tensor, call.attributes.tensor("value"));
    return decode_tensor(*tensor, call.place);
  }
  Constant result;
  if (call.attributes.has("value_int") || call.attributes.has("value_ints")) {
    DYAD_TRY(const std::int64_t value,
             call.attributes.has("value_int") ? call.attributes.integer("value_int", 0) : Result<std::int64_t>(0));
    if (call.attributes.has("value_int")) {
      result.is_integer = true;
      result.integers = {value};
      return result;
    }
    DYAD_TRY(std::vector<std::int64_t> values, call.attributes.integers("value_ints", {}));
    return integer_list(std::move(values));
  }
  if (call.attributes.has("value_float")) {
    DYAD_TRY(const float value, call.attributes.real("value_float", 0));
    result.floats = {value};
    return result;
  }
  if (call.attributes.has("value_floats")) {
    DYAD_TRY(result.floats, call.attributes.reals("value_floats"));
    result.dims = {result.size()};
    return result;
  }
  return call.error("has none of the attributes value, value_int(s), value_float(s)", "other kinds of constant are not supported");
}

Result<Constant> fold_constant_of_shape(Call& call) {
  DYAD_TRY(const std::vector<std::int64_t> dims, call.integers(0));
  Constant value;
  value.floats = {0.0f};
  if (call.attributes.has("value")) {
    DYAD_TRY(const onnx::TensorProto* tensor, call.attributes.tensor("value"));
    DYAD_TRY(value, decode_tensor(*tensor, call.place));
    if (value.size() != 1) return call.error("the value must be one number", "the file is damaged");
  }
  std::int64_t count = 1;
  for (const std::int64_t extent : dims) {
    if (extent < 0 || extent > kMaxFolded || (count *= extent) > kMaxFolded)
      return call.error("the shape is impossible", "only small constants are computed");
  }
  return picked(value, dims, std::vector<std::size_t>(static_cast<std::size_t>(count), 0));
}

Result<Constant> fold_identity(Call& call) { return call.constant(0); }

Result<Constant> fold_cast(Call& call) {
  DYAD_TRY(Constant value, call.constant(0));
  DYAD_TRY(const std::int64_t type, call.attributes.integer("to", 0));
  const bool to_integer = type == onnx::TensorProto::INT64 || type == onnx::TensorProto::INT32;
  if (!to_integer && type != onnx::TensorProto::FLOAT)
    return call.error("the element type " + std::to_string(type) + " is not supported", "float32, int32 or int64");
  if (to_integer == value.is_integer) return value;
  if (to_integer) {
    for (const float number : value.floats) {
      if (!(std::fabs(number) < 1e9f)) return call.error("a number does not fit an integer", "the file is damaged");
      value.integers.push_back(static_cast<std::int64_t>(number));
    }
    value.floats.clear();
  } else {
    for (const std::int64_t number : value.integers) {
      if (number == kBatch) return call.error("the batch can't become a float", "keep shapes in integers");
      value.floats.push_back(static_cast<float>(number));
    }
    value.integers.clear();
  }
  value.is_integer = to_integer;
  return value;
}

Result<Constant> fold_reshape(Call& call) {
  DYAD_TRY(Constant value, call.constant(0));
  DYAD_TRY(Shape target, call.integers(1));
  DYAD_TRY(const std::int64_t allow_zero, call.attributes.integer("allowzero", 0));
  const Error mismatch = call.error("the target shape does not fit " + to_string(value.dims), "the file is damaged");
  if (allow_zero != 0 || value.size() == 0) return mismatch;
  std::int64_t known = 1;
  std::optional<std::size_t> inferred;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] == 0 && i < value.dims.size()) target[i] = value.dims[i];
    if (target[i] == -1 && !inferred) {
      inferred = i;
      continue;
    }
    if (target[i] < 1 || target[i] > value.size() || (known *= target[i]) > value.size()) return mismatch;
  }
  if (inferred) {
    target[*inferred] = value.size() / known;
    known *= target[*inferred];
  }
  if (known != value.size()) return mismatch;
  value.dims = std::move(target);
  return value;
}

Result<Constant> fold_transpose(Call& call) {
  DYAD_TRY(const Constant value, call.constant(0));
  const std::size_t rank = value.dims.size();
  std::vector<std::int64_t> order(rank);
  for (std::size_t i = 0; i < rank; ++i) order[i] = static_cast<std::int64_t>(rank - 1 - i);
  DYAD_TRY(order, call.attributes.integers("perm", order));
  std::vector<std::int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  const Shape strides = row_major_strides(value.dims);
  Shape dims, permuted;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order.size() != rank || sorted[i] != static_cast<std::int64_t>(i))
      return call.error("perm is no permutation of the axes", "the file is damaged");
    dims.push_back(value.dims[static_cast<std::size_t>(order[i])]);
    permuted.push_back(strides[static_cast<std::size_t>(order[i])]);
  }
  const std::vector<std::size_t> places = strided_places(dims, 0, permuted);
  return picked(value, std::move(dims), places);
}

/// Product of extents [begin, end).
std::int64_t extent_product(const Shape& dims, std::size_t begin, std::size_t end) {
  std::int64_t product = 1;
  for (std::size_t i = begin; i < end; ++i) product *= dims[i];
  return product;
}

Result<Constant> fold_gather(Call& call) {
  DYAD_TRY(const Constant value, call.constant(0));
  DYAD_TRY(const Constant indices, call.constant(1));
  DYAD_TRY(const std::int64_t given, call.attributes.integer("axis", 0));
  DYAD_TRY(const int axis, call.axis(given, static_cast<int>(value.dims.size())));
  if (!indices.is_integer) return call.error("the indices must be integers", "the file is damaged");
  const auto at = static_cast<std::size_t>(axis);
  const std::int64_t outer = extent_product(value.dims, 0, at), inner = extent_product(value.dims, at + 1, value.dims.size()),
                     extent = value.dims[at];
  if (outer * inner > kMaxFolded || outer * inner * indices.size() > kMaxFolded)
    return call.error("the result is too large", "only small constants are computed");
  Shape dims(value.dims.begin(), value.dims.begin() + axis);
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), value.dims.begin() + axis + 1, value.dims.end());
  std::vector<std::size_t> places;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const std::int64_t index : indices.integers) {
      if (index < -extent || index >= extent) return call.error("an index lies outside the tensor", "the file is damaged");
      const std::int64_t position = index < 0 ? index + extent : index;
      for (std::int64_t i = 0; i < inner; ++i) places.push_back(static_cast<std::size_t>((o * extent + position) * inner + i));
    }
  }
  return picked(value, std::move(dims), places);
}

Result<Constant> fold_unsqueeze(Call& call) {
  DYAD_TRY(Constant value, call.constant(0));
  const int count = call.has_input(1) ? -1 : 0;
  std::int64_t added = 0;
  if (count < 0) {
    DYAD_TRY(const Constant axes, call.constant(1));
    added = axes.size();
  } else {
    DYAD_TRY(const std::vector<std::int64_t> axes, call.attributes.integers("axes", {}));
    added = static_cast<std::int64_t>(axes.size());
  }
  if (added > 8) return call.error("adds too many dimensions", "the file is damaged");
  DYAD_TRY(const std::set<int> axes, axes_of(call, static_cast<int>(value.dims.size()) + static_cast<int>(added)));
  for (const int axis : axes) {
    if (axis > static_cast<int>(value.dims.size())) return call.error("the axes repeat", "the file is damaged");
    value.dims.insert(value.dims.begin() + axis, 1);
  }
  return value;
}

Result<Constant> fold_squeeze(Call& call) {
  DYAD_TRY(Constant value, call.constant(0));
  DYAD_TRY(const std::set<int> axes, axes_of(call, static_cast<int>(value.dims.size())));
  Shape kept;
  for (std::size_t i = 0; i < value.dims.size(); ++i) {
    const bool remove = axes.empty() ? value.dims[i] == 1 : axes.contains(static_cast<int>(i));
    if (remove && value.dims[i] != 1) return call.error("removes an extent that is not 1", "the file is damaged");
    if (!remove) kept.push_back(value.dims[i]);
  }
  value.dims = std::move(kept);
  return value;
}

Result<Constant> fold_concat(Call& call) {
  std::vector<Constant> parts;
  for (int i = 0; i < call.proto.input_size(); ++i) {
    DYAD_TRY(Constant part, call.constant(i));
    parts.push_back(std::move(part));
  }
  DYAD_TRY(const std::int64_t given, call.attributes.integer("axis", 0));
  if (parts.empty()) return call.error("has no inputs", "the file is damaged");
  DYAD_TRY(const int axis, call.axis(given, static_cast<int>(parts[0].dims.size())));
  const auto at = static_cast<std::size_t>(axis);
  Constant result;
  result.is_integer = parts[0].is_integer;
  result.dims = parts[0].dims;
  result.dims[at] = 0;
  for (const Constant& part : parts) {
    Shape others = part.dims;
    if (others.size() == result.dims.size()) others[at] = result.dims[at];
    if (part.is_integer != result.is_integer || others != result.dims)
      return call.error("the inputs do not fit together", "the file is damaged");
    result.dims[at] += part.dims[at];
  }
  const std::int64_t outer = extent_product(result.dims, 0, at), inner = extent_product(result.dims, at + 1, result.dims.size());
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const Constant& part : parts) {
      const std::int64_t run = part.dims[at] * inner;
      for (std::int64_t i = o * run; i < (o + 1) * run; ++i) {
        if (result.is_integer) result.integers.push_back(part.integers[static_cast<std::size_t>(i)]);
        if (!result.is_integer) result.floats.push_back(part.floats[static_cast<std::size_t>(i)]);
      }
    }
  }
  return result;
}

Result<Constant> fold_slice(Call& call) {
  DYAD_TRY(const Constant value, call.constant(0));
  DYAD_TRY(const std::vector<SliceRange> ranges, slice_ranges(call, static_cast<int>(value.dims.size())));
  Shape dims = value.dims, strides = row_major_strides(value.dims);
  std::int64_t offset = 0;
  std::set<int> seen;
  for (const auto& [axis, first, last, step] : ranges) {
    const auto at = static_cast<std::size_t>(axis);
    const std::int64_t extent = value.dims[at];
    if (extent == 0) return call.error("slices an empty constant", "the file is damaged");
    if (!seen.insert(axis).second || step == 0 || step < -kMaxExtent || step > kMaxExtent)
      return call.error("the axes or steps are impossible", "the file is damaged");
    // ONNX: negative positions count from the end, then everything is clamped to the extent.
    const auto clamped = [&](std::int64_t position, std::int64_t low, std::int64_t high) {
      if (position < 0 && position >= -extent) position += extent;
      return std::clamp(position, low, high);
    };
    const std::int64_t start = step > 0 ? clamped(first, 0, extent) : clamped(first, 0, extent - 1);
    const std::int64_t end = step > 0 ? clamped(last, 0, extent) : clamped(last, -1, extent - 1);
    const std::int64_t span = step > 0 ? end - start : start - end;
    const std::int64_t magnitude = std::abs(step);
    dims[at] = span > 0 ? (span + magnitude - 1) / magnitude : 0;
    offset += start * strides[at];
    strides[at] *= step;
  }
  const std::vector<std::size_t> places = strided_places(dims, offset, strides);
  return picked(value, std::move(dims), places);
}

/// Integer arithmetic on shapes; one operand may be a single number.
template <typename Operation>
Result<Constant> fold_arithmetic(Call& call, Operation operation) {
  DYAD_TRY(const Constant a, call.constant(0));
  DYAD_TRY(const Constant b, call.constant(1));
  if (!a.is_integer || !b.is_integer)
    return call.error("arithmetic between constant floats is not supported", "let the exporter fold constants");
  if (a.dims != b.dims && a.size() != 1 && b.size() != 1)
    return call.error("the shapes of the constants differ", "let the exporter fold constants");
  Constant result = a.size() == 1 && a.dims.size() <= b.dims.size() ? b : a;
  for (std::size_t i = 0; i < result.integers.size(); ++i) {
    const std::int64_t left = a.integers[a.size() == 1 ? 0 : i], right = b.integers[b.size() == 1 ? 0 : i];
    const bool in_range = std::abs(left / 2) < kMaxFolded * kMaxExtent && std::abs(right / 2) < kMaxFolded * kMaxExtent;
    if (left == kBatch || right == kBatch || !in_range || !operation(left, right, result.integers[i]))
      return call.error("a result depends on the batch or does not fit", "shapes behind the batch must be fixed");
  }
  return result;
}

Result<Constant> fold_add(Call& call) {
  return fold_arithmetic(call, [](std::int64_t a, std::int64_t b, std::int64_t& r) { return !__builtin_add_overflow(a, b, &r); });
}
Result<Constant> fold_sub(Call& call) {
  return fold_arithmetic(call, [](std::int64_t a, std::int64_t b, std::int64_t& r) { return !__builtin_sub_overflow(a, b, &r); });
}
Result<Constant> fold_mul(Call& call) {
  return fold_arithmetic(call, [](std::int64_t a, std::int64_t b, std::int64_t& r) { return !__builtin_mul_overflow(a, b, &r); });
}
Result<Constant> fold_div(Call& call) {
  return fold_arithmetic(call, [](std::int64_t a, std::int64_t b, std::int64_t& r) {
    if (b == 0) return false;
    r = a / b;
    return true;
  });
}

/// The extents of a value, the batch as kBatch.
Result<Constant> fold_shape(Call& call) {
  std::vector<std::int64_t> dims;
  if (call.is_constant(0)) {
    DYAD_TRY(const Constant value, call.constant(0));
    dims = value.dims;
  } else {
    DYAD_TRY(const Activation x, call.raw_activation(0));
    dims = call.graph.shape(x);
    dims.insert(dims.begin(), kBatch);
  }
  const auto rank = static_cast<std::int64_t>(dims.size());
  DYAD_TRY(std::int64_t start, call.attributes.integer("start", 0));
  DYAD_TRY(std::int64_t end, call.attributes.integer("end", rank));
  start = std::clamp(start < 0 && start >= -rank ? start + rank : start, std::int64_t{0}, rank);
  end = std::clamp(end < 0 && end >= -rank ? end + rank : end, start, rank);
  return integer_list({dims.begin() + start, dims.begin() + end});
}

}  // namespace

Result<std::optional<Constant>> fold_constants(Call& call) {
  static const std::map<std::string, Folder> table = {{"Add", fold_add},
                                                      {"Cast", fold_cast},
                                                      {"Concat", fold_concat},
                                                      {"Constant", fold_constant},
                                                      {"ConstantOfShape", fold_constant_of_shape},
                                                      {"Div", fold_div},
                                                      {"Dropout", fold_identity},
                                                      {"Gather", fold_gather},
                                                      {"Identity", fold_identity},
                                                      {"Mul", fold_mul},
                                                      {"Reshape", fold_reshape},
                                                      {"Shape", fold_shape},
                                                      {"Slice", fold_slice},
                                                      {"Squeeze", fold_squeeze},
                                                      {"Sub", fold_sub},
                                                      {"Transpose", fold_transpose},
                                                      {"Unsqueeze", fold_unsqueeze}};
  const auto found = table.find(call.proto.op_type());
  const bool of_activation = call.proto.op_type() == "Shape";
  if (found == table.end() || (!of_activation && !call.all_constant())) return std::optional<Constant>();
  if (call.proto.op_type() != "Constant" && call.proto.input_size() == 0) return call.error("has no inputs", "the file is damaged");
  DYAD_TRY(Constant value, found->second(call));
  return std::optional<Constant>(std::move(value));
}

}  // namespace dyad::network::onnx_import
