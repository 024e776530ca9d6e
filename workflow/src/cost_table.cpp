// Tables of costs over bits, and cost in the formats of other programs.
#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "dyad/workflow/simulate.hpp"

namespace dyad::workflow {
namespace {

/// A field of a CSV line (RFC 4180).
std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_value(const OrderedJson& holder, const char* key) {
  const auto found = holder.find(key);
  if (found == holder.end() || found->is_null()) return "";
  return csv_field(found->is_string() ? found->get<std::string>() : found->dump());
}

}  // namespace

Result<CostTable> cost_table(const network::Network& network, const CostModel& model) {
  CostTable table;
  table.model = network.name;
  table.accelerator = model.name();
  table.tier = model.tier();
  table.clock = model.clock();
  table.batch = model.batch();
  table.notes = model.notes();
  for (const auto& [shape, fused_add] : costed_layers(network)) {
    if (!shape.is_weighted()) continue;
    table.layer_names.push_back(shape.name);
    table.cycles.emplace_back();
    table.energy_pj.emplace_back();
    table.leakage_pj.emplace_back();
    table.idle_pj.emplace_back();
    for (int w = 1; w <= CostTable::kBits; ++w)
      for (int a = 1; a <= CostTable::kBits; ++a) {
        DYAD_TRY(const LayerCost cost, model.cost(shape, {w, a, a}, Activity{}));
        const auto at = [&](auto& grid) -> auto& { return grid.back()[static_cast<std::size_t>(w - 1)][static_cast<std::size_t>(a - 1)]; };
        const auto part = [&](const char* component) {
          const auto found = cost.energy_pj.find(component);
          return found == cost.energy_pj.end() ? 0.0 : found->second;
        };
        at(table.cycles) = cost.cycles.value;
        at(table.energy_pj) = cost.energy().value;
        at(table.leakage_pj) = part("leakage");
        at(table.idle_pj) = part("idle");
      }
  }
  return table;
}

OrderedJson table_document(const CostTable& table) {
  OrderedJson document;
  document["schema"] = "dyad.cost_table/1";
  document["version"] = DYAD_VERSION;
  document["model"] = table.model;
  document["accelerator"] = table.accelerator;
  document["tier"] = to_string(table.tier);
  document["clock_mhz"] = table.clock.value;
  document["batch"] = table.batch;
  document["layer_names"] = table.layer_names;
  document["table"] = table.cycles;
  document["energy_pj"] = table.energy_pj;
  document["leakage_pj"] = table.leakage_pj;
  document["idle_pj"] = table.idle_pj;
  if (!table.notes.empty()) document["notes"] = table.notes;
  return document;
}

std::string table_csv(const CostTable& table) {
  std::string text = "layer,w,a,cycles,energy_pj,leakage_pj,idle_pj\n";
  for (std::size_t layer = 0; layer < table.layer_names.size(); ++layer)
    for (std::size_t w = 0; w < CostTable::kBits; ++w)
      for (std::size_t a = 0; a < CostTable::kBits; ++a)
        text += csv_field(table.layer_names[layer]) + "," + std::to_string(w + 1) + "," + std::to_string(a + 1) + "," +
                std::to_string(table.cycles[layer][w][a]) + "," + nlohmann::json(table.energy_pj[layer][w][a]).dump() + "," +
                nlohmann::json(table.leakage_pj[layer][w][a]).dump() + "," + nlohmann::json(table.idle_pj[layer][w][a]).dump() + "\n";
  return text;
}

std::string table_npy(const CostTable& table) {
  static_assert(std::endian::native == std::endian::little);
  std::string header = "{'descr': '<i8', 'fortran_order': False, 'shape': (" + std::to_string(table.cycles.size()) + ", 8, 8), }";
  constexpr std::size_t kPreamble = 10, kAlignment = 64;  // magic, version, header length; then the header up to a multiple of 64
  while ((kPreamble + header.size() + 1) % kAlignment != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(table.cycles.data()), table.cycles.size() * sizeof(table.cycles[0]));
  return bytes;
}

std::string simulation_csv(const Simulation& simulation) {
  static const char* const kFields[] = {
      "name",           "kind",         "w",          "a",         "out",         "macs",           "params",          "cycles",
      "compute_cycles", "stall_cycles", "latency_us", "energy_pj", "utilization", "dram_read_bits", "dram_write_bits", "bottleneck"};
  static const char* const kPriceFields[] = {"cycles", "energy_pj", "next_bits", "next_cycles", "next_energy_pj"};
  std::vector<OrderedJson> layers;
  std::vector<std::string> resources;
  for (const SimulatedLayer& layer : simulation.layers) {
    layers.push_back(simulated_layer_document(layer, simulation.clock));
    if (!layers.back().contains("resource_cycles")) continue;
    for (const auto& [resource, cycles] : layers.back()["resource_cycles"].items())
      if (std::find(resources.begin(), resources.end(), resource) == resources.end()) resources.push_back(resource);
  }
  std::string text;
  for (const char* field : kFields) text += (text.empty() ? "" : ",") + std::string(field);
  for (const std::string& resource : resources) {
    std::string column = resource + (resource == "fill" ? "_cycles" : "_cycles_alone");
    std::replace(column.begin(), column.end(), ' ', '_');
    text += "," + csv_field(column);
  }
  for (const char* operand : {"w", "a"})
    for (const char* field : kPriceFields) text += std::string(",") + operand + "_price_" + field;
  text += "\n";
  const OrderedJson none = OrderedJson::object();
  const auto member = [&](const OrderedJson& holder, const char* key) -> const OrderedJson& {
    const auto found = holder.find(key);
    return found == holder.end() ? none : *found;
  };
  for (const OrderedJson& layer : layers) {
    std::string line;
    for (const char* field : kFields) line += (line.empty() ? "" : ",") + csv_value(layer, field);
    for (const std::string& resource : resources) line += "," + csv_value(member(layer, "resource_cycles"), resource.c_str());
    for (const char* operand : {"w", "a"})
      for (const char* field : kPriceFields) line += "," + csv_value(member(member(layer, "shadow_price"), operand), field);
    text += line + "\n";
  }
  return text;
}

}  // namespace dyad::workflow
