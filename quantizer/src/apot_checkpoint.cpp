#include "dyad/quantizer/apot_checkpoint.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <set>

#include "dyad/base/json.hpp"
#include "dyad/network/summary.hpp"
#include "dyad/quantizer/apot.hpp"
#include "value_bounds.hpp"

namespace dyad::quantizer {
namespace {

using network::Network;
using network::Node;
using network::NodeId;
using network::OpKind;

constexpr const char* kActivationSuffix = ".act_alpha";
constexpr const char* kWeightSuffixes[] = {".weight_quant.wgt_alpha", ".weight_alpha"};  // CIFAR-10's, MNIST's
constexpr int kMostWeightBits = 6;                        // a sign and 5 magnitude bits: levels up to 100 fit int8, those of 6 bits do not
constexpr int kCarrierBits = 32;                          // of tensors that nobody calibrated: bounds are wide, so steps must be fine
constexpr float kPixelSteps = 51000;                      // of u8 / 255 less a mean of three decimals: 200 p - 51000 mean is an integer
constexpr std::int64_t kMostSum = std::int64_t{1} << 30;  // of a layer whose input width is free
constexpr int kEdgeWeights = 127;                         // largest integer of first and last layers

Error not_apot(const std::string& place, std::string message) {
  return Error{place, std::move(message), "a checkpoint of the APoT authors holds <layer>.act_alpha and <layer>.weight_quant.wgt_alpha"};
}

Result<float> threshold(const network::Safetensors& file, const std::string& name, const std::string& place) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) return not_apot(place + ":/" + name, "the tensor '" + name + "' is missing");
  const Tensor<float>& value = found->second;
  if (value.size() != 1 || !(value[0] > 0) || !std::isfinite(value[0]))
    return not_apot(place + ":/" + name, "the threshold '" + name + "' is not one positive number");
  return value[0];
}

// "bits", or the digits of "4bit" in "source".
std::optional<int> bits_of_metadata(const std::map<std::string, std::string>& metadata) {
  const auto number = [](std::string_view digits) -> std::optional<int> {
    int value = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return fault == std::errc{} && end == digits.data() + digits.size() ? std::optional(value) : std::nullopt;
  };
  if (const auto bits = metadata.find("bits"); bits != metadata.end()) return number(bits->second);
  const auto source = metadata.find("source");
  if (source == metadata.end()) return std::nullopt;
  const std::size_t at = source->second.rfind("bit");
  if (at == std::string::npos) return std::nullopt;
  std::size_t begin = at;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(source->second[begin - 1]))) --begin;
  return number(std::string_view(source->second).substr(begin, at - begin));
}

Result<Network> find_topology(const network::Safetensors& weights, const std::string& topology, network::TopologyOptions options,
                              const std::string& place) {
  if (!topology.empty()) {
    DYAD_TRY(Network network, network::make_topology(topology, options));
    DYAD_CHECK(network::load_weights(network, weights, place));
    return network;
  }
  for (const char* head : {"fc.weight", "linear.weight", "output.weight"})
    if (const auto found = weights.tensors.find(head); options.classes == 0 && found != weights.tensors.end())
      options.classes = found->second.extent(0);
  for (const std::string& name : network::topology_names()) {
    DYAD_TRY(Network network, network::make_topology(name, options));
    if (network::load_weights(network, weights, place)) return network;
  }
  return Error{place, "its layers and shapes are those of no built-in topology",
               "the authors' are resnet20-apot, resnet56-apot and resnet10-mnist; another one by name: quantize TOPOLOGY --weights FILE"};
}

// gamma / sqrt(variance + epsilon) of the batch norm behind a layer, as fold_batch_norms computes it; ones without one.
std::vector<float> fold_factors(const Network& network, NodeId layer) {
  std::vector<float> factors(static_cast<std::size_t>(network.node(layer).out_channels), 1.0f);
  for (const NodeId next : network.consumers(layer)) {
    if (network.node(next).kind != OpKind::kBatchNorm) continue;
    const network::BatchNorm& norm = network.node(next).batch_norm;
    for (std::size_t c = 0; c < factors.size(); ++c) factors[c] = norm.gamma[c] / std::sqrt(norm.variance[c] + norm.epsilon);
  }
  return factors;
}

// Quantized integers with their step, not yet folded, and the float weights that they stand for.
struct Projection {
  QuantizedWeights weights;
  Tensor<float> real;
};

// (w - mean) / std over the tensor, std unbiased, then the nearest signed level of that over alpha.
Result<Projection> project_levels(const Node& node, int bits, float alpha, const std::string& place) {
  const Tensor<float>& w = node.weight;
  double sum = 0, squares = 0;
  for (const float v : w.values()) sum += static_cast<double>(v);
  const double mean = sum / static_cast<double>(w.size());
  for (const float v : w.values()) squares += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
  const auto stddev = static_cast<float>(std::sqrt(squares / static_cast<double>(w.size() - 1)));
  if (!(stddev > 0))
    return Error{place + ":/" + node.name + ".weight", "layer '" + node.name + "': its weights are all equal, so they can't be normalized",
                 "was it trained?"};
  const ApotLevels levels = apot_levels(bits - 1);
  Projection result;
  result.real = Tensor<float>(w.shape());
  result.weights.values = Tensor<std::int8_t>(w.shape());
  result.weights.levels = {LevelScheme::kApot, bits - 1};
  for (std::int64_t i = 0; i < w.size(); ++i) {
    result.real[i] = (w[i] - static_cast<float>(mean)) / stddev;
    result.weights.values[i] = static_cast<std::int8_t>(apot_quantize(result.real[i], alpha, levels, true));
  }
  result.weights.scales.assign(static_cast<std::size_t>(node.out_channels), alpha / static_cast<float>(levels.denominator));
  return result;
}

// First and last layer: rhe(w / max * 127), where max is the largest weight, not the largest magnitude, and nothing is cut. What falls
// below -128 gets a zero point in its channel.
Result<Projection> project_edge(const Node& node, const std::string& place) {
  const Tensor<float>& w = node.weight;
  const float most = *std::max_element(w.values().begin(), w.values().end());
  const auto refuse = [&](const std::string& message) {
    return Error{place + ":/" + node.name + ".weight", "layer '" + node.name + "': " + message,
                 "the authors' 8-bit rule scales weights by 127 over the largest one"};
  };
  if (!(most > 0)) return refuse("no weight is positive, so the rule of first and last layers does not apply");
  const std::int64_t outputs = w.extent(0), size = w.size() / outputs;
  Projection result;
  result.real = w;
  result.weights.values = Tensor<std::int8_t>(w.shape());
  result.weights.scales.assign(static_cast<std::size_t>(outputs), most / static_cast<float>(kEdgeWeights));
  std::vector<std::int32_t> zero_points(static_cast<std::size_t>(outputs), 0);
  for (std::int64_t k = 0; k < outputs; ++k) {
    std::vector<std::int32_t> integers;
    for (std::int64_t i = k * size; i < (k + 1) * size; ++i) {
      const float integer = std::nearbyint(w[i] / most * static_cast<float>(kEdgeWeights));
      if (integer < -255) return refuse("a weight is more than twice as far below zero as any is above");
      integers.push_back(static_cast<std::int32_t>(integer));
    }
    const auto [lowest, highest] = std::minmax_element(integers.begin(), integers.end());
    const std::int32_t zero_point = *lowest < -128 ? -128 - *lowest : 0;
    if (*highest + zero_point > 127) return refuse("the weights of output channel " + std::to_string(k) + " span more than 8 bits");
    zero_points[static_cast<std::size_t>(k)] = zero_point;
    for (std::int64_t i = 0; i < size; ++i)
      result.weights.values[k * size + i] = static_cast<std::int8_t>(integers[static_cast<std::size_t>(i)] + zero_point);
  }
  if (std::any_of(zero_points.begin(), zero_points.end(), [](std::int32_t z) { return z != 0; }))
    result.weights.zero_points = std::move(zero_points);
  return result;
}

// Mean squared error of a weight with its channel's factor.
double folded_mse(const Projection& projection, const std::vector<float>& factors) {
  const QuantizedWeights& q = projection.weights;
  const std::int64_t size = q.values.size() / q.values.extent(0);
  double sum = 0;
  for (std::int64_t i = 0; i < q.values.size(); ++i) {
    const auto k = static_cast<std::size_t>(i / size);
    const std::int32_t zero_point = q.zero_points.empty() ? 0 : q.zero_points[k];
    const double error =
        (static_cast<double>(projection.real[i]) - static_cast<double>(q.values[i] - zero_point) * static_cast<double>(q.scales[k])) *
        static_cast<double>(factors[k]);
    sum += error * error;
  }
  return sum / static_cast<double>(q.values.size());
}

// The widest input of a layer that is not quantized: 16 bits (15 unsigned: kernels hold both in int16), fewer when its sums ask for it.
BitWidth free_input(bool is_signed, const QuantizedWeights& weights) {
  const std::int64_t taps = weights.values.size() / weights.values.extent(0);
  int bits = kMaxOperandBits;
  while (bits > 8 && taps * 256 > kMostSum >> (bits - 1)) --bits;
  return {is_signed ? bits : bits - 1, is_signed};
}

// A first layer over several channels as one layer a channel, summed. Each channel has a deviation of its own, so that no common step holds
// all normalized pixels in 16 bits without error; a channel alone is exact.
struct SplitInput {
  struct Part {
    std::string layer;  ///< in the checkpoint
    std::int64_t channel = 0;
  };
  Network network;
  std::map<std::string, Part> parts;  ///< by layer of `network`; empty: nothing was split
};

bool pixels_are_exact(const network::Normalization& normalization) {
  return std::all_of(normalization.mean.begin(), normalization.mean.end(), [](float mean) {
    const float steps = mean * kPixelSteps;
    return std::fabs(steps - std::nearbyint(steps)) < 0.01f && std::max(steps, kPixelSteps - steps) <= 32767.0f;
  });
}

Result<SplitInput> split_input(const Network& folded, const network::Normalization& normalization) {
  SplitInput result;
  const std::vector<NodeId> readers = folded.consumers(folded.input());
  const std::int64_t channels = folded.node(folded.input()).output_shape[2];
  const bool splits = readers.size() == 1 && folded.node(readers[0]).kind == OpKind::kConv && folded.node(readers[0]).groups == 1 &&
                      channels > 1 && pixels_are_exact(normalization);
  Network& net = result.network;
  net.name = folded.name;
  std::vector<NodeId> moved(folded.size());
  for (const NodeId id : folded.execution_order()) {
    const Node& node = folded.node(id);
    std::vector<NodeId> inputs;
    for (const NodeId input : folded.inputs(id)) inputs.push_back(moved[input]);
    moved[id] = net.add(node, inputs);
    if (!splits || id != readers[0]) continue;
    result.parts[node.name] = {node.name, 0};
    for (std::int64_t c = 1; c < channels; ++c) {
      Node part = node, sum;
      part.name = node.name + ".channel" + std::to_string(c);
      result.parts[part.name] = {node.name, c};
      sum.name = node.name + ".sum" + std::to_string(c);
      sum.kind = OpKind::kAdd;
      const NodeId other = net.add(part, inputs);
      moved[id] = net.add(sum, {moved[id], other});
    }
  }
  net.set_output(moved[folded.output()]);
  DYAD_CHECK(net.infer_shapes());
  return result;
}

// Keeps the weights of one input channel, for pixels in units of 1 / kPixelSteps less their mean.
void keep_channel(std::int64_t channel, float stddev, LayerNumbers& layer) {
  QuantizedWeights& weights = layer.weights;
  const std::int64_t channels = weights.values.extent(3), size = weights.values.size() / weights.values.extent(0);
  for (std::int64_t i = 0; i < weights.values.size(); ++i)
    if (i % channels != channel)
      weights.values[i] =
          static_cast<std::int8_t>(weights.zero_points.empty() ? 0 : weights.zero_points[static_cast<std::size_t>(i / size)]);
  for (float& scale : weights.scales) scale /= stddev;
  if (channel != 0) std::fill(layer.bias.begin(), layer.bias.end(), 0.0f);
  layer.input = {{kMaxOperandBits, true}, 1.0f / kPixelSteps};
  layer.bits.activation = kMaxOperandBits;
}

ScaledFormat format_of(Range range, BitWidth format) {
  const float most = std::max(-range.lowest, range.highest);
  return {format, (most > 0 ? most : 1.0f) / static_cast<float>(format.highest())};
}

}  // namespace

Result<ApotCheckpoint> ApotCheckpoint::read(const std::filesystem::path& file, const std::string& topology,
                                            const network::TopologyOptions& options) {
  DYAD_TRY(network::Safetensors content, network::read_safetensors(file));
  ApotCheckpoint result;
  result.place_ = file.string();
  result.named_bits_ = bits_of_metadata(content.metadata);
  network::Safetensors weights = content;
  for (const auto& [name, tensor] : content.tensors) {
    if (!name.ends_with(kActivationSuffix)) continue;
    const std::string layer = name.substr(0, name.size() - std::string_view(kActivationSuffix).size());
    Thresholds& thresholds = result.thresholds_[layer];
    DYAD_TRY(thresholds.activation, threshold(content, name, result.place_));
    const bool is_mnist = content.tensors.contains(layer + kWeightSuffixes[1]);
    const std::string weight = layer + kWeightSuffixes[is_mnist ? 1 : 0];
    DYAD_TRY(thresholds.weight, threshold(content, weight, result.place_));
    weights.tensors.erase(name);
    weights.tensors.erase(weight);
  }
  if (result.thresholds_.empty()) return not_apot(result.place_, "holds no clipping thresholds, so it is no APoT checkpoint");
  DYAD_TRY(result.network_, find_topology(weights, topology, options, result.place_));
  DYAD_CHECK(result.network_.infer_shapes());
  for (const auto& [layer, thresholds] : result.thresholds_) {
    const auto node = result.network_.find(layer);
    if (!node || (result.network_.node(*node).kind != OpKind::kConv && result.network_.node(*node).kind != OpKind::kLinear))
      return not_apot(result.place_ + ":/" + layer + kActivationSuffix,
                      "'" + layer + "' has a threshold but is no layer of " + result.network_.name);
  }
  return result;
}

Result<void> ApotCheckpoint::check_bits(const BitAssignment& assignment) const {
  for (const NodeId id : network::weighted_nodes(network_)) {
    const std::string& name = network_.node(id).name;
    const auto found = assignment.find(name);
    const auto refuse = [&](const std::string& message, const std::string& hint) {
      return Error{"--bits:/layers/" + pointer_token(name), "layer '" + name + "' " + message, hint};
    };
    if (found == assignment.end()) return refuse("has no bits", "every convolution and fully connected layer needs an entry");
    const auto [weight, activation] = found->second;
    const std::string asked = "W" + std::to_string(weight) + "A" + std::to_string(activation);
    if (!thresholds_.contains(name)) {
      if (weight != 8) return refuse("is not quantized by the checkpoint, so " + asked + " does not fit it", "its weights have 8 bits");
      continue;
    }
    if (named_bits_ && (weight != *named_bits_ || activation != *named_bits_))
      return refuse("was trained at " + std::to_string(*named_bits_) + " bits, so " + asked + " does not fit the checkpoint",
                    "use --bits W" + std::to_string(*named_bits_) + "A" + std::to_string(*named_bits_));
    if (weight < 2 || weight > kMostWeightBits || activation < 1 || activation > kMostApotBits)
      return refuse("can't have " + asked, "APoT weights have 2 to 6 bits here, activations 1 to 6");
  }
  return {};
}

Result<ApotCheckpoint::Lowered> ApotCheckpoint::lower(const BitAssignment& assignment, const network::Normalization& normalization,
                                                      const LoweringOptions& options) const {
  DYAD_CHECK(check_bits(assignment));
  DYAD_TRY(Network plain, network::fold_batch_norms(network_));
  DYAD_CHECK(plain.infer_shapes());
  DYAD_TRY(const SplitInput split, split_input(plain, normalization));
  const Network& folded = split.network;
  network::Normalization pixels = normalization;
  if (!split.parts.empty()) std::fill(pixels.stddev.begin(), pixels.stddev.end(), 1.0f);  // the parts' steps hold it
  Lowered result;
  NetworkNumbers numbers;
  std::vector<NodeId> free_inputs;
  for (const NodeId id : network::weighted_nodes(folded)) {
    const Node& node = folded.node(id);
    const auto part = split.parts.find(node.name);
    const std::string& name = part == split.parts.end() ? node.name : part->second.layer;
    const NodeId original = *network_.find(name);
    const std::vector<float> factors = fold_factors(network_, original);
    const auto thresholds = thresholds_.find(name);
    const bool has_levels = thresholds != thresholds_.end();
    LayerNumbers& layer = numbers.layers[id];
    layer.bits = assignment.at(name);
    DYAD_TRY(Projection projection, has_levels
                                        ? project_levels(network_.node(original), layer.bits.weight, thresholds->second.weight, place_)
                                        : project_edge(network_.node(original), place_));
    result.mse[name] = folded_mse(projection, factors);
    layer.weights = std::move(projection.weights);
    for (std::size_t c = 0; c < factors.size(); ++c) layer.weights.scales[c] *= factors[c];
    layer.bias = node.bias;
    layer.bias.resize(factors.size(), 0.0f);
    if (part != split.parts.end()) {
      keep_channel(part->second.channel, normalization.stddev[static_cast<std::size_t>(part->second.channel)], layer);
    } else if (has_levels) {
      const LevelSet levels{LevelScheme::kApot, layer.bits.activation};
      const auto largest = static_cast<float>(level_magnitudes(levels).back());
      layer.input = {level_format(levels, false), thresholds->second.activation / largest, levels};
    } else {
      free_inputs.push_back(id);
    }
  }
  const std::vector<Range> bounds = value_bounds(folded, pixels, numbers.layers);
  for (const NodeId id : free_inputs) {
    LayerNumbers& layer = numbers.layers.at(id);
    const Range range = bounds[folded.inputs(id)[0]];
    layer.input = format_of(range, free_input(range.lowest < 0, layer.weights));
    layer.bits.activation = layer.input.format.bits;
  }
  for (NodeId id = 0; id < folded.size(); ++id) {
    int bits = kCarrierBits;
    if (const OpKind kind = folded.node(id).kind; kind == OpKind::kAveragePool || kind == OpKind::kGlobalAveragePool) {
      const Window window = network::layer_shape(folded, id).window;  // whose sum stays in int32
      while (std::int64_t{window.kernel_h} * window.kernel_w > kMostSum >> (bits - 1)) --bits;
    }
    numbers.carriers.push_back(format_of(bounds[id], {bits, true}));
  }
  for (const auto& [id, layer] : numbers.layers) result.assignment[folded.node(id).name] = layer.bits;
  LoweringOptions exact = options;
  exact.exact_affine = true;
  DYAD_TRY(result.network, quantizer::lower(folded, pixels, numbers, exact));
  return result;
}

}  // namespace dyad::quantizer
