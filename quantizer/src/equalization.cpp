#include "dyad/quantizer/equalization.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "dyad/base/parallel.hpp"
#include "dyad/network/float_executor.hpp"

namespace dyad::quantizer {
namespace {

using network::is_weighted;
using network::Network;
using network::Node;
using network::NodeId;
using network::OpKind;

constexpr std::int64_t kBatch = 16;  // images evaluated at once by one thread
constexpr float kRelu6Bound = 6;

struct Pair {
  NodeId first = 0, second = 0;
  bool is_clipped = false;    // a ReLU6 stands between them
  std::vector<float> factor;  // by channel: product of all s_i so far
};

// Scaling a channel of the input scales the same channel of the output.
bool is_homogeneous(const Network& net, NodeId id) {
  switch (net.node(id).kind) {
    case OpKind::kRelu:
    case OpKind::kLeakyRelu:
    case OpKind::kMaxPool:
    case OpKind::kAveragePool:
    case OpKind::kGlobalAveragePool:
    case OpKind::kIdentity: return true;
    case OpKind::kFlatten: {
      const Shape& in = net.node(net.inputs(id)[0]).output_shape;
      return in[0] == 1 && in[1] == 1;
    }
    default: return false;
  }
}

std::vector<Pair> find_pairs(const Network& net) {
  const std::vector<NodeId> order = net.execution_order();
  const auto executed_readers = [&](NodeId id) {
    std::vector<NodeId> readers;
    for (const NodeId reader : net.consumers(id))
      if (std::find(order.begin(), order.end(), reader) != order.end()) readers.push_back(reader);
    return readers;
  };
  std::vector<Pair> pairs;
  for (const NodeId first : network::weighted_nodes(net)) {
    Pair pair;
    pair.first = first;
    NodeId id = first;
    while (true) {
      const std::vector<NodeId> readers = executed_readers(id);
      if (readers.size() != 1 || id == net.output()) break;
      id = readers[0];
      if (is_weighted(net.node(id).kind)) {
        pair.second = id;
        pair.factor.assign(static_cast<std::size_t>(net.node(first).out_channels), 1.0f);
        pairs.push_back(std::move(pair));
        break;
      }
      const bool clips = net.node(id).kind == OpKind::kRelu6;
      if (!clips && !is_homogeneous(net, id)) break;
      pair.is_clipped = pair.is_clipped || clips;
    }
  }
  return pairs;
}

// Calls visit(input channel, weight) for every weight of a layer.
template <typename Visit>
void for_each_by_input(Node& node, const Visit& visit) {
  Tensor<float>& weight = node.weight;
  const std::int64_t depth = weight.shape().back(), size = weight.size() / weight.extent(0);
  const std::int64_t filters_per_group = weight.extent(0) / node.groups;
  for (std::int64_t i = 0; i < weight.size(); ++i)
    visit(static_cast<std::size_t>(i / size / filters_per_group * depth + i % depth), weight[i]);
}

std::vector<float> output_ranges(const Node& node) {
  std::vector<float> ranges(static_cast<std::size_t>(node.weight.extent(0)), 0.0f);
  const std::int64_t size = node.weight.size() / node.weight.extent(0);
  for (std::int64_t i = 0; i < node.weight.size(); ++i) {
    float& range = ranges[static_cast<std::size_t>(i / size)];
    range = std::max(range, std::fabs(node.weight[i]));
  }
  return ranges;
}

std::vector<float> input_ranges(Node& node, std::size_t channels) {
  std::vector<float> ranges(channels, 0.0f);
  for_each_by_input(node, [&](std::size_t channel, float weight) { ranges[channel] = std::max(ranges[channel], std::fabs(weight)); });
  return ranges;
}

double precision(const std::vector<float>& first, const std::vector<float>& second) {
  const double most1 = *std::max_element(first.begin(), first.end()), most2 = *std::max_element(second.begin(), second.end());
  if (!(most1 > 0 && most2 > 0)) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < first.size(); ++i) sum += static_cast<double>(first[i]) / most1 * (static_cast<double>(second[i]) / most2);
  return sum / static_cast<double>(first.size());
}

// The largest value of each output channel of these layers before the activation.
std::map<NodeId, std::vector<float>> largest_outputs(const Network& net, const std::vector<Pair>& pairs, const network::Dataset& images,
                                                     const network::Normalization& normalization) {
  const std::int64_t batches = (images.size() + kBatch - 1) / kBatch;
  std::map<NodeId, std::vector<std::vector<float>>> by_batch;
  for (const Pair& pair : pairs)
    if (pair.is_clipped)
      by_batch[pair.first].assign(static_cast<std::size_t>(batches), std::vector<float>(pair.factor.size(), -kRelu6Bound));
  std::map<NodeId, std::vector<float>> result;
  if (by_batch.empty()) return result;
  parallel_for(batches, [&](std::int64_t b) {
    const std::int64_t count = std::min(kBatch, images.size() - b * kBatch);
    const std::vector<Tensor<float>> values = network::evaluate_all(net, images.normalized(b * kBatch, count, normalization));
    for (auto& [layer, largest] : by_batch) {
      std::vector<float>& mine = largest[static_cast<std::size_t>(b)];
      const std::span<const float> outputs = values[layer].values();
      for (std::size_t i = 0; i < outputs.size(); ++i) mine[i % mine.size()] = std::max(mine[i % mine.size()], outputs[i]);
    }
  });
  for (const auto& [layer, largest] : by_batch) {
    std::vector<float>& most = result[layer];
    most = largest[0];
    for (const std::vector<float>& batch : largest)
      for (std::size_t c = 0; c < most.size(); ++c) most[c] = std::max(most[c], batch[c]);
  }
  return result;
}

}  // namespace

Result<EqualizationReport> equalize(Network& folded, const network::Dataset& images, const network::Normalization& normalization,
                                    const EqualizationOptions& options) {
  const std::string place = folded.name.empty() ? "network" : folded.name;
  if (!folded.has_weights()) return Error{place, "has no weights to equalize", "load a trained model, or add weights to the topology"};
  const Shape& expected = folded.node(folded.input()).output_shape;
  const Shape& have = images.images.shape();
  if (images.size() == 0 || have.size() != 4 || Shape(have.begin() + 1, have.end()) != expected)
    return Error{images.name, images.size() == 0 ? "no images to equalize on" : "the images are not " + to_string(expected),
                 "choose data of the network's image size"};
  std::vector<Pair> pairs = find_pairs(folded);
  const std::map<NodeId, std::vector<float>> largest = largest_outputs(folded, pairs, images, normalization);

  EqualizationReport report;
  for (const Pair& pair : pairs) {
    Node& second = folded.node(pair.second);
    EqualizedPair line{folded.node(pair.first).name, second.name};
    line.precision_before = precision(output_ranges(folded.node(pair.first)), input_ranges(second, pair.factor.size()));
    report.pairs.push_back(std::move(line));
  }
  bool has_changed = !pairs.empty();
  for (report.passes = 0; has_changed && report.passes < options.passes; ++report.passes) {
    has_changed = false;
    for (Pair& pair : pairs) {
      Node& first = folded.node(pair.first);
      Node& second = folded.node(pair.second);
      const std::vector<float> r1 = output_ranges(first), r2 = input_ranges(second, pair.factor.size());
      std::vector<float> s(pair.factor.size(), 1.0f);
      for (std::size_t c = 0; c < s.size(); ++c) {
        if (!(r1[c] > 0 && r2[c] > 0)) continue;
        float factor = pair.factor[c] * std::sqrt(r1[c] / r2[c]);
        if (pair.is_clipped) {
          const float needed = largest.at(pair.first)[c] * options.clip_margin;
          if (needed >= kRelu6Bound) continue;
          factor = std::max(factor, needed / kRelu6Bound);
        }
        s[c] = factor / pair.factor[c];
        pair.factor[c] = factor;
        has_changed = has_changed || std::fabs(s[c] - 1) > static_cast<float>(options.tolerance);
      }
      const std::int64_t size = first.weight.size() / first.weight.extent(0);
      for (std::int64_t i = 0; i < first.weight.size(); ++i) first.weight[i] /= s[static_cast<std::size_t>(i / size)];
      for (std::size_t c = 0; c < first.bias.size(); ++c) first.bias[c] /= s[c];
      for_each_by_input(second, [&](std::size_t channel, float& weight) { weight *= s[channel]; });
    }
  }
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    const Pair& pair = pairs[p];
    report.pairs[p].precision_after =
        precision(output_ranges(folded.node(pair.first)), input_ranges(folded.node(pair.second), pair.factor.size()));
    report.pairs[p].scaled_channels = std::count_if(pair.factor.begin(), pair.factor.end(), [](float f) { return f != 1.0f; });
  }
  return report;
}

}  // namespace dyad::quantizer
