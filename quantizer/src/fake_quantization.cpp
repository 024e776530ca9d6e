#include "dyad/quantizer/fake_quantization.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "dyad/base/json.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/network/float_executor.hpp"
#include "dyad/quantizer/uniform.hpp"
#include "simulation.hpp"

namespace dyad::quantizer {
namespace {

using network::NodeId;

// log sum exp of one image's logits, shifted by the largest.
double log_normalizer(std::span<const float> logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float v : logits) sum += std::exp(static_cast<double>(v) - most);
  return most + std::log(sum);
}

// Sums, not means, over the images of two equal blocks of logits.
LogitsError summed_error(std::span<const float> reference, std::span<const float> quantized, std::size_t classes) {
  LogitsError sum;
  for (std::size_t i = 0; i < reference.size(); i += classes) {
    const auto a = reference.subspan(i, classes), b = quantized.subspan(i, classes);
    const double a_norm = log_normalizer(a), b_norm = log_normalizer(b);
    for (std::size_t c = 0; c < classes; ++c) {
      const double x = a[c], y = b[c];
      sum.mse += (x - y) * (x - y);
      sum.kl += std::exp(x - a_norm) * ((x - a_norm) - (y - b_norm));
    }
  }
  return sum;
}

LogitsError mean_error(LogitsError sum, std::int64_t images, std::int64_t classes) {
  return {sum.mse / static_cast<double>(images * classes), std::max(sum.kl / static_cast<double>(images), 0.0)};
}

// The nodes that depend on a layer, and which of their tensors may go when.
struct Suffix {
  std::vector<NodeId> nodes;                    ///< behind the layer, in execution order
  std::vector<bool> changed;                    ///< by node: the layer or behind it
  std::vector<std::vector<NodeId>> dead_after;  ///< by position in `nodes`
};

class Prober {
 public:
  Prober(const CalibratedNetwork& network, const network::Dataset& images, std::span<const LayerProbe> probes)
      : network_(network), s_(PostTrainingAccess::state(network)), images_(images), probes_(probes) {
    std::vector<std::pair<NodeId, int>> wanted;
    for (const LayerProbe& probe : probes_) {
      if (!suffixes_.contains(probe.layer)) suffixes_.emplace(probe.layer, suffix_of(probe.layer));
      if (probe.weight_bits) wanted.emplace_back(probe.layer, *probe.weight_bits);
    }
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    prepare_weights(network_, wanted);
    for (const auto& [layer, bits] : wanted) weights_.emplace(std::pair(layer, bits), dequantized(network_.quantize_weights(layer, bits)));
    find_kept();
  }

  std::vector<LogitsError> run() const {
    const std::vector<ImageBatch> batches = image_batches(images_.size());
    const std::int64_t classes = s_.folded.node(s_.folded.output()).output_shape[2];
    std::vector<std::vector<LogitsError>> sums(batches.size(), std::vector<LogitsError>(probes_.size()));
    parallel_for(static_cast<std::int64_t>(batches.size()), [&](std::int64_t b) {
      const auto index = static_cast<std::size_t>(b);
      run_batch(batches[index], static_cast<std::size_t>(classes), sums[index]);
    });
    std::vector<LogitsError> result(probes_.size());
    for (std::size_t p = 0; p < probes_.size(); ++p) {
      LogitsError sum;
      for (const auto& batch : sums) {
        sum.mse += batch[p].mse;
        sum.kl += batch[p].kl;
      }
      result[p] = mean_error(sum, images_.size(), classes);
    }
    return result;
  }

 private:
  Suffix suffix_of(NodeId layer) const {
    Suffix suffix;
    suffix.changed.assign(s_.folded.size(), false);
    suffix.changed[layer] = true;
    for (const NodeId id : s_.order) {
      const std::vector<NodeId> inputs = s_.folded.inputs(id);
      if (id == layer || std::none_of(inputs.begin(), inputs.end(), [&](NodeId input) { return suffix.changed[input]; })) continue;
      suffix.changed[id] = true;
      suffix.nodes.push_back(id);
    }
    std::map<NodeId, std::size_t> last_use;
    for (std::size_t i = 0; i < suffix.nodes.size(); ++i)
      for (const NodeId input : s_.folded.inputs(suffix.nodes[i]))
        if (suffix.changed[input]) last_use[input] = i;
    suffix.dead_after.resize(suffix.nodes.size());
    for (const auto& [id, position] : last_use)
      if (id != s_.folded.output()) suffix.dead_after[position].push_back(id);
    return suffix;
  }

  // Float tensors that some probe reads: inputs of probed layers, and what crosses into the part behind them.
  void find_kept() {
    kept_.assign(s_.folded.size(), false);
    kept_[s_.folded.output()] = true;
    for (const auto& [layer, suffix] : suffixes_) {
      kept_[s_.folded.inputs(layer)[0]] = true;
      for (const NodeId id : suffix.nodes)
        for (const NodeId input : s_.folded.inputs(id))
          if (!suffix.changed[input]) kept_[input] = true;
    }
  }

  void run_batch(const ImageBatch& batch, std::size_t classes, std::vector<LogitsError>& sums) const {
    std::vector<Tensor<float>> reference = network::evaluate_all(s_.folded, images_.normalized(batch.begin, batch.size, s_.normalization));
    for (NodeId id = 0; id < reference.size(); ++id)
      if (!kept_[id]) reference[id] = Tensor<float>();
    const Tensor<float>& logits = reference[s_.folded.output()];
    for (std::size_t p = 0; p < probes_.size(); ++p)
      sums[p] = summed_error(logits.values(), probe(probes_[p], reference).values(), classes);
  }

  Tensor<float> probe(const LayerProbe& probe, const std::vector<Tensor<float>>& reference) const {
    const network::Node& node = s_.folded.node(probe.layer);
    const NodeId source = s_.folded.inputs(probe.layer)[0];
    const Tensor<float>& weight = probe.weight_bits ? weights_.at({probe.layer, *probe.weight_bits}) : node.weight;
    std::vector<Tensor<float>> values(s_.folded.size());
    if (probe.input_bits) {
      Tensor<float> input = reference[source];
      round_to(network_.input(probe.layer, *probe.input_bits), input.values());
      values[probe.layer] = network::evaluate_weighted(s_.folded, probe.layer, input, weight, node.bias);
    } else {
      values[probe.layer] = network::evaluate_weighted(s_.folded, probe.layer, reference[source], weight, node.bias);
    }
    const Suffix& suffix = suffixes_.at(probe.layer);
    for (std::size_t i = 0; i < suffix.nodes.size(); ++i) {
      const NodeId id = suffix.nodes[i];
      std::vector<const Tensor<float>*> inputs;
      for (const NodeId input : s_.folded.inputs(id)) inputs.push_back(suffix.changed[input] ? &values[input] : &reference[input]);
      values[id] = network::evaluate_node(s_.folded, id, inputs);
      for (const NodeId dead : suffix.dead_after[i]) values[dead] = Tensor<float>();
    }
    return std::move(values[s_.folded.output()]);
  }

  const CalibratedNetwork& network_;
  const CalibratedState& s_;
  const network::Dataset& images_;
  std::span<const LayerProbe> probes_;
  std::map<NodeId, Suffix> suffixes_;
  std::map<std::pair<NodeId, int>, Tensor<float>> weights_;
  std::vector<bool> kept_;
};

Result<void> check_images(const CalibratedNetwork& network, const network::Dataset& images) {
  const Shape& expected = network.folded().node(network.folded().input()).output_shape;
  const Shape& have = images.images.shape();
  if (images.size() > 0 && have.size() == 4 && Shape(have.begin() + 1, have.end()) == expected) return {};
  return Error{images.name, images.size() == 0 ? "holds no images" : "the images are not " + to_string(expected),
               "choose data of the network's image size"};
}

}  // namespace

Result<std::vector<LogitsError>> probe_errors(const CalibratedNetwork& network, const network::Dataset& images,
                                              std::span<const LayerProbe> probes) {
  DYAD_CHECK(check_images(network, images));
  const auto valid = [](const std::optional<int>& bits) { return !bits || (*bits >= kLeastBits && *bits <= kMostBits); };
  for (const LayerProbe& probe : probes) {
    DYAD_EXPECT(std::find(network.layers().begin(), network.layers().end(), probe.layer) != network.layers().end(), "a probe of no layer");
    if (!valid(probe.weight_bits) || !valid(probe.input_bits))
      return Error{"bits:/layers/" + pointer_token(network.folded().node(probe.layer).name), "bits are outside 2 to 8",
                   "a layer has 2 to 8 bits"};
  }
  return Prober(network, images, probes).run();
}

Tensor<float> evaluate_float(const CalibratedNetwork& network, const network::Dataset& images) {
  const CalibratedState& state = PostTrainingAccess::state(network);
  const std::vector<ImageBatch> batches = image_batches(images.size());
  const std::int64_t classes = state.folded.node(state.folded.output()).output_shape[2];
  Tensor<float> result({images.size(), classes});
  parallel_for(static_cast<std::int64_t>(batches.size()), [&](std::int64_t b) {
    const ImageBatch& batch = batches[static_cast<std::size_t>(b)];
    const Tensor<float> logits = network::evaluate(state.folded, images.normalized(batch.begin, batch.size, state.normalization));
    std::copy(logits.values().begin(), logits.values().end(), result.data() + batch.begin * classes);
  });
  return result;
}

Result<Tensor<float>> evaluate_quantized(const CalibratedNetwork& network, const BitAssignment& assignment,
                                         const network::Dataset& images) {
  DYAD_CHECK(check_images(network, images));
  DYAD_TRY(const NetworkNumbers numbers, network.numbers(assignment));
  DYAD_TRY(const LoweringPlan plan, plan_of(network, numbers));
  const Simulation simulation(network, numbers, plan);
  return simulation.logits(images, simulation.biases());
}

LogitsError logits_error(const Tensor<float>& reference, const Tensor<float>& quantized) {
  DYAD_EXPECT(reference.shape() == quantized.shape() && reference.shape().size() == 2 && reference.size() > 0, "logits of different shape");
  const std::int64_t classes = reference.extent(1);
  return mean_error(summed_error(reference.values(), quantized.values(), static_cast<std::size_t>(classes)), reference.extent(0), classes);
}

double top1_percent(const Tensor<float>& logits, std::span<const std::int32_t> labels) {
  DYAD_EXPECT(static_cast<std::int64_t>(labels.size()) == logits.extent(0) && !labels.empty(), "one label an image");
  const std::int64_t classes = logits.extent(1);
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < logits.extent(0); ++i) {
    const float* row = logits.data() + i * classes;
    right += std::max_element(row, row + classes) - row == labels[static_cast<std::size_t>(i)] ? 1 : 0;
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace dyad::quantizer
