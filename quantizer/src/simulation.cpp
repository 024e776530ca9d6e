#include "simulation.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/base/parallel.hpp"
#include "dyad/network/float_executor.hpp"
#include "dyad/quantizer/uniform.hpp"

namespace dyad::quantizer {

using network::NodeId;
using network::OpKind;

namespace {

// The bias as the integer network holds it: a multiple of its channel's accumulator step. Beyond 2^22 steps float32 holds no fraction to
// lose.
float rounded_bias(float bias, float scale_in, float scale_weight) {
  const float step = scale_in * scale_weight;
  const float steps = bias * (1.0f / step);
  return std::fabs(steps) < 0x1.0p22f ? std::nearbyint(steps) * step : bias;
}

}  // namespace

std::vector<ImageBatch> image_batches(std::int64_t count) {
  std::vector<ImageBatch> batches;
  for (std::int64_t begin = 0; begin < count; begin += kImageBatch) batches.push_back({begin, std::min(kImageBatch, count - begin)});
  return batches;
}

Simulation::Simulation(const CalibratedNetwork& network, const NetworkNumbers& numbers, const LoweringPlan& plan)
    : state_(PostTrainingAccess::state(network)), numbers_(numbers), plan_(plan) {
  for (const auto& [layer, layer_numbers] : numbers.layers) weights_.emplace(layer, dequantized(layer_numbers.weights));

  const auto& order = state_.order;
  std::vector<std::size_t> last_use(state_.folded.size(), 0);
  for (std::size_t i = 0; i < order.size(); ++i)
    for (const NodeId input : state_.folded.inputs(order[i])) last_use[input] = i;
  dead_after_.resize(order.size());
  for (const NodeId id : order)
    if (id != plan_.output && id != state_.folded.output()) dead_after_[last_use[id]].push_back(id);
}

void Simulation::round_carrier(NodeId id, Tensor<float>& values) const {
  const TensorPlan& plan = plan_.tensors[id];
  if (plan.role == TensorRole::kCarrier) fake_quantize(values.values(), plan.format.scale, plan.format.format);
}

float Simulation::round_bias(NodeId layer, std::size_t channel, float bias) const {
  return rounded_bias(bias, plan_.layer_inputs.at(layer).scale, numbers_.layers.at(layer).weights.scales[channel]);
}

Tensor<float> Simulation::evaluate(NodeId id, const Tensors& values, const LayerBiases& biases) const {
  const std::vector<NodeId> sources = state_.folded.inputs(id);
  if (const auto weights = weights_.find(id); weights != weights_.end()) {
    Tensor<float> input = values[sources[0]];
    round_to(plan_.layer_inputs.at(id), input.values());
    return network::evaluate_weighted(state_.folded, id, input, weights->second, biases.at(id));
  }
  std::vector<const Tensor<float>*> inputs;
  for (const NodeId source : sources) inputs.push_back(&values[source]);
  return network::evaluate_node(state_.folded, id, inputs);
}

LayerBiases Simulation::biases() const {
  LayerBiases biases;
  for (const NodeId layer : state_.layers) {
    biases[layer] = numbers_.layers.at(layer).bias;
    for (std::size_t c = 0; c < biases[layer].size(); ++c) biases[layer][c] = round_bias(layer, c, biases[layer][c]);
  }
  if (!state_.options.bias_correction) return biases;

  const std::int64_t images = state_.correction_images;
  const std::vector<ImageBatch> batches = image_batches(images);
  std::vector<Tensors> values(batches.size(), Tensors(state_.folded.size()));
  for (std::size_t position = 0; position < state_.order.size(); ++position) {
    const NodeId id = state_.order[position];
    parallel_for(static_cast<std::int64_t>(batches.size()), [&](std::int64_t b) {
      const auto index = static_cast<std::size_t>(b);
      values[index][id] = state_.folded.node(id).kind == OpKind::kInput
                              ? state_.images.normalized(batches[index].begin, batches[index].size, state_.normalization)
                              : evaluate(id, values[index], biases);
    });
    if (weights_.contains(id)) correct(id, values, images, biases);
    parallel_for(static_cast<std::int64_t>(batches.size()), [&](std::int64_t b) {
      Tensors& batch = values[static_cast<std::size_t>(b)];
      round_carrier(id, batch[id]);
      for (const NodeId dead : dead_after_[position]) batch[dead] = Tensor<float>();
    });
  }
  return biases;
}

void Simulation::correct(NodeId layer, std::vector<Tensors>& batches, std::int64_t images, LayerBiases& biases) const {
  const Shape& shape = state_.folded.node(layer).output_shape;
  const auto channels = static_cast<std::size_t>(shape[2]);
  std::vector<std::vector<double>> sums(batches.size(), std::vector<double>(channels, 0.0));
  parallel_for(static_cast<std::int64_t>(batches.size()), [&](std::int64_t b) {
    const auto index = static_cast<std::size_t>(b);
    const std::span<const float> values = batches[index][layer].values();
    for (std::size_t i = 0; i < values.size(); i += channels)
      for (std::size_t c = 0; c < channels; ++c) sums[index][c] += static_cast<double>(values[i + c]);
  });
  const auto count = static_cast<double>(images * shape[0] * shape[1]);
  std::vector<float> shift(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (const std::vector<double>& batch : sums) sum += batch[c];
    float& bias = biases.at(layer)[c];
    const float corrected = round_bias(layer, c, bias + static_cast<float>(state_.channel_means.at(layer)[c] - sum / count));
    shift[c] = corrected - bias;
    bias = corrected;
  }
  parallel_for(static_cast<std::int64_t>(batches.size()), [&](std::int64_t b) {
    const std::span<float> values = batches[static_cast<std::size_t>(b)][layer].values();
    for (std::size_t i = 0; i < values.size(); i += channels)
      for (std::size_t c = 0; c < channels; ++c) values[i + c] += shift[c];
  });
}

Tensor<float> Simulation::logits(const network::Dataset& images, const LayerBiases& biases) const {
  const std::vector<ImageBatch> batches = image_batches(images.size());
  const std::int64_t classes = state_.folded.node(plan_.output).output_shape[2];
  Tensor<float> result({images.size(), classes});
  parallel_for(static_cast<std::int64_t>(batches.size()), [&](std::int64_t b) {
    const ImageBatch& batch = batches[static_cast<std::size_t>(b)];
    Tensors values(state_.folded.size());
    for (std::size_t position = 0; position < state_.order.size(); ++position) {
      const NodeId id = state_.order[position];
      values[id] = state_.folded.node(id).kind == OpKind::kInput ? images.normalized(batch.begin, batch.size, state_.normalization)
                                                                 : evaluate(id, values, biases);
      round_carrier(id, values[id]);
      for (const NodeId dead : dead_after_[position]) values[dead] = Tensor<float>();
    }
    const std::span<const float> out = values[plan_.output].values();
    std::copy(out.begin(), out.end(), result.data() + batch.begin * classes);
  });
  return result;
}

Result<LoweringPlan> plan_of(const CalibratedNetwork& network, const NetworkNumbers& numbers) {
  std::map<NodeId, ScaledFormat> inputs;
  for (const auto& [layer, layer_numbers] : numbers.layers) inputs.emplace(layer, layer_numbers.input);
  return plan_lowering(network.folded(), std::move(inputs), numbers.carriers);
}

Result<IntegerNetwork> CalibratedNetwork::quantize(const BitAssignment& assignment) const {
  DYAD_TRY(NetworkNumbers corrected, numbers(assignment));
  DYAD_TRY(const LoweringPlan plan, plan_of(*this, corrected));
  for (auto& [layer, bias] : Simulation(*this, corrected, plan).biases()) corrected.layers.at(layer).bias = std::move(bias);
  return lower(folded(), normalization(), corrected, options());
}

}  // namespace dyad::quantizer
