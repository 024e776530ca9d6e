#include "value_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dyad::quantizer {
namespace {

using network::Node;
using network::NodeId;
using network::OpKind;

struct Interval {
  double lowest = 0, highest = 0;
};
using Channels = std::vector<Interval>;

Interval around(Interval a, Interval b) { return {std::min(a.lowest, b.lowest), std::max(a.highest, b.highest)}; }

Channels of_pixels(const network::Normalization& normalization) {
  Channels result;
  for (std::size_t c = 0; c < normalization.mean.size(); ++c) {
    const double mean = normalization.mean[c], stddev = normalization.stddev[c];
    result.push_back({-mean / stddev, (1 - mean) / stddev});
  }
  return result;
}

Channels of_layer(const Node& node, const LayerNumbers& numbers, const Channels& input) {
  const QuantizedWeights& weights = numbers.weights;
  const std::int64_t channels = weights.values.extent(3), taps = weights.values.size() / weights.values.extent(0);
  const std::int64_t outputs = weights.values.extent(0), per_group = outputs / node.groups;
  const double most = numbers.input.levels.is_uniform()
                          ? std::numeric_limits<double>::infinity()
                          : static_cast<double>(level_magnitudes(numbers.input.levels).back()) * static_cast<double>(numbers.input.scale);
  const double least = numbers.input.format.is_signed ? -most : 0.0;
  Channels result(static_cast<std::size_t>(outputs));
  for (std::int64_t k = 0; k < outputs; ++k) {
    const auto at = static_cast<std::size_t>(k);
    const std::int32_t zero_point = weights.zero_points.empty() ? 0 : weights.zero_points[at];
    const double bias = numbers.bias[at];
    Interval sum{bias, bias};
    for (std::int64_t i = 0; i < taps; ++i) {
      const double w = static_cast<double>(weights.values[k * taps + i] - zero_point) * static_cast<double>(weights.scales[at]);
      const Interval& x = input[static_cast<std::size_t>(k / per_group * channels + i % channels)];
      // Padding reads 0, so 0 is always among the values.
      const double low = std::max(std::min(x.lowest, 0.0), least), high = std::min(std::max(x.highest, 0.0), most);
      sum.lowest += std::min(w * low, w * high);
      sum.highest += std::max(w * low, w * high);
    }
    result[at] = sum;
  }
  return result;
}

}  // namespace

std::vector<Range> value_bounds(const network::Network& folded, const network::Normalization& normalization,
                                const std::map<NodeId, LayerNumbers>& layers) {
  std::vector<Channels> bounds(folded.size());
  std::vector<Range> result(folded.size());
  for (const NodeId id : folded.execution_order()) {
    const Node& node = folded.node(id);
    const std::vector<NodeId> inputs = folded.inputs(id);
    const auto channels = static_cast<std::size_t>(node.output_shape[2]);
    Channels& mine = bounds[id];
    if (!inputs.empty()) mine = bounds[inputs[0]];
    switch (node.kind) {
      case OpKind::kInput: mine = of_pixels(normalization); break;
      case OpKind::kConv:
      case OpKind::kLinear: mine = of_layer(node, layers.at(id), bounds[inputs[0]]); break;
      case OpKind::kRelu:
      case OpKind::kRelu6:
        for (Interval& each : mine) {
          each = {std::max(each.lowest, 0.0), std::max(each.highest, 0.0)};
          if (node.kind == OpKind::kRelu6) each = {std::min(each.lowest, 6.0), std::min(each.highest, 6.0)};
        }
        break;
      case OpKind::kAdd:
        for (std::size_t c = 0; c < mine.size(); ++c) {
          mine[c].lowest += bounds[inputs[1]][c].lowest;
          mine[c].highest += bounds[inputs[1]][c].highest;
        }
        break;
      case OpKind::kConcat:
        for (std::size_t i = 1; i < inputs.size(); ++i) mine.insert(mine.end(), bounds[inputs[i]].begin(), bounds[inputs[i]].end());
        break;
      default:  // values, averages of values, or padding's zeros
        if (mine.size() != channels) {
          Interval all;
          for (const Interval& each : mine) all = around(all, each);
          mine.assign(channels, all);
        }
        for (Interval& each : mine) each = around(each, {});
    }
    Interval all;
    for (const Interval& each : mine) all = around(all, each);
    result[id] = {static_cast<float>(all.lowest), static_cast<float>(all.highest)};
  }
  return result;
}

}  // namespace dyad::quantizer
