// Shape inference: output_shape of every node, or an Error that names the node whose inputs don't fit.
#include <algorithm>

#include "dyad/network/network.hpp"

namespace dyad::network {
namespace {

Error node_error(const Network& network, const Node& node, std::string message, std::string hint) {
  return Error{(network.name.empty() ? "network" : network.name) + ":/" + node.name,
               std::string(to_string(node.kind)) + " '" + node.name + "': " + std::move(message), std::move(hint)};
}

// Output extent of a pooling axis, rounding up in ceil_mode; a window that would start behind the input and its leading padding
// does not count (PyTorch, ONNX opset 19).
std::int64_t pooled_extent(std::int64_t in, int kernel, int stride, int before, int after, int dilation, bool ceil_mode) {
  const std::int64_t room = in + before + after - std::int64_t{dilation} * (kernel - 1) - 1;
  if (room < 0) return 0;
  std::int64_t out = room / stride + 1;
  if (ceil_mode && room % stride != 0 && out * stride < in + before) ++out;
  return out;
}

// Whether each window along one axis reads at least one element of the input.
bool windows_touch_input(std::int64_t in, std::int64_t out, int kernel, int stride, int before, int dilation) {
  for (std::int64_t position = 0; position < out; ++position) {
    bool touches = false;
    for (int tap = 0; tap < kernel && !touches; ++tap) {
      const std::int64_t at = position * stride - before + std::int64_t{tap} * dilation;
      touches = at >= 0 && at < in;
    }
    if (!touches) return false;
  }
  return true;
}

class Inference {
 public:
  Inference(const Network& network, const Node& node, std::vector<const Node*> inputs)
      : network_(network), node_(node), inputs_(std::move(inputs)) {}

  Result<Shape> run() const {
    DYAD_CHECK(check_arity());
    switch (node_.kind) {
      case OpKind::kInput: return input();
      case OpKind::kConv: return conv();
      case OpKind::kLinear: return linear();
      case OpKind::kBatchNorm: return batch_norm();
      case OpKind::kAdd: return add();
      case OpKind::kMul: return mul();
      case OpKind::kConcat: return concat();
      case OpKind::kMaxPool:
      case OpKind::kAveragePool: return pool();
      case OpKind::kGlobalAveragePool: return Shape{1, 1, in(0)[2]};
      case OpKind::kFlatten: return Shape{1, 1, element_count(in(0))};
      case OpKind::kSubsample: return subsample();
      default: return in(0);
    }
  }

 private:
  const Shape& in(std::size_t argument) const { return inputs_[argument]->output_shape; }
  Error error(std::string message, std::string hint) const { return node_error(network_, node_, std::move(message), std::move(hint)); }

  Result<void> check_arity() const {
    std::size_t least = 1, most = 1;
    if (node_.kind == OpKind::kInput) least = most = 0;
    if (node_.kind == OpKind::kAdd || node_.kind == OpKind::kMul) least = most = 2;
    if (node_.kind == OpKind::kConcat) most = inputs_.size();
    if (inputs_.size() >= least && inputs_.size() <= most) return {};
    return error("has " + std::to_string(inputs_.size()) + " inputs, needs " + (node_.kind == OpKind::kConcat ? "at least " : "") +
                     std::to_string(least),
                 "check how the node is connected");
  }

  Result<void> check_window(const Window& w) const {
    if (std::min({w.kernel_h, w.kernel_w, w.stride_h, w.stride_w, w.dilation_h, w.dilation_w}) < 1)
      return error("kernel, stride and dilation must be at least 1", "check the node's attributes");
    if (std::min({w.pad_top, w.pad_left, w.pad_bottom, w.pad_right}) < 0)
      return error("negative padding is not supported", "crop the input before this node");
    return {};
  }

  Result<Shape> input() const {
    const Shape& shape = node_.output_shape;
    if (shape.size() == 3 && *std::min_element(shape.begin(), shape.end()) >= 1) return shape;
    return error("shape " + to_string(shape) + " is not (height, width, channels) with extents of at least 1",
                 "give the network a fixed input size");
  }

  Result<Shape> conv() const {
    DYAD_CHECK(check_window(node_.window));
    const Shape& x = in(0);
    const std::int64_t channels = x[2], out = node_.out_channels;
    if (node_.groups < 1 || out < 1 || channels % node_.groups != 0 || out % node_.groups != 0)
      return error("groups = " + std::to_string(node_.groups) + " does not divide " + std::to_string(channels) + " input and " +
                       std::to_string(out) + " output channels",
                   "check the group attribute and the weight's shape");
    DYAD_CHECK(check_weight({out, node_.window.kernel_h, node_.window.kernel_w, channels / node_.groups}));
    const Window& w = node_.window;
    const std::int64_t room_h = x[0] + w.pad_top + w.pad_bottom - std::int64_t{w.dilation_h} * (w.kernel_h - 1) - 1;
    const std::int64_t room_w = x[1] + w.pad_left + w.pad_right - std::int64_t{w.dilation_w} * (w.kernel_w - 1) - 1;
    if (room_h < 0 || room_w < 0) return window_too_large();
    return Shape{room_h / w.stride_h + 1, room_w / w.stride_w + 1, out};
  }

  Result<Shape> linear() const {
    const Shape& x = in(0);
    if (x[0] != 1 || x[1] != 1)
      return error("input " + to_string(x) + " is not a vector (1, 1, channels)", "put a flatten or a global pooling before it");
    if (node_.out_channels < 1) return error("has no output channels", "check the weight's shape");
    DYAD_CHECK(check_weight({node_.out_channels, 1, 1, x[2]}));
    return Shape{1, 1, node_.out_channels};
  }

  Result<void> check_weight(const Shape& expected) const {
    if (!node_.weight.empty() && node_.weight.shape() != expected)
      return error("weight " + to_string(node_.weight.shape()) + " should be " + to_string(expected) + " for input " + to_string(in(0)),
                   "the weights belong to another network or image size");
    if (!node_.bias.empty() && static_cast<std::int64_t>(node_.bias.size()) != node_.out_channels)
      return error("bias has " + std::to_string(node_.bias.size()) + " entries for " + std::to_string(node_.out_channels) + " channels",
                   "the weights belong to another network");
    return {};
  }

  Result<Shape> batch_norm() const {
    const BatchNorm& bn = node_.batch_norm;
    const auto channels = static_cast<std::size_t>(in(0)[2]);
    const bool absent = bn.gamma.empty() && bn.beta.empty() && bn.mean.empty() && bn.variance.empty();
    const bool full =
        bn.gamma.size() == channels && bn.beta.size() == channels && bn.mean.size() == channels && bn.variance.size() == channels;
    if (!absent && !full)
      return error("gamma, beta, mean and variance have " + std::to_string(bn.gamma.size()) + ", " + std::to_string(bn.beta.size()) + ", " +
                       std::to_string(bn.mean.size()) + " and " + std::to_string(bn.variance.size()) + " entries for " +
                       std::to_string(channels) + " channels",
                   "the weights belong to another network");
    return in(0);
  }

  Result<Shape> add() const {
    if (in(0) == in(1)) return in(0);
    return error("shapes " + to_string(in(0)) + " and " + to_string(in(1)) + " differ", "both branches must have one shape");
  }

  Result<Shape> mul() const {
    const Shape &a = in(0), &b = in(1);
    if (a == b || (b == Shape{1, 1, a[2]})) return a;
    if (a == Shape{1, 1, b[2]}) return b;
    return error("shapes " + to_string(a) + " and " + to_string(b) + " neither agree nor is one (1, 1, channels) of the other",
                 "only a gate by channel is broadcast");
  }

  Result<Shape> concat() const {
    Shape shape = in(0);
    for (std::size_t argument = 1; argument < inputs_.size(); ++argument) {
      if (in(argument)[0] != shape[0] || in(argument)[1] != shape[1])
        return error("input " + to_string(in(argument)) + " has another height or width than " + to_string(in(0)),
                     "only channels are concatenated");
      shape[2] += in(argument)[2];
    }
    return shape;
  }

  Result<Shape> pool() const {
    DYAD_CHECK(check_window(node_.window));
    const Window& w = node_.window;
    const Shape& x = in(0);
    const std::int64_t h = pooled_extent(x[0], w.kernel_h, w.stride_h, w.pad_top, w.pad_bottom, w.dilation_h, node_.ceil_mode);
    const std::int64_t width = pooled_extent(x[1], w.kernel_w, w.stride_w, w.pad_left, w.pad_right, w.dilation_w, node_.ceil_mode);
    if (h < 1 || width < 1) return window_too_large();
    if (!windows_touch_input(x[0], h, w.kernel_h, w.stride_h, w.pad_top, w.dilation_h) ||
        !windows_touch_input(x[1], width, w.kernel_w, w.stride_w, w.pad_left, w.dilation_w))
      return error("a window lies wholly in the padding", "the padding must be smaller than the kernel");
    return Shape{h, width, x[2]};
  }

  Result<Shape> subsample() const {
    if (node_.window.stride_h < 1 || node_.window.stride_w < 1 || node_.channel_pad_before < 0 || node_.channel_pad_after < 0)
      return error("strides must be at least 1 and channel padding at least 0", "check the node's attributes");
    const Shape& x = in(0);
    return Shape{(x[0] - 1) / node_.window.stride_h + 1, (x[1] - 1) / node_.window.stride_w + 1,
                 x[2] + node_.channel_pad_before + node_.channel_pad_after};
  }

  Error window_too_large() const {
    const Window& w = node_.window;
    return error("a " + std::to_string(w.kernel_h) + " x " + std::to_string(w.kernel_w) + " window does not fit in input " +
                     to_string(in(0)) + " with its padding",
                 "use a larger image");
  }

  const Network& network_;
  const Node& node_;
  std::vector<const Node*> inputs_;
};

}  // namespace

Result<void> Network::infer_shape(NodeId id) {
  Node& target = node(id);
  std::vector<const Node*> sources;
  for (const NodeId source : inputs(id)) sources.push_back(&node(source));
  DYAD_TRY(Shape shape, Inference(*this, target, std::move(sources)).run());
  target.output_shape = std::move(shape);
  return {};
}

Result<void> Network::infer_shapes() {
  std::optional<NodeId> first_input;
  for (const NodeId id : topological_order()) {
    Node& target = node(id);
    if (target.kind == OpKind::kInput) {
      if (first_input)
        return node_error(*this, target, "is a second input beside '" + node(*first_input).name + "'", "a network has exactly one input");
      first_input = id;
    }
    DYAD_CHECK(infer_shape(id));
  }
  if (!first_input) return Error{name.empty() ? "network" : name, "has no input node", "a network has exactly one input"};
  return {};
}

}  // namespace dyad::network
