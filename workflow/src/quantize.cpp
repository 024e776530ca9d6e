#include "dyad/workflow/quantize.hpp"

#include <nlohmann/json.hpp>

#include "dyad/quantizer/sensitivity.hpp"

namespace dyad::workflow {
OrderedJson quantization_document(const quantizer::CalibratedNetwork& calibrated, const BitAssignment& assignment, const std::string& out) {
  OrderedJson layers = OrderedJson::array();
  for (const network::NodeId id : calibrated.layers()) {
    const network::Node& node = calibrated.folded().node(id);
    const LayerBits bits = assignment.at(node.name);
    layers.push_back({{"name", node.name},
                      {"w_bits", bits.weight},
                      {"a_bits", bits.activation},
                      {"mse", quantizer::weight_error(calibrated, id, bits.weight) / static_cast<double>(node.weight.size())}});
  }
  return {{"schema", "dyad.quantization/1"},
          {"version", DYAD_VERSION},
          {"model", calibrated.folded().name},
          {"layers", std::move(layers)},
          {"out", out}};
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
    layers.push_back({{"name", name},
                      {"w_bits", layer.bits},
                      {"a_bits", assignment.at(name).activation},
                      {"mse", layer.mse},
                      {"weights", layer.weights},
                      {"centroids", centroids},
                      {"size_bits", size}});
  }
  return {{"schema", "dyad.quantization/1"},
          {"version", DYAD_VERSION},
          {"model", calibrated.folded().name},
          {"scheme", "kmeans"},
          {"layers", std::move(layers)},
          {"size_bits", all},
          {"out", out}};
}

}  // namespace dyad::workflow
