#include "dyad/quantizer/sensitivity.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "dyad/base/parallel.hpp"
#include "dyad/quantizer/fake_quantization.hpp"

namespace dyad::quantizer {
namespace {

constexpr std::int64_t kChunk = 64;  ///< images between two calls of keep_going

Result<void> add_traces(SensitivityTable& table, std::span<const LayerTrace> traces) {
  for (LayerSensitivity& layer : table.layers) {
    const auto found = std::find_if(traces.begin(), traces.end(), [&](const LayerTrace& trace) { return trace.name == layer.name; });
    if (found == traces.end())
      return Error{"traces", "layer '" + layer.name + "' has no Hessian trace", "measure the traces of this network"};
    if (found->params != layer.params)
      return Error{"traces",
                   "the trace of layer '" + layer.name + "' is of " + std::to_string(found->params) + " parameters, the layer has " +
                       std::to_string(layer.params),
                   "measure the traces of this network"};
    layer.trace = found->trace;
    layer.trace_stderr = found->trace_stderr;
    for (auto& [bits, error] : layer.error) error *= found->trace / static_cast<double>(layer.params);
  }
  return {};
}

/// Sums of errors over chunks of images, so that the caller hears of progress; means at the end.
Result<bool> measure_on_images(const CalibratedNetwork& network, SensitivityTable& table, std::span<const int> bits,
                               const network::Dataset& images, const KeepGoing& keep_going) {
  std::vector<LayerProbe> probes;
  for (const network::NodeId layer : network.layers())
    for (const int b : bits) {
      probes.push_back({layer, b, std::nullopt});
      probes.push_back({layer, std::nullopt, b});
    }
  std::vector<double> sums(probes.size(), 0);
  for (std::int64_t begin = 0; begin < images.size(); begin += kChunk) {
    if (!keep_going(begin, images.size())) return false;
    std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(kChunk, images.size() - begin)));
    std::iota(indices.begin(), indices.end(), begin);
    DYAD_TRY(const std::vector<LogitsError> errors, probe_errors(network, images.subset(indices), probes));
    for (std::size_t p = 0; p < probes.size(); ++p)
      sums[p] += (table.metric == SensitivityMetric::kKl ? errors[p].kl : errors[p].mse) * static_cast<double>(indices.size());
  }
  keep_going(images.size(), images.size());
  std::size_t p = 0;
  for (LayerSensitivity& layer : table.layers)
    for (const int b : bits) {
      layer.error[b] = sums[p++] / static_cast<double>(images.size());
      layer.input_error[b] = sums[p++] / static_cast<double>(images.size());
    }
  return true;
}

OrderedJson errors_to_json(const std::map<int, double>& errors) {
  OrderedJson object = OrderedJson::object();
  for (const auto& [bits, error] : errors) object[std::to_string(bits)] = error;
  return object;
}

}  // namespace

double weight_error(const CalibratedNetwork& network, network::NodeId layer, int bits) {
  const Tensor<float>& weight = network.folded().node(layer).weight;
  const QuantizedWeights quantized = network.quantize_weights(layer, bits);
  const std::int64_t channels = weight.extent(0), each = weight.size() / channels;
  double sum = 0;
  for (std::int64_t k = 0; k < channels; ++k)
    for (std::int64_t i = k * each; i < (k + 1) * each; ++i) {
      const double difference =
          weight[i] - static_cast<double>(quantized.values[i]) * static_cast<double>(quantized.scales[static_cast<std::size_t>(k)]);
      sum += difference * difference;
    }
  return sum;
}

std::string_view to_string(SensitivityMetric metric) {
  switch (metric) {
    case SensitivityMetric::kWeight: return "weight";
    case SensitivityMetric::kKl: return "kl";
    case SensitivityMetric::kHessian: return "hessian";
    default: return "mse";
  }
}

std::optional<SensitivityMetric> sensitivity_metric_from_name(std::string_view name) {
  for (const auto metric : {SensitivityMetric::kWeight, SensitivityMetric::kMse, SensitivityMetric::kKl, SensitivityMetric::kHessian})
    if (name == to_string(metric)) return metric;
  return std::nullopt;
}

Result<std::optional<SensitivityTable>> measure_sensitivity(const CalibratedNetwork& network, SensitivityMetric metric,
                                                            std::span<const int> bits, const network::Dataset& images,
                                                            std::span<const LayerTrace> traces, const KeepGoing& keep_going) {
  for (const int b : bits)
    if (b < 2 || b > 8) return Error{"bits", std::to_string(b) + " bits can't be measured", "weights and activations have 2 to 8 bits"};
  SensitivityTable table;
  table.metric = metric;
  for (const network::NodeId id : network.layers()) {
    LayerSensitivity& layer = table.layers.emplace_back();
    layer.name = network.folded().node(id).name;
    layer.params = network.folded().node(id).weight.size();
  }
  if (metric == SensitivityMetric::kMse || metric == SensitivityMetric::kKl) {
    if (images.size() == 0) return Error{"data", "there are no images to measure errors on", "give at least one"};
    table.images = images.size();
    DYAD_TRY(const bool finished, measure_on_images(network, table, bits, images, keep_going));
    if (!finished) return std::optional<SensitivityTable>();
    return std::optional(std::move(table));
  }
  if (!keep_going(0, 1)) return std::optional<SensitivityTable>();
  const std::size_t width = bits.size();
  std::vector<double> errors(table.layers.size() * width);
  parallel_for(static_cast<std::int64_t>(errors.size()), [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    errors[index] = weight_error(network, network.layers()[index / width], bits[index % width]);
  });
  for (std::size_t l = 0; l < table.layers.size(); ++l)
    for (std::size_t b = 0; b < width; ++b) table.layers[l].error[bits[b]] = errors[l * width + b];
  if (metric == SensitivityMetric::kHessian) DYAD_CHECK(add_traces(table, traces));
  keep_going(1, 1);
  return std::optional(std::move(table));
}

OrderedJson sensitivity_to_json(const SensitivityTable& table, const std::string& model) {
  OrderedJson layers = OrderedJson::array();
  for (const LayerSensitivity& layer : table.layers) {
    OrderedJson entry = {{"name", layer.name}, {"params", layer.params}};
    if (layer.trace) entry["trace"] = *layer.trace;
    if (layer.trace_stderr) entry["trace_stderr"] = *layer.trace_stderr;
    entry["error"] = errors_to_json(layer.error);
    if (!layer.input_error.empty()) entry["input_error"] = errors_to_json(layer.input_error);
    layers.push_back(std::move(entry));
  }
  return {{"schema", "dyad.sensitivity/1"},    {"version", DYAD_VERSION}, {"model", model},
          {"metric", to_string(table.metric)}, {"images", table.images},  {"layers", layers}};
}

}  // namespace dyad::quantizer
