// Operators with a window: convolution and pooling. Borders added by Pad merge into them.
#include <algorithm>

#include "dyad/network/metadata.hpp"
#include "onnx_graph.hpp"

namespace dyad::network::onnx_import {
namespace {

Result<std::vector<int>> extents(const Call& call, std::string_view name, std::vector<std::int64_t> fallback, std::int64_t lowest) {
  const std::size_t count = fallback.size();
  DYAD_TRY(const std::vector<std::int64_t> values, call.attributes.integers(name, std::move(fallback)));
  if (values.size() != count)
    return call.error("attribute '" + std::string(name) + "' needs " + std::to_string(count) + " values",
                      "only two-dimensional windows are supported");
  std::vector<int> result;
  for (const std::int64_t value : values) {
    DYAD_TRY(const int extent, call.bounded(value, lowest, kMaxWindow, name));
    result.push_back(extent);
  }
  return result;
}

/// Padding of one axis so that the output has ceil(in / stride) elements; `upper` puts the odd element behind.
std::pair<int, int> same_padding(std::int64_t in, int kernel, int stride, int dilation, bool upper) {
  const std::int64_t out = (in + stride - 1) / stride;
  const std::int64_t total = std::max<std::int64_t>((out - 1) * stride + std::int64_t{dilation} * (kernel - 1) + 1 - in, 0);
  const int small = static_cast<int>(total / 2), large = static_cast<int>(total - total / 2);
  return upper ? std::pair{small, large} : std::pair{large, small};
}

/// The window that the attributes state for an input of `shape` (C, H, W), its own padding only.
Result<Window> read_window(const Call& call, const Shape& shape, std::vector<std::int64_t> default_kernel) {
  Window window;
  DYAD_TRY(const std::vector<int> kernel, extents(call, "kernel_shape", std::move(default_kernel), 1));
  DYAD_TRY(const std::vector<int> strides, extents(call, "strides", {1, 1}, 1));
  DYAD_TRY(const std::vector<int> dilations, extents(call, "dilations", {1, 1}, 1));
  DYAD_TRY(const std::vector<int> pads, extents(call, "pads", {0, 0, 0, 0}, 0));
  DYAD_TRY(const std::string mode, call.attributes.text("auto_pad", "NOTSET"));
  window.kernel_h = kernel[0], window.kernel_w = kernel[1];
  window.stride_h = strides[0], window.stride_w = strides[1];
  window.dilation_h = dilations[0], window.dilation_w = dilations[1];
  if (mode == "NOTSET") {
    window.pad_top = pads[0], window.pad_left = pads[1], window.pad_bottom = pads[2], window.pad_right = pads[3];
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    const bool upper = mode == "SAME_UPPER";
    std::tie(window.pad_top, window.pad_bottom) = same_padding(shape[1], window.kernel_h, window.stride_h, window.dilation_h, upper);
    std::tie(window.pad_left, window.pad_right) = same_padding(shape[2], window.kernel_w, window.stride_w, window.dilation_w, upper);
  } else if (mode != "VALID") {
    return call.error("auto_pad '" + mode + "' is not supported", "NOTSET, SAME_UPPER, SAME_LOWER or VALID");
  }
  return window;
}

bool has_padding(const Window& window) {
  return window.pad_top != 0 || window.pad_left != 0 || window.pad_bottom != 0 || window.pad_right != 0;
}

void merge_border(Window& window, const Pending& border) {
  window.pad_top += border.top;
  window.pad_left += border.left;
  window.pad_bottom += border.bottom;
  window.pad_right += border.right;
}

Activation spatial(NodeId node) {
  Activation result;
  result.node = node;
  return result;
}

/// Whether no element of the node's output is negative, so that a border of zeros never wins a maximum over a window with a real element.
bool never_negative(const Network& network, NodeId id) {
  const OpKind kind = network.node(id).kind;
  if (kind == OpKind::kMaxPool || kind == OpKind::kSubsample) return never_negative(network, network.inputs(id)[0]);
  return kind == OpKind::kRelu || kind == OpKind::kRelu6 || kind == OpKind::kSigmoid;
}

}  // namespace

Result<void> import_conv(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0, true));
  DYAD_TRY(const Shape shape, call.spatial_shape(x));
  if (x.pending.has_border() && x.pending.value != 0) return call.error("its input is padded with a value other than 0", "pad with 0");
  DYAD_TRY(Constant weight, call.floats(1));
  if (weight.dims.size() != 4)
    return call.error("the weight " + to_string(weight.dims) + " has not four dimensions",
                      "only two-dimensional convolutions are supported");
  if (*std::min_element(weight.dims.begin(), weight.dims.end()) < 1)
    return call.error("the weight " + to_string(weight.dims) + " is empty", "the file is damaged");
  Node node;
  node.kind = OpKind::kConv;
  DYAD_TRY(node.window, read_window(call, shape, {weight.dims[2], weight.dims[3]}));
  if (node.window.kernel_h != weight.dims[2] || node.window.kernel_w != weight.dims[3])
    return call.error("kernel_shape does not agree with the weight " + to_string(weight.dims), "the file is damaged");
  merge_border(node.window, x.pending);
  DYAD_TRY(const std::int64_t group, call.attributes.integer("group", 1));
  DYAD_TRY(node.groups, call.bounded(group, 1, kMaxExtent, "group"));
  if (weight.dims[1] * node.groups != shape[0])
    return call.error("the weight " + to_string(weight.dims) + " in " + std::to_string(group) + " groups does not fit " +
                          std::to_string(shape[0]) + " input channels",
                      "the file is damaged");
  node.out_channels = weight.dims[0];
  node.weight = channels_last(Tensor<float>(weight.dims, std::move(weight.floats)));
  if (call.has_input(2)) {
    DYAD_TRY(Constant bias, call.floats(2));
    node.bias = std::move(bias.floats);
    node.has_bias = true;
  }
  DYAD_TRY(const NodeId id, call.add(std::move(node), {x.node}));
  return call.output(spatial(id));
}

Result<void> import_max_pool(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0, true));
  DYAD_TRY(const Shape shape, call.spatial_shape(x));
  Node node;
  node.kind = OpKind::kMaxPool;
  DYAD_TRY(node.window, read_window(call, shape, {0, 0}));
  DYAD_TRY(const std::int64_t ceil_mode, call.attributes.integer("ceil_mode", 0));
  DYAD_TRY(const std::int64_t storage_order, call.attributes.integer("storage_order", 0));
  if (storage_order != 0) return call.error("storage_order 1 is not supported", "export with storage_order 0");
  node.ceil_mode = ceil_mode != 0;
  if (x.pending.has_border()) {
    const bool lowest = x.pending.value <= std::numeric_limits<float>::lowest();
    if (!lowest && !(x.pending.value == 0 && never_negative(call.graph.network, x.node)))
      return call.error("its input is padded with a value that can win the maximum", "pad inside the pooling, or with minus infinity");
    merge_border(node.window, x.pending);
  }
  DYAD_TRY(const NodeId id, call.add(std::move(node), {x.node}));
  return call.output(spatial(id));
}

Result<void> import_average_pool(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0, true));
  DYAD_TRY(const Shape shape, call.spatial_shape(x));
  Node node;
  node.kind = OpKind::kAveragePool;
  DYAD_TRY(node.window, read_window(call, shape, {0, 0}));
  DYAD_TRY(const std::int64_t ceil_mode, call.attributes.integer("ceil_mode", 0));
  DYAD_TRY(const std::int64_t count_pad, call.attributes.integer("count_include_pad", 0));
  node.ceil_mode = ceil_mode != 0;
  node.count_include_pad = count_pad != 0;
  if (x.pending.has_border()) {
    if (x.pending.value != 0) return call.error("its input is padded with a value other than 0", "pad with 0");
    if (has_padding(node.window) && !node.count_include_pad)
      return call.error("its input is padded and its own padding is not counted", "pad in one place");
    node.count_include_pad = true;
    merge_border(node.window, x.pending);
  }
  if (!has_padding(node.window) && node.window.kernel_h == shape[1] && node.window.kernel_w == shape[2] && node.window.dilation_h == 1 &&
      node.window.dilation_w == 1) {
    node = Node{};
    node.kind = OpKind::kGlobalAveragePool;
  }
  DYAD_TRY(const NodeId id, call.add(std::move(node), {x.node}));
  return call.output(spatial(id));
}

Result<void> import_global_average_pool(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0));
  DYAD_TRY([[maybe_unused]] const Shape shape, call.spatial_shape(x));
  Node node;
  node.kind = OpKind::kGlobalAveragePool;
  DYAD_TRY(const NodeId id, call.add(std::move(node), {x.node}));
  return call.output(spatial(id));
}

Result<void> import_reduce_mean(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0));
  DYAD_TRY([[maybe_unused]] const Shape shape, call.spatial_shape(x));
  DYAD_TRY(const std::vector<std::int64_t> axes, call.attributes.integers("axes", {}));
  DYAD_TRY(const std::int64_t keep, call.attributes.integer("keepdims", 1));
  std::set<int> reduced;
  for (const std::int64_t value : axes) {
    DYAD_TRY(const int axis, call.axis(value, 4));
    reduced.insert(axis);
  }
  if (reduced != std::set<int>{2, 3}) return call.error("only the mean over height and width together is supported", "axes = [2, 3]");
  Node node;
  node.kind = OpKind::kGlobalAveragePool;
  Activation result;
  DYAD_TRY(result.node, call.add(std::move(node), {x.node}));
  result.is_vector = keep == 0;
  return call.output(std::move(result));
}

}  // namespace dyad::network::onnx_import
