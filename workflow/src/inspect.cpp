#include "dyad/workflow/inspect.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace dyad::workflow {
namespace {

std::string_view kind_of(const LayerShape& shape) { return shape.is_depthwise() ? "depthwise_conv" : to_string(shape.kind); }

}  // namespace

OrderedJson inspection_document(const network::Network& network, const network::NetworkSummary& summary) {
  OrderedJson layers = OrderedJson::array();
  for (const network::LayerSummary& layer : summary.layers) {
    OrderedJson entry{{"name", layer.shape.name}, {"kind", kind_of(layer.shape)},     {"macs", layer.macs},
                      {"params", layer.params},   {"input_shape", layer.input_shape}, {"output_shape", layer.output_shape}};
    if (layer.shape.is_weighted()) {
      entry["w"] = layer.bits.weight;
      entry["a"] = layer.bits.activation;
    }
    layers.push_back(std::move(entry));
  }
  return {{"schema", "dyad.inspection/1"},
          {"version", DYAD_VERSION},
          {"model", network.name},
          {"layers", std::move(layers)},
          {"totals", {{"macs", summary.macs}, {"params", summary.params}, {"size_mib", summary.size_mib}, {"bops_g", summary.bops_g}}}};
}

std::string inspection_text(const network::NetworkSummary& summary) {
  std::string text = fmt::format("{:<44} {:<15} {:>7} {:>16} {:>14} {:>12}\n", "layer", "kind", "bits", "output", "MACs", "parameters");
  for (const network::LayerSummary& layer : summary.layers) {
    const std::string bits = layer.shape.is_weighted() ? fmt::format("{}/{}", layer.bits.weight, layer.bits.activation) : "";
    text += fmt::format("{:<44} {:<15} {:>7} {:>16} {:>14} {:>12}\n", layer.shape.name, kind_of(layer.shape), bits,
                        to_string(layer.output_shape), layer.macs, layer.params);
  }
  return text + fmt::format("total: {} MACs, {} parameters, {:.2f} MiB of weights, {:.1f} G BOPS\n", summary.macs, summary.params,
                            summary.size_mib, summary.bops_g);
}

}  // namespace dyad::workflow
