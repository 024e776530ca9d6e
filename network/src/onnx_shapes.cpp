// Operators that move or select elements: Flatten, Reshape, Squeeze, Unsqueeze, Slice, Pad.
#include <algorithm>

#include "onnx_graph.hpp"

namespace dyad::network::onnx_import {
namespace {

Result<void> flatten(Call& call, const Activation& x) {
  if (x.is_vector) return call.output(x);
  const Shape chw = call.graph.shape(x);
  Node node;
  node.kind = OpKind::kFlatten;
  Activation result;
  DYAD_TRY(result.node, call.add(std::move(node), {x.node}));
  result.is_vector = true;
  if (chw[1] * chw[2] > 1) result.flattened = chw;
  return call.output(std::move(result));
}

/// The value as (N, C, 1, 1) or (N, C); nothing moves in memory.
Result<void> relabel(Call& call, Activation x, bool is_vector) {
  if (x.flattened) return call.error("a flattened image can't become an image again", "leave the image unflattened");
  x.is_vector = is_vector;
  return call.output(std::move(x));
}

/// The requested extents behind the batch with 0 and -1 resolved.
Result<Shape> resolve(const Call& call, const std::vector<std::int64_t>& target, const Shape& shape) {
  std::int64_t count = 1, known = 1;
  for (const std::int64_t extent : shape) count *= extent;
  Shape result;
  std::optional<std::size_t> inferred;
  const Error mismatch = call.error("the target shape does not fit " + to_string(shape) + " behind the batch",
                                    "only shapes that keep the batch are supported");
  for (std::size_t i = 1; i < target.size(); ++i) {
    std::int64_t extent = target[i];
    if (extent == 0 && i <= shape.size()) extent = shape[i - 1];
    if (extent == -1 && !inferred && target[0] != -1) {
      inferred = i - 1;
      extent = 1;
    }
    if (extent < 1 || extent > count || known > count / extent) return mismatch;
    known *= extent;
    result.push_back(extent);
  }
  if (inferred) {
    if (count % known != 0) return mismatch;
    result[*inferred] = count / known;
    known = count;
  }
  if (known != count) return mismatch;
  return result;
}

}  // namespace

Result<std::set<int>> axes_of(Call& call, int rank) {
  DYAD_TRY(std::vector<std::int64_t> given, call.attributes.integers("axes", {}));
  if (call.has_input(1)) {
    DYAD_TRY(given, call.integers(1));
  }
  std::set<int> axes;
  for (const std::int64_t value : given) {
    DYAD_TRY(const int axis, call.axis(value, rank));
    axes.insert(axis);
  }
  return axes;
}

Result<std::vector<SliceRange>> slice_ranges(Call& call, int rank) {
  DYAD_TRY(const std::vector<std::int64_t> starts, call.integers(1));
  DYAD_TRY(const std::vector<std::int64_t> ends, call.integers(2));
  std::vector<std::int64_t> axes(starts.size()), steps(starts.size(), 1);
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<std::int64_t>(i);
  if (call.has_input(3)) {
    DYAD_TRY(axes, call.integers(3));
  }
  if (call.has_input(4)) {
    DYAD_TRY(steps, call.integers(4));
  }
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    return call.error("starts, ends, axes and steps differ in length", "the file is damaged");
  std::vector<SliceRange> ranges;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    DYAD_TRY(const int axis, call.axis(axes[i], rank));
    ranges.push_back({axis, starts[i], ends[i], steps[i]});
  }
  return ranges;
}

Result<void> import_flatten(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0));
  DYAD_TRY(const std::int64_t given, call.attributes.integer("axis", 1));
  DYAD_TRY(const int axis, call.axis(given, x.is_vector ? 2 : 4));
  if (axis != 1) return call.error("axis " + std::to_string(given) + " is not supported", "only axis 1, which keeps the batch");
  return flatten(call, x);
}

Result<void> import_reshape(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0));
  DYAD_TRY(const std::vector<std::int64_t> target, call.integers(1));
  DYAD_TRY(const std::int64_t allow_zero, call.attributes.integer("allowzero", 0));
  if (allow_zero != 0) return call.error("allowzero is not supported", "export without it");
  const bool keeps_batch = !target.empty() && (target[0] == kBatch || target[0] == 0 || target[0] == -1 || target[0] == 1 ||
                                               target[0] == call.graph.fixed_batch);
  if (!keeps_batch) return call.error("the target shape does not keep the batch", "the first extent must be the batch: 0, -1 or shape[0]");
  const Shape shape = call.graph.shape(x);
  DYAD_TRY(const Shape resolved, resolve(call, target, shape));
  if (resolved == shape) return call.output(x);
  if (resolved.size() == 1) return flatten(call, x);
  if (resolved.size() == 3 && x.is_vector && resolved[1] == 1 && resolved[2] == 1) return relabel(call, x, false);
  return call.error("the shape " + to_string(shape) + " can't become " + to_string(resolved),
                    "only flattening to (N, F) and (N, C, 1, 1) are supported");
}

Result<void> import_squeeze(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0));
  DYAD_TRY(const Shape shape, call.spatial_shape(x));
  DYAD_TRY(const std::set<int> axes, axes_of(call, 4));
  if (axes != std::set<int>{2, 3} || shape[1] != 1 || shape[2] != 1)
    return call.error("only height and width of 1 are removed", "axes = [2, 3] of (N, C, 1, 1)");
  return relabel(call, x, true);
}

Result<void> import_unsqueeze(Call& call) {
  DYAD_TRY(const Activation x, call.activation(0));
  DYAD_TRY(const std::set<int> axes, axes_of(call, 4));
  if (!x.is_vector || axes != std::set<int>{2, 3}) return call.error("only (N, C) becomes (N, C, 1, 1)", "axes = [2, 3]");
  return relabel(call, x, false);
}

Result<void> import_slice(Call& call) {
  DYAD_TRY(Activation x, call.raw_activation(0));
  DYAD_TRY(const Shape shape, call.spatial_shape(x));
  DYAD_TRY(const std::vector<SliceRange> ranges, slice_ranges(call, 4));
  for (const SliceRange& range : ranges) {
    if (range.axis == 0) return call.error("slices of the batch are not supported", "slice height and width only");
    const bool whole = range.start == 0 && range.end >= shape[static_cast<std::size_t>(range.axis - 1)];
    if (!whole || range.step < 1 || (range.axis == 1 && range.step != 1))
      return call.error("only every n-th row and column of the whole image is supported",
                        "start 0, end at or behind the extent, step at least 1");
    if (range.axis == 1 || range.step == 1) continue;
    if (x.pending.channels_before != 0 || x.pending.channels_after != 0 || x.pending.has_border())
      return call.error("a slice behind a Pad is not supported", "slice first, then pad");
    int& stride = range.axis == 2 ? x.pending.stride_h : x.pending.stride_w;
    DYAD_TRY(stride, call.bounded(range.step > kMaxWindow ? range.step : stride * range.step, 1, kMaxWindow, "the step"));
  }
  x.pending.name = call.name;
  return call.output(std::move(x));
}

Result<void> import_pad(Call& call) {
  DYAD_TRY(Activation x, call.raw_activation(0));
  DYAD_TRY([[maybe_unused]] const Shape shape, call.spatial_shape(x));
  DYAD_TRY(const std::string mode, call.attributes.text("mode", "constant"));
  if (mode != "constant") return call.error("mode '" + mode + "' is not supported", "constant padding only");
  DYAD_TRY(const std::vector<std::int64_t> pads, call.integers(1));
  if (pads.size() != 8) return call.error("needs 8 paddings of (N, C, H, W), has " + std::to_string(pads.size()), "the file is damaged");
  float value = 0;
  if (call.has_input(2)) {
    DYAD_TRY(const Constant given, call.floats(2));
    if (given.size() != 1) return call.error("the padding value must be one number", "the file is damaged");
    value = given.floats[0];
  }
  int amounts[8];
  for (std::size_t i = 0; i < 8; ++i) {
    DYAD_TRY(amounts[i], call.bounded(pads[i], 0, kMaxExtent, "a padding"));
  }
  if (amounts[0] != 0 || amounts[4] != 0) return call.error("padding of the batch is not supported", "pad channels, height or width");
  Pending& pending = x.pending;
  const bool channels = amounts[1] != 0 || amounts[5] != 0;
  const bool border = amounts[2] != 0 || amounts[3] != 0 || amounts[6] != 0 || amounts[7] != 0;
  if (channels && value != 0) return call.error("channels are padded with a value other than 0", "pad with 0");
  if (channels && pending.has_border()) return call.error("channels are padded behind a padding of height or width", "pad channels first");
  if (border && pending.has_border() && pending.value != value) return call.error("two paddings with different values meet", "pad once");
  if (channels && border && value != 0) return call.error("channels and borders are padded with a value other than 0", "pad with 0");
  pending.channels_before += amounts[1];
  pending.channels_after += amounts[5];
  pending.top += amounts[2];
  pending.left += amounts[3];
  pending.bottom += amounts[6];
  pending.right += amounts[7];
  if (border) pending.value = value;
  pending.name = call.name;
  const Shape padded = call.graph.shape(x);
  if (*std::max_element(padded.begin(), padded.end()) > 4 * kMaxExtent)
    return call.error("the padded image is too large", "the file is damaged");
  return call.output(std::move(x));
}

}  // namespace dyad::network::onnx_import
