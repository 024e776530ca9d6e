#include <nlohmann/json.hpp>

#include "dyad/base/json.hpp"
#include "dyad/hardware/measurements.hpp"
#include "dyad/network/import.hpp"

namespace dyad::hardware {
namespace {

/// Weighted layers of the topology but the first and the last, as HAWQ lists them.
Result<std::vector<LayerShape>> hawq_layers(const std::string& topology) {
  DYAD_TRY(network::Network network, network::make_topology(topology, {}));
  DYAD_CHECK(network.infer_shapes());
  std::vector<LayerShape> layers;
  for (LayerShape& shape : network::layer_shapes(network))
    if (shape.is_weighted()) layers.push_back(std::move(shape));
  return std::vector<LayerShape>(layers.begin() + 1, layers.end() - 1);
}

Result<void> check_geometry(const JsonReader& entry, const LayerShape& layer) {
  DYAD_TRY(const std::int64_t params, entry.integer("params", 1, std::int64_t{1} << 40));
  DYAD_TRY(const std::int64_t macs, entry.integer("macs", 1, std::int64_t{1} << 50));
  if (params == layer.weight_count() && macs == layer.macs()) return {};
  return entry.error("parameters or MACs are not those of " + layer.name + " (" + std::to_string(layer.weight_count()) + ", " +
                         std::to_string(layer.macs()) + ")",
                     "layers are listed in execution order, without the first convolution and the classifier");
}

Result<void> add_network(const JsonReader& document, const std::string& topology, std::int64_t batch, Measurements& measurements) {
  DYAD_TRY(const std::vector<LayerShape> layers, hawq_layers(topology));
  DYAD_TRY(const JsonReader geometries, document.member("geometry"));
  DYAD_TRY(const JsonReader geometry, geometries.member(topology));
  DYAD_TRY(const auto entries, geometry.elements());
  if (entries.size() != layers.size())
    return geometry.error(std::to_string(entries.size()) + " layers; " + topology + " has " + std::to_string(layers.size()), "");
  for (std::size_t i = 0; i < layers.size(); ++i) DYAD_CHECK(check_geometry(entries[i], layers[i]));
  DYAD_TRY(const JsonReader all_inputs, document.member("inputs"));
  DYAD_TRY(const JsonReader inputs, all_inputs.member(topology));
  for (const int bits : {4, 8}) {
    DYAD_TRY(const JsonReader latencies, inputs.member("latency_int" + std::to_string(bits)));
    DYAD_TRY(const auto values, latencies.elements());
    if (values.size() != layers.size())
      return latencies.error(std::to_string(values.size()) + " times; " + topology + " has " + std::to_string(layers.size()) + " layers",
                             "null where nothing was measured");
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (values[i].json().is_null()) continue;
      DYAD_TRY(const double latency_ms, values[i].number_above(0));
      Measurement row{layers[i], batch, {bits, bits, bits}, latency_ms * 1000};
      row.layer.name = topology + ":" + layers[i].name;
      measurements.rows.push_back(std::move(row));
    }
  }
  return {};
}

}  // namespace

Result<Measurements> read_hawq_table(const std::filesystem::path& file, std::int64_t batch) {
  DYAD_TRY(const Json json, read_json(file));
  const JsonReader document(json, file.string());
  Measurements measurements;
  measurements.source = "HAWQ-V3 (Yao et al., 2021), times on a T4 with TVM's kernels, batch " + std::to_string(batch);
  for (const char* topology : {"resnet18", "resnet50"}) DYAD_CHECK(add_network(document, topology, batch, measurements));
  return measurements;
}

}  // namespace dyad::hardware
