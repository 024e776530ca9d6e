#include "dyad/workflow/quantize.hpp"

#include <nlohmann/json.hpp>

namespace dyad::workflow {
namespace {

/// Mean of (W - scale * q)^2 over a layer's weights.
double weight_error(const Tensor<float>& weight, const quantizer::QuantizedWeights& quantized) {
  const std::int64_t per_channel = weight.size() / weight.extent(0);
  double sum = 0;
  for (std::int64_t i = 0; i < weight.size(); ++i) {
    const double scale = quantized.scales.size() == 1 ? quantized.scales[0] : quantized.scales[static_cast<std::size_t>(i / per_channel)];
    const double difference = weight[i] - scale * quantized.values[i];
    sum += difference * difference;
  }
  return sum / static_cast<double>(weight.size());
}

}  // namespace

OrderedJson quantization_document(const quantizer::CalibratedNetwork& calibrated, const BitAssignment& assignment, const std::string& out) {
  OrderedJson layers = OrderedJson::array();
  for (const network::NodeId id : calibrated.layers()) {
    const network::Node& node = calibrated.folded().node(id);
    const LayerBits bits = assignment.at(node.name);
    layers.push_back({{"name", node.name},
                      {"w_bits", bits.weight},
                      {"a_bits", bits.activation},
                      {"mse", weight_error(node.weight, calibrated.quantize_weights(id, bits.weight))}});
  }
  return {{"schema", "dyad.quantization/1"},
          {"version", DYAD_VERSION},
          {"model", calibrated.folded().name},
          {"layers", std::move(layers)},
          {"out", out}};
}

}  // namespace dyad::workflow
