// Operators that keep the extent: linear layers, normalization, activations, addition, multiplication, concatenation.
#include <algorithm>
#include <cmath>

#include "onnx_graph.hpp"

namespace dyad::network::onnx_import {
namespace {

/// Place of element (c, y, x) of a flattened (C, H, W) in our (H, W, C) order; `index` counts in (C, H, W) order.
std::size_t channels_last_index(const Shape& chw, std::int64_t index) {
  const std::int64_t area = chw[1] * chw[2];
  return static_cast<std::size_t>(index % area * chw[0] + index / area);
}

/// A vector over features put into our order.
std::vector<float> reordered(const std::vector<float>& values, const std::optional<Shape>& flattened) {
  if (!flattened) return values;
  std::vector<float> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) result[channels_last_index(*flattened, static_cast<std::int64_t>(i))] = values[i];
  return result;
}

Result<Activation> vector_input(Call& call, int index) {
  DYAD_TRY(Activation x, call.activation(index));
  if (!x.is_vector) return call.error("its input is (N, C, H, W), expected a vector (N, F)", "flatten it first");
  return x;
}

/// A linear layer from a matrix (F, K), or (K, F) when `transposed`, times `factor`.
Result<NodeId> add_linear(Call& call, const Activation& x, const Constant& matrix, bool transposed, float factor, std::vector<float> bias) {
  if (matrix.dims.size() != 2)
    return call.error("the matrix " + to_string(matrix.dims) + " has not two dimensions", "only x times a constant matrix is supported");
  const std::int64_t features = matrix.dims[transposed ? 1 : 0], outputs = matrix.dims[transposed ? 0 : 1];
  const std::int64_t expected = call.graph.shape(x)[0];
  if (features != expected || outputs < 1)
    return call.error("the matrix " + to_string(matrix.dims) + " does not fit " + std::to_string(expected) + " features",
                      "the file is damaged");
  Node node;
  node.kind = OpKind::kLinear;
  node.out_channels = outputs;
  node.weight = Tensor<float>({outputs, 1, 1, features});
  for (std::int64_t k = 0; k < outputs; ++k) {
    for (std::int64_t f = 0; f < features; ++f) {
      const std::size_t to = x.flattened ? channels_last_index(*x.flattened, f) : static_cast<std::size_t>(f);
      const std::int64_t from = transposed ? k * features + f : f * outputs + k;
      node.weight[k * features + static_cast<std::int64_t>(to)] = matrix.floats[static_cast<std::size_t>(from)] * factor;
    }
  }
  node.has_bias = !bias.empty();
  node.bias = std::move(bias);
  return call.add(std::move(node), {x.node});
}

/// A constant that broadcasts over everything but the channel, as one value a channel. `spatial_axes` trailing axes must be 1.
Result<std::vector<float>> per_channel(const Call& call, const Constant& constant, std::int64_t channels, std::size_t spatial_axes) {
  if (constant.size() == 1) return std::vector<float>(static_cast<std::size_t>(channels), constant.floats[0]);
  Shape dims = constant.dims;
  while (!dims.empty() && dims.front() == 1) dims.erase(dims.begin());
  Shape wanted = {channels};
  wanted.insert(wanted.end(), spatial_axes, 1);
  while (!wanted.empty() && wanted.front() == 1) wanted.erase(wanted.begin());
  if (dims != wanted || constant.dims.size() > spatial_axes + 2)
    return call.error(
        "the constant " + to_string(constant.dims) + " is not one value for each of " + std::to_string(channels) + " channels",
        "only a bias by channel is supported");
  return constant.floats;
}

Result<void> import_plain(Call& call, OpKind kind) {
  DYAD_TRY(const Activation x, call.activation(0));
  Node node;
  node.kind = kind;
  return call.unary(std::move(node), x);
}

Result<void> import_relu(Call& call) { return import_plain(call, OpKind::kRelu); }
Result<void> import_sigmoid(Call& call) { return import_plain(call, OpKind::kSigmoid); }

Result<void> import_leaky_relu(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0));
  Node node;
  node.kind = OpKind::kLeakyRelu;
  DYAD_TRY(node.negative_slope, call.attributes.real("alpha", 0.01f));
  if (!std::isfinite(node.negative_slope)) return call.error("alpha is not finite", "the file is damaged");
  return call.unary(std::move(node), x);
}

/// A bound of Clip: a constant scalar input or absent.
Result<float> clip_bound(const Call& call, int index, float absent) {
  if (!call.has_input(index)) return absent;
  DYAD_TRY(const Constant bound, call.floats(index));
  if (bound.size() != 1) return call.error("a bound must be one number", "the file is damaged");
  return bound.floats[0];
}

Result<void> import_identity(Call& call) {
  DYAD_TRY(Activation x, call.raw_activation(0));
  return call.output(std::move(x));
}

Result<void> import_clip(Call& call) {
  constexpr float kHighest = std::numeric_limits<float>::max();
  DYAD_TRY(const float low, clip_bound(call, 1, -kHighest));
  DYAD_TRY(const float high, clip_bound(call, 2, kHighest));
  if (low <= -kHighest && high >= kHighest) return import_identity(call);
  if (low == 0 && high == 6) return import_plain(call, OpKind::kRelu6);
  if (low == 0 && high >= kHighest) return import_plain(call, OpKind::kRelu);
  return call.error("the range [" + std::to_string(low) + ", " + std::to_string(high) + "] is not supported",
                    "[0, 6] (ReLU6) or [0, infinity) (ReLU)");
}

Result<void> import_dropout(Call& call) {
  DYAD_TRY([[maybe_unused]] const float ratio, call.attributes.real("ratio", 0.5f));
  DYAD_TRY([[maybe_unused]] const std::int64_t seed, call.attributes.integer("seed", 0));
  if (call.has_input(2)) {
    DYAD_TRY(const Constant training, call.constant(2));
    if (!training.is_integer || training.size() != 1 || training.integers[0] != 0)
      return call.error("is in training mode", "export for inference: model.eval()");
  }
  return import_identity(call);
}

Result<void> import_cast(Call& call) {
  DYAD_TRY(const std::int64_t type, call.attributes.integer("to", 0));
  if (type != onnx::TensorProto::FLOAT) return call.error("activations are float32 only", "export the model in float32");
  return import_identity(call);
}

Result<void> import_softmax(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0));
  DYAD_TRY(const std::int64_t given, call.attributes.integer("axis", call.graph.opset >= 13 ? -1 : 1));
  DYAD_TRY(const int axis, call.axis(given, x.is_vector ? 2 : 4));
  const Shape shape = call.graph.shape(x);
  const bool one_position = x.is_vector || (shape[1] == 1 && shape[2] == 1);
  if (axis != 1 || (call.graph.opset < 13 && !one_position)) return call.error("only the softmax over channels is supported", "axis = 1");
  if (x.flattened) return call.error("the softmax of a flattened image is not supported", "flatten after a pooling to 1 x 1");
  Node node;
  node.kind = OpKind::kSoftmax;
  return call.unary(std::move(node), x);
}

/// Whether both are spatial, or both vectors in one order.
bool same_layout(const Activation& a, const Activation& b) { return a.is_vector == b.is_vector && a.flattened == b.flattened; }

Result<void> import_binary(Call& call, const Activation& a, const Activation& b, OpKind kind) {
  Node node;
  node.kind = kind;
  Activation result;
  DYAD_TRY(result.node, call.add(std::move(node), {a.node, b.node}));
  result.is_vector = a.is_vector;
  result.flattened = a.flattened;
  return call.output(std::move(result));
}

Result<void> import_add(Call& call) {
  if (call.is_constant(0)) return import_constant_addition(call, 0);
  if (call.is_constant(1)) return import_constant_addition(call, 1);
  DYAD_TRY(const Activation a, call.activation(0));
  DYAD_TRY(const Activation b, call.activation(1));
  if (!same_layout(a, b)) return call.error("the inputs have different layouts", "add tensors of one shape");
  return import_binary(call, a, b, OpKind::kAdd);
}

/// x * sigmoid(x) becomes Swish in place of the sigmoid, when nothing else reads that.
bool fuse_swish(Call& call, const Activation& x, const Activation& gate) {
  Node& node = call.graph.network.node(gate.node);
  if (gate.shared || node.kind != OpKind::kSigmoid || call.graph.network.inputs(gate.node)[0] != x.node) return false;
  node.kind = OpKind::kSwish;
  return true;
}

Result<void> import_mul(Call& call) {
  if (call.is_constant(0) || call.is_constant(1))
    return call.error("multiplication by a constant is not supported", "fold it into the weights before exporting");
  DYAD_TRY(const Activation a, call.activation(0));
  DYAD_TRY(const Activation b, call.activation(1));
  if (!same_layout(a, b)) return call.error("the inputs have different layouts", "multiply tensors of one shape, or a gate (N, C, 1, 1)");
  for (const auto& [x, gate] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
    if (!fuse_swish(call, *x, *gate)) continue;
    Activation result = *gate;
    result.shared = false;
    return call.output(std::move(result));
  }
  return import_binary(call, a, b, OpKind::kMul);
}

Result<void> import_concat(Call& call) {
  DYAD_TRY(const std::int64_t given, call.attributes.integer("axis", 1));
  std::vector<NodeId> parts;
  bool is_vector = false;
  for (int i = 0; i < call.proto.input_size(); ++i) {
    DYAD_TRY(const Activation x, call.activation(i));
    if (i > 0 && x.is_vector != is_vector) return call.error("the inputs have different layouts", "concatenate tensors of one rank");
    if (x.flattened) return call.error("concatenation of flattened images is not supported", "flatten after the concatenation");
    is_vector = x.is_vector;
    parts.push_back(x.node);
  }
  if (parts.empty()) return call.error("has no inputs", "the file is damaged");
  DYAD_TRY(const int axis, call.axis(given, is_vector ? 2 : 4));
  if (axis != 1) return call.error("axis " + std::to_string(given) + " is not supported", "only channels are concatenated: axis = 1");
  Node node;
  node.kind = OpKind::kConcat;
  Activation result;
  DYAD_TRY(result.node, call.add(std::move(node), parts));
  result.is_vector = is_vector;
  return call.output(std::move(result));
}

const std::map<std::string, Operator>& operators() {
  static const std::map<std::string, Operator> table = {
      {"Add", import_add},
      {"AveragePool", import_average_pool},
      {"BatchNormalization", import_batch_normalization},
      {"Cast", import_cast},
      {"Clip", import_clip},
      {"Concat", import_concat},
      {"Conv", import_conv},
      {"Dropout", import_dropout},
      {"Flatten", import_flatten},
      {"Gemm", import_gemm},
      {"GlobalAveragePool", import_global_average_pool},
      {"Identity", import_identity},
      {"LeakyRelu", import_leaky_relu},
      {"MatMul", import_matmul},
      {"MaxPool", import_max_pool},
      {"Mul", import_mul},
      {"Pad", import_pad},
      {"ReduceMean", import_reduce_mean},
      {"Relu", import_relu},
      {"Reshape", import_reshape},
      {"Sigmoid", import_sigmoid},
      {"Slice", import_slice},
      {"Softmax", import_softmax},
      {"Squeeze", import_squeeze},
      {"Unsqueeze", import_unsqueeze},
  };
  return table;
}

}  // namespace

Operator find_operator(const std::string& op_type) {
  const auto found = operators().find(op_type);
  return found == operators().end() ? nullptr : found->second;
}

std::string supported_operators() {
  std::string names;
  for (const auto& [name, importer] : operators()) names += (names.empty() ? "" : ", ") + name;
  return names + ", Constant; on constants also ConstantOfShape, Div, Gather, Shape, Sub, Transpose";
}

Result<void> import_gemm(Call& call) {
  DYAD_TRY(const Activation x, vector_input(call, 0));
  DYAD_TRY(const Constant matrix, call.floats(1));
  DYAD_TRY(const std::int64_t transposed_a, call.attributes.integer("transA", 0));
  DYAD_TRY(const std::int64_t transposed_b, call.attributes.integer("transB", 0));
  DYAD_TRY(const float alpha, call.attributes.real("alpha", 1));
  DYAD_TRY(const float beta, call.attributes.real("beta", 1));
  if (transposed_a != 0) return call.error("transA = 1 is not supported", "export with transA = 0");
  std::vector<float> bias;
  if (call.has_input(2)) {
    DYAD_TRY(const Constant c, call.floats(2));
    const std::int64_t outputs = matrix.dims.size() == 2 ? matrix.dims[transposed_b != 0 ? 0 : 1] : 0;
    DYAD_TRY(bias, per_channel(call, c, outputs, 0));
    for (float& value : bias) value *= beta;
  }
  Activation result;
  DYAD_TRY(result.node, add_linear(call, x, matrix, transposed_b != 0, alpha, std::move(bias)));
  result.is_vector = true;
  return call.output(std::move(result));
}

Result<void> import_matmul(Call& call) {
  DYAD_TRY(const Activation x, vector_input(call, 0));
  DYAD_TRY(const Constant matrix, call.floats(1));
  Activation result;
  DYAD_TRY(result.node, add_linear(call, x, matrix, false, 1, {}));
  result.is_vector = true;
  return call.output(std::move(result));
}

Result<void> import_constant_addition(Call& call, int constant_index) {
  DYAD_TRY(Activation x, call.activation(1 - constant_index));
  DYAD_TRY(const Constant constant, call.floats(constant_index));
  Node& node = call.graph.network.node(x.node);
  const bool weighted = node.kind == OpKind::kLinear || node.kind == OpKind::kConv;
  if (!weighted || x.shared)
    return call.error("a constant can be added only right behind a convolution, Gemm or MatMul, as its bias",
                      "fold it into the weights before exporting");
  DYAD_TRY(const std::vector<float> bias, per_channel(call, constant, node.out_channels, x.is_vector ? 0 : 2));
  node.bias.resize(bias.size(), 0.0f);
  for (std::size_t i = 0; i < bias.size(); ++i) node.bias[i] += bias[i];
  node.has_bias = true;
  return call.output(std::move(x));
}

Result<void> import_batch_normalization(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0));
  DYAD_TRY([[maybe_unused]] const float momentum, call.attributes.real("momentum", 0.9f));
  DYAD_TRY(const std::int64_t training, call.attributes.integer("training_mode", 0));
  if (training != 0) return call.error("is in training mode", "export for inference: model.eval()");
  Node node;
  node.kind = OpKind::kBatchNorm;
  DYAD_TRY(node.batch_norm.epsilon, call.attributes.real("epsilon", 1e-5f));
  if (!(node.batch_norm.epsilon >= 0) || !std::isfinite(node.batch_norm.epsilon))
    return call.error("epsilon is not a positive number", "the file is damaged");
  const std::int64_t channels = call.graph.shape(x)[0];
  std::vector<float>* const targets[] = {&node.batch_norm.gamma, &node.batch_norm.beta, &node.batch_norm.mean, &node.batch_norm.variance};
  for (int i = 0; i < 4; ++i) {
    DYAD_TRY(const Constant values, call.floats(i + 1));
    if (values.size() != channels)
      return call.error("input '" + call.proto.input(i + 1) + "' has " + std::to_string(values.size()) + " values for " +
                            std::to_string(channels) + " channels",
                        "the file is damaged");
    *targets[i] = reordered(values.floats, x.flattened);
  }
  return call.unary(std::move(node), x);
}

}  // namespace dyad::network::onnx_import
