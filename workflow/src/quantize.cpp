#include "dyad/workflow/quantize.hpp"

#include <nlohmann/json.hpp>

#include "dyad/quantizer/sensitivity.hpp"

namespace dyad::workflow {
namespace {

OrderedJson layer_entry(const std::string& name, LayerBits bits, double mse) {
  return {{"name", name}, {"w_bits", bits.weight}, {"a_bits", bits.activation}, {"mse", mse}};
}

OrderedJson document(const std::string& model, OrderedJson layers, const std::string& out) {
  return {{"schema", "dyad.quantization/1"}, {"version", DYAD_VERSION}, {"model", model}, {"layers", std::move(layers)}, {"out", out}};
}

}  // namespace

OrderedJson quantization_document(const quantizer::CalibratedNetwork& calibrated, const BitAssignment& assignment, const std::string& out) {
  OrderedJson layers = OrderedJson::array();
  for (const network::NodeId id : calibrated.layers()) {
    const network::Node& node = calibrated.folded().node(id);
    const LayerBits bits = assignment.at(node.name);
    layers.push_back(
        layer_entry(node.name, bits, quantizer::weight_error(calibrated, id, bits.weight) / static_cast<double>(node.weight.size())));
  }
  return document(calibrated.folded().name, std::move(layers), out);
}

OrderedJson quantization_document(const quantizer::ApotCheckpoint::Lowered& lowered, const std::string& out) {
  OrderedJson layers = OrderedJson::array();
  for (const IntegerLayer& layer : lowered.network.layers)
    if (const auto mse = lowered.mse.find(layer.name); mse != lowered.mse.end())
      layers.push_back(layer_entry(layer.name, lowered.assignment.at(layer.name), mse->second));
  return document(lowered.network.name, std::move(layers), out);
}

}  // namespace dyad::workflow
