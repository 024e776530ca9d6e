// Calibration: folds, observes every tensor on the images, and fixes the format of every layer's input and every carrier.
#include "dyad/quantizer/post_training.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "dyad/base/json.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/network/float_executor.hpp"
#include "dyad/network/summary.hpp"
#include "dyad/ranges/observers.hpp"
#include "post_training_state.hpp"

namespace dyad::quantizer {
namespace {

using network::is_weighted;
using network::Network;
using network::Node;
using network::NodeId;
using network::OpKind;

constexpr std::int64_t kBatchBytes = std::int64_t{32} << 20;        // activations of one batch
constexpr std::int64_t kBatchesPerRound = 8;                        // batches kept until the observers have seen them
constexpr std::int64_t kCorrectionBytes = std::int64_t{768} << 20;  // activations alive during bias correction

std::string place_of(const Network& network) { return network.name.empty() ? "network" : network.name; }

// The output's values are among the input's, or averages of them.
bool keeps_range(OpKind kind) {
  return kind == OpKind::kMaxPool || kind == OpKind::kAveragePool || kind == OpKind::kGlobalAveragePool || kind == OpKind::kFlatten ||
         kind == OpKind::kSubsample || kind == OpKind::kIdentity;
}

// The real values of u8 pixels.
Range pixel_range(const network::Normalization& normalization) {
  Range range{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
  for (std::size_t c = 0; c < normalization.mean.size(); ++c)
    for (const float pixel : {0.0f, 1.0f}) {
      const float value = (pixel - normalization.mean[c]) / normalization.stddev[c];
      range.lowest = std::min(range.lowest, value);
      range.highest = std::max(range.highest, value);
    }
  return range;
}

float scale_of(Range range, BitWidth format) {
  const float magnitude = format.is_signed ? std::max(-range.lowest, range.highest) : range.highest;
  const auto levels = static_cast<float>(std::max<std::int64_t>(format.highest(), 1));
  return (magnitude > 0 ? magnitude : 1.0f) / levels;  // a tensor that was always zero may have any step
}

// What a batch leaves: tensors for the observers, extremes of every node, channel sums of every layer.
struct BatchResult {
  std::vector<Tensor<float>> tensors;
  std::vector<float> largest;
  std::map<NodeId, std::vector<double>> channel_sums;
  std::optional<NodeId> not_finite;
};

void add_channel_sums(const Tensor<float>& values, std::int64_t images, std::vector<double>& sums) {
  const std::int64_t channels = values.shape().back();
  const std::int64_t count = images * (values.size() / values.extent(0));
  sums.assign(static_cast<std::size_t>(channels), 0.0);
  for (std::int64_t i = 0; i < count; i += channels)
    for (std::int64_t c = 0; c < channels; ++c) sums[static_cast<std::size_t>(c)] += static_cast<double>(values[i + c]);
}

}  // namespace

// Fills a State step by step.
class Calibrator {
 public:
  explicit Calibrator(PostTrainingAccess::State& state) : s_(state) {}

  Result<void> run() {
    DYAD_CHECK(check_images());
    analyse();
    DYAD_CHECK(make_observers());
    DYAD_CHECK(observe());
    choose_formats();
    return {};
  }

 private:
  Result<void> check_images() const {
    const Shape& expected = s_.folded.node(s_.folded.input()).output_shape;
    const Shape& have = s_.images.images.shape();
    if (s_.images.size() == 0)
      return Error{s_.images.name, "no images to calibrate on", "at least one image is needed, some hundreds are usual"};
    if (have.size() != 4 || Shape(have.begin() + 1, have.end()) != expected)
      return Error{s_.images.name,
                   "the images are " + to_string(Shape(have.begin() + 1, have.end())) + ", the network reads " + to_string(expected),
                   "choose data of the network's image size"};
    const auto channels = static_cast<std::size_t>(expected[2]);
    if (s_.normalization.mean.size() != channels || s_.normalization.stddev.size() != channels)
      return Error{"normalization", "has not one mean and standard deviation for each of " + std::to_string(channels) + " channels",
                   "name one that fits the images"};
    return {};
  }

  void analyse() {
    s_.order = s_.folded.execution_order();
    s_.layers = network::weighted_nodes(s_.folded);
    const std::size_t n = s_.folded.size();
    s_.nonnegative.assign(n, false);
    s_.bound.assign(n, std::numeric_limits<float>::infinity());
    s_.largest.assign(n, 0);
    const Range pixels = pixel_range(s_.normalization);
    for (const NodeId id : s_.order) {
      const OpKind kind = s_.folded.node(id).kind;
      const std::vector<NodeId> inputs = s_.folded.inputs(id);
      if (kind == OpKind::kInput) s_.nonnegative[id] = pixels.lowest >= 0;
      if (kind == OpKind::kRelu || kind == OpKind::kRelu6 || kind == OpKind::kSigmoid || kind == OpKind::kSoftmax)
        s_.nonnegative[id] = true;
      if (kind == OpKind::kAdd || kind == OpKind::kMul || kind == OpKind::kConcat || keeps_range(kind))
        s_.nonnegative[id] = std::all_of(inputs.begin(), inputs.end(), [&](NodeId input) { return s_.nonnegative[input]; });
      if (kind == OpKind::kRelu6) s_.bound[id] = 6;
      if (keeps_range(kind)) s_.bound[id] = s_.bound[inputs[0]];
    }
  }

  Result<void> make_observers() {
    std::set<NodeId> observed;
    for (const NodeId layer : s_.layers) observed.insert(s_.folded.inputs(layer)[0]);
    if (s_.options.residual_bits < kWideCarrierBits) observed.insert(s_.order.begin(), s_.order.end());
    for (const NodeId id : observed) {
      DYAD_TRY(auto observer, ranges::make_observer(s_.options.activations));
      const bool has_levels = s_.options.activation_levels != LevelScheme::kUniform && s_.folded.node(id).kind != OpKind::kInput;
      observers_[id] = has_levels ? make_level_observer(std::move(observer)) : std::move(observer);
    }
    return {};
  }

  Result<void> observe() {
    std::int64_t bytes = 0;
    for (const NodeId id : s_.order) bytes += 4 * element_count(s_.folded.node(id).output_shape);
    const std::int64_t batch = std::clamp<std::int64_t>(kBatchBytes / bytes, 1, kImageBatch);
    s_.correction_images = std::min(s_.images.size(), std::max<std::int64_t>(1, kCorrectionBytes / live_bytes()));
    const std::int64_t batches = (s_.images.size() + batch - 1) / batch;
    for (const NodeId layer : s_.layers) s_.channel_means[layer].assign(static_cast<std::size_t>(s_.folded.node(layer).out_channels), 0.0);
    for (std::int64_t first = 0; first < batches; first += kBatchesPerRound) {
      const std::int64_t count = std::min(kBatchesPerRound, batches - first);
      std::vector<BatchResult> results(static_cast<std::size_t>(count));
      parallel_for(count, [&](std::int64_t i) { results[static_cast<std::size_t>(i)] = evaluate_batch((first + i) * batch, batch); });
      for (const BatchResult& result : results) DYAD_CHECK(merge(result));
      std::vector<std::pair<NodeId, RangeObserver*>> observers;
      for (const auto& [id, observer] : observers_) observers.emplace_back(id, observer.get());
      parallel_for(static_cast<std::int64_t>(observers.size()), [&](std::int64_t i) {
        const auto& [id, observer] = observers[static_cast<std::size_t>(i)];
        for (const BatchResult& result : results) observer->observe(result.tensors[id].values());
      });
    }
    for (const NodeId layer : s_.layers) {
      const Shape& shape = s_.folded.node(layer).output_shape;
      const auto count = static_cast<double>(s_.correction_images * shape[0] * shape[1]);
      for (double& mean : s_.channel_means[layer]) mean /= count;
    }
    return {};
  }

  BatchResult evaluate_batch(std::int64_t begin, std::int64_t batch) const {
    const std::int64_t count = std::min(batch, s_.images.size() - begin);
    BatchResult result;
    result.tensors = network::evaluate_all(s_.folded, s_.images.normalized(begin, count, s_.normalization));
    result.largest.assign(s_.folded.size(), 0);
    for (const NodeId id : s_.order) {
      Tensor<float>& tensor = result.tensors[id];
      float largest = 0;
      bool finite = true;
      for (const float v : tensor.values()) {
        const float magnitude = std::fabs(v);
        finite = finite && magnitude <= std::numeric_limits<float>::max();
        largest = magnitude > largest ? magnitude : largest;
      }
      result.largest[id] = largest;
      if (!finite && !result.not_finite) result.not_finite = id;
      if (is_weighted(s_.folded.node(id).kind) && begin < s_.correction_images)
        add_channel_sums(tensor, std::min(count, s_.correction_images - begin), result.channel_sums[id]);
      if (!observers_.contains(id)) tensor = Tensor<float>();
    }
    return result;
  }

  Result<void> merge(const BatchResult& result) {
    if (result.not_finite)
      return Error{place_of(s_.folded) + ":/" + s_.folded.node(*result.not_finite).name,
                   "'" + s_.folded.node(*result.not_finite).name + "' produces values that are not finite",
                   "check the weights and the normalization"};
    for (std::size_t id = 0; id < s_.largest.size(); ++id) s_.largest[id] = std::max(s_.largest[id], result.largest[id]);
    for (const auto& [layer, sums] : result.channel_sums)
      for (std::size_t c = 0; c < sums.size(); ++c) s_.channel_means[layer][c] += sums[c];
    return {};
  }

  // Most bytes of activations alive at once when one image is evaluated node by node.
  std::int64_t live_bytes() const {
    std::vector<std::size_t> uses(s_.folded.size(), 0);
    for (const NodeId id : s_.order)
      for (const NodeId input : s_.folded.inputs(id)) ++uses[input];
    std::int64_t live = 0, most = 1;
    for (const NodeId id : s_.order) {
      live += 4 * element_count(s_.folded.node(id).output_shape);
      most = std::max(most, live);
      for (const NodeId input : s_.folded.inputs(id))
        if (--uses[input] == 0) live -= 4 * element_count(s_.folded.node(input).output_shape);
    }
    return most;
  }

  void choose_formats() {
    std::vector<std::pair<NodeId, int>> wanted;
    for (const NodeId layer : s_.layers) {
      const NodeId source = s_.folded.inputs(layer)[0];
      if (s_.input_formats.contains(source)) continue;
      s_.input_formats[source] = {};
      for (int bits = kLeastBits; bits <= kMostBits; ++bits) wanted.emplace_back(source, bits);
    }
    parallel_for(static_cast<std::int64_t>(wanted.size()), [&](std::int64_t i) {
      const auto& [source, bits] = wanted[static_cast<std::size_t>(i)];
      s_.input_formats.at(source)[static_cast<std::size_t>(bits)] = layer_input(source, bits);
    });
    s_.carriers.resize(s_.folded.size());
    for (const NodeId id : s_.order) s_.carriers[id] = carrier_format(id);
  }

  ScaledFormat observed_format(NodeId source, int bits) const {
    const BitWidth format{bits, !s_.nonnegative[source]};
    if (s_.folded.node(source).kind == OpKind::kInput && bits == 8) return {format, scale_of(pixel_range(s_.normalization), format)};
    Range range = observers_.at(source)->range(format);
    range.highest = std::min(range.highest, s_.bound[source]);
    return {format, scale_of(range, format)};
  }

  // A layer's input: the observed format, or levels up to the observed range.
  ScaledFormat layer_input(NodeId source, int bits) const {
    const ScaledFormat uniform = observed_format(source, bits);
    if (s_.folded.node(source).kind == OpKind::kInput) return uniform;
    const LevelSet levels = levels_of(s_.options.activation_levels, bits, uniform.format.is_signed);
    if (levels.is_uniform() || !is_known(levels)) return uniform;  // an unknown set is refused when somebody asks for it
    const float threshold = uniform.scale * static_cast<float>(std::max<std::int64_t>(uniform.format.highest(), 1));
    return {level_format(levels, uniform.format.is_signed), threshold / static_cast<float>(level_magnitudes(levels).back()), levels};
  }

  ScaledFormat carrier_format(NodeId id) const {
    const OpKind kind = s_.folded.node(id).kind;
    if (kind == OpKind::kInput) return observed_pixels(id);
    if (keeps_range(kind)) return s_.carriers[s_.folded.inputs(id)[0]];
    const int bits = s_.options.residual_bits;
    if (bits < kWideCarrierBits) return observed_format(id, bits);
    const BitWidth format{bits, !s_.nonnegative[id] || bits >= kMaxOperandBits};
    const float range = std::min(2 * s_.largest[id], s_.bound[id]);
    return {format, scale_of({-range, range}, format)};
  }

  ScaledFormat observed_pixels(NodeId id) const {
    const BitWidth format{8, !s_.nonnegative[id]};
    return {format, scale_of(pixel_range(s_.normalization), format)};
  }

  PostTrainingAccess::State& s_;
  std::map<NodeId, std::unique_ptr<RangeObserver>> observers_;
};

CalibratedNetwork::CalibratedNetwork(std::unique_ptr<State> state) : state_(std::move(state)) {}
CalibratedNetwork::CalibratedNetwork(CalibratedNetwork&&) noexcept = default;
CalibratedNetwork& CalibratedNetwork::operator=(CalibratedNetwork&&) noexcept = default;
CalibratedNetwork::~CalibratedNetwork() = default;

Result<CalibratedNetwork> CalibratedNetwork::calibrate(const Network& network, const network::Dataset& images,
                                                       const network::Normalization& normalization, const PostTrainingOptions& options) {
  if (options.residual_bits < 4 || options.residual_bits > kMaxOperandBits)
    return Error{"residual_bits", "is " + std::to_string(options.residual_bits), "4 to 16 bits"};
  auto state = std::make_unique<State>();
  state->options = options;
  DYAD_TRY(state->folded, network::fold_batch_norms(network));
  DYAD_CHECK(state->folded.infer_shapes());
  if (!state->folded.has_weights())
    return Error{place_of(network), "has no weights", "load a trained model, or add weights to the topology"};
  state->images = images;
  state->normalization = normalization;
  DYAD_CHECK(Calibrator(*state).run());
  return CalibratedNetwork(std::move(state));
}

const Network& CalibratedNetwork::folded() const { return state_->folded; }
const PostTrainingOptions& CalibratedNetwork::options() const { return state_->options; }
const network::Dataset& CalibratedNetwork::images() const { return state_->images; }
const network::Normalization& CalibratedNetwork::normalization() const { return state_->normalization; }
const std::vector<NodeId>& CalibratedNetwork::layers() const { return state_->layers; }

QuantizedWeights CalibratedNetwork::quantize_weights(NodeId layer, int bits) const {
  const std::pair key{layer, bits};
  {
    const std::lock_guard lock(state_->weights_mutex);
    if (const auto found = state_->weights.find(key); found != state_->weights.end()) return found->second;
  }
  const LevelSet levels = levels_of(state_->options.weight_levels, bits, true);
  const Tensor<float>& real = state_->folded.node(layer).weight;
  QuantizedWeights weights = levels.is_uniform() ? quantize_by_rule(real, bits, state_->options.weights)
                                                 : quantize_to_levels(real, levels, state_->options.weights);
  const std::lock_guard lock(state_->weights_mutex);
  return state_->weights.emplace(key, std::move(weights)).first->second;
}

const ScaledFormat& CalibratedNetwork::input(NodeId layer, int bits) const {
  DYAD_EXPECT(bits >= kLeastBits && bits <= kMostBits, "activations have 2 to 8 bits");
  return state_->input_formats.at(state_->folded.inputs(layer).at(0))[static_cast<std::size_t>(bits)];
}
float CalibratedNetwork::input_scale(NodeId layer, int bits) const { return input(layer, bits).scale; }
BitWidth CalibratedNetwork::input_format(NodeId layer, int bits) const { return input(layer, bits).format; }

const std::vector<ScaledFormat>& CalibratedNetwork::carriers() const { return state_->carriers; }

Result<NetworkNumbers> CalibratedNetwork::numbers(const BitAssignment& assignment) const {
  DYAD_CHECK(check_assignment(*this, assignment));
  std::vector<std::pair<NodeId, int>> wanted;
  for (const NodeId layer : layers()) wanted.emplace_back(layer, assignment.at(folded().node(layer).name).weight);
  prepare_weights(*this, wanted);
  NetworkNumbers result;
  result.carriers = state_->carriers;
  for (const NodeId layer : layers()) {
    const Node& node = folded().node(layer);
    const LayerBits bits = assignment.at(node.name);
    LayerNumbers& numbers = result.layers[layer];
    numbers.bits = bits;
    numbers.weights = quantize_weights(layer, bits.weight);
    numbers.bias = node.bias;
    numbers.bias.resize(static_cast<std::size_t>(node.out_channels), 0.0f);
    numbers.input = input(layer, bits.activation);
  }
  return result;
}

namespace {

// The level sets of a layer's weights and input exist and fit the integer network.
Result<void> check_levels(const CalibratedNetwork& network, NodeId layer, LayerBits bits) {
  const std::string& name = network.folded().node(layer).name;
  const auto refuse = [&](const std::string& message, const std::string& hint) {
    return Error{"bits:/layers/" + pointer_token(name), "the layer '" + name + "': " + message, hint};
  };
  const LevelSet weights = levels_of(network.options().weight_levels, bits.weight, true);
  if (!is_known(weights) || (!weights.is_uniform() && level_magnitudes(weights).back() > INT8_MAX))
    return refuse("weights of " + std::to_string(bits.weight) + " bits have no level set of the scheme '" +
                      std::string(to_string(weights.scheme)) + "' that fits 8-bit integers",
                  "APoT weights have 2 to 6 bits, powers of two 2 to 4; 8 bits are uniform");
  const NodeId source = network.folded().inputs(layer)[0];
  const BitWidth format = network.input(layer, bits.activation).format;
  if (network.folded().node(source).kind == OpKind::kInput) return {};
  if (!is_known(levels_of(network.options().activation_levels, bits.activation, format.is_signed)))
    return refuse("there is no APoT set of " + std::to_string(bits.activation) + "-bit activations",
                  "2 to 6 bits, or 8, which are uniform");
  return {};
}

}  // namespace

Result<void> check_assignment(const CalibratedNetwork& network, const BitAssignment& assignment) {
  for (const NodeId layer : network.layers()) {
    const std::string& name = network.folded().node(layer).name;
    const auto found = assignment.find(name);
    if (found == assignment.end())
      return Error{"bits:/layers/" + pointer_token(name), "the layer '" + name + "' has no bits",
                   "every convolution and fully connected layer needs an entry"};
    for (const int bits : {found->second.weight, found->second.activation})
      if (bits < kLeastBits || bits > kMostBits)
        return Error{"bits:/layers/" + pointer_token(name), "the layer '" + name + "' has " + std::to_string(bits) + " bits",
                     "integer networks have 2 to 8 bits a layer"};
    DYAD_CHECK(check_levels(network, layer, found->second));
  }
  if (assignment.size() == network.layers().size()) return {};
  for (const auto& [name, bits] : assignment) {
    const auto id = network.folded().find(name);
    if (!id || !is_weighted(network.folded().node(*id).kind))
      return Error{"bits:/layers/" + pointer_token(name), "'" + name + "' is no convolution or fully connected layer",
                   "`dyad inspect` lists the names"};
  }
  return {};
}

BitAssignment uniform_assignment(const Network& network, LayerBits bits, bool all_layers) {
  return network::uniform_bits(network, bits, all_layers);
}

}  // namespace dyad::quantizer
