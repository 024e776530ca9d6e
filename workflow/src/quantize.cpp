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

}  // namespace dyad::workflow
