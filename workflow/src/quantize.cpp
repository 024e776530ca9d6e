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

OrderedJson kmeans_document(const quantizer::CalibratedNetwork& calibrated, const BitAssignment& assignment,
                            const quantizer::KmeansNetwork& made, const std::string& out) {
  OrderedJson layers = OrderedJson::array();
  std::int64_t all = 0;
  for (const network::NodeId id : calibrated.layers()) {
    const std::string& name = calibrated.folded().node(id).name;
    const quantizer::KmeansLayer& layer = made.layers.at(name);
    const auto centroids = static_cast<std::int64_t>(layer.levels.size());
    const std::int64_t size = layer.bits * layer.weights + 8 * centroids;
    all += size;
    OrderedJson entry = layer_entry(name, {layer.bits, assignment.at(name).activation}, layer.mse);
    entry.update({{"weights", layer.weights}, {"centroids", centroids}, {"size_bits", size}});
    layers.push_back(std::move(entry));
  }
  OrderedJson result = document(calibrated.folded().name, std::move(layers), out);
  result.update({{"scheme", "kmeans"}, {"size_bits", all}});
  return result;
}

}  // namespace dyad::workflow
