#include "dyad/workflow/simulate.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>
#include <set>

namespace dyad::workflow {
namespace {

using network::Network;
using network::NodeId;

/// Costed layers that read the tensor of `id`, through operations that cost nothing; `ends` when it is the network's output.
void find_readers(const Network& network, NodeId id, const std::set<std::string>& costed, std::vector<NodeId>& readers, bool& ends) {
  ends = ends || id == network.output();
  for (const NodeId consumer : network.consumers(id)) {
    if (costed.contains(network.node(consumer).name)) {
      readers.push_back(consumer);
    } else {
      find_readers(network, consumer, costed, readers, ends);
    }
  }
}

struct Readers {
  std::vector<NodeId> layers;
  bool ends = false;
};

Readers readers_of(const Network& network, const std::string& layer, const std::set<std::string>& costed) {
  const auto id = network.find(layer);
  DYAD_EXPECT(id.has_value(), "no node is called " + layer);
  Readers readers;
  find_readers(network, *id, costed, readers.layers, readers.ends);
  return readers;
}

void describe_model(const CostModel& model, Simulation& simulation) {
  simulation.accelerator = model.name();
  simulation.tier = model.tier();
  simulation.batch = model.batch();
  simulation.clock = model.clock();
  simulation.ceilings = model.ceilings();
}

Result<void> add_layer(const CostedLayer& layer, OperandBits bits, const CostModel& model, Simulation& simulation) {
  DYAD_TRY(LayerCost cost, model.cost(layer.shape, bits, Activity{}));
  SimulationTotals& totals = simulation.totals;
  totals.cycles += cost.cycles;
  totals.compute_cycles += cost.compute_cycles;
  totals.stall_cycles += cost.stall_cycles;
  totals.dram_read += cost.dram_read;
  totals.dram_write += cost.dram_write;
  totals.utilization += cost.utilization * static_cast<double>(cost.cycles.value);  // divided by all cycles at the end
  for (const auto& [component, energy_pj] : cost.energy_pj) totals.energy_breakdown_pj[component] += energy_pj;
  totals.energy_pj += cost.energy().value;
  simulation.layers.push_back({layer.shape, layer.fused_add, bits, std::move(cost)});
  return {};
}

void finish_totals(Simulation& simulation) {
  SimulationTotals& totals = simulation.totals;
  totals.latency_us = duration(totals.cycles, simulation.clock).value;
  if (totals.cycles.value > 0) totals.utilization /= static_cast<double>(totals.cycles.value);
}

OrderedJson breakdown_document(const std::map<std::string, double>& energies) {
  OrderedJson document = OrderedJson::object();
  for (const char* component : {"array", "sram", "dram", "leakage", "idle"})
    if (const auto found = energies.find(component); found != energies.end()) document[component] = found->second;
  for (const auto& [component, energy_pj] : energies) document[component] = energy_pj;
  return document;
}

OrderedJson accelerator_document(const Simulation& simulation) {
  OrderedJson document{{"name", simulation.accelerator},
                       {"clock_mhz", simulation.clock.value},
                       {"batch", simulation.batch},
                       {"peak_binary_ops_per_s", simulation.ceilings.peak_binary_ops_per_s},
                       {"dram_bytes_per_s", simulation.ceilings.dram_bytes_per_s}};
  if (!simulation.dram_energy_source.empty()) document["dram_energy_source"] = simulation.dram_energy_source;
  return document;
}

}  // namespace

OrderedJson accelerator_document(const CostModel& model, const std::string& dram_energy_source) {
  Simulation simulation;
  simulation.dram_energy_source = dram_energy_source;
  describe_model(model, simulation);
  return accelerator_document(simulation);
}

OrderedJson simulated_layer_document(const SimulatedLayer& layer, Megahertz clock) {
  const LayerCost& cost = layer.cost;
  OrderedJson document;
  document["name"] = layer.shape.name;
  document["kind"] = to_string(layer.shape.kind);
  if (layer.shape.is_weighted()) {
    document["w"] = layer.bits.weight;
    document["a"] = layer.bits.activation;
  }
  document["out"] = layer.bits.out;
  if (!layer.fused_add.empty()) document["fused_add"] = layer.fused_add;
  document["macs"] = layer.shape.macs();
  document["params"] = layer.shape.weight_count();
  document["cycles"] = cost.cycles.value;
  document["compute_cycles"] = cost.compute_cycles.value;
  document["stall_cycles"] = cost.stall_cycles.value;
  document["latency_us"] = duration(cost.cycles, clock).value;
  document["energy_pj"] = cost.energy().value;
  document["energy_breakdown_pj"] = breakdown_document(cost.energy_pj);
  document["utilization"] = cost.utilization;
  document["dram_read_bits"] = cost.dram_read.value;
  document["dram_write_bits"] = cost.dram_write.value;
  document["bottleneck"] = cost.bottleneck;
  return document;
}

std::vector<CostedLayer> costed_layers(const Network& network) {
  std::vector<CostedLayer> layers;
  std::set<std::string> costed;
  for (LayerShape& shape : network::layer_shapes(network)) {
    costed.insert(shape.name);
    layers.push_back({std::move(shape), ""});
  }
  // The last weighted layer before each addition whose tensor nobody else reads takes the addition in.
  for (CostedLayer& layer : layers) {
    if (!layer.shape.is_weighted()) continue;
    const auto [readers, ends] = readers_of(network, layer.shape.name, costed);
    if (ends || readers.size() != 1) continue;
    const network::Node& reader = network.node(readers[0]);
    const std::vector<NodeId> operands = network.inputs(readers[0]);
    const Shape made{layer.shape.out_h, layer.shape.out_w, layer.shape.out_channels};
    if (reader.kind != network::OpKind::kAdd || operands.size() != 2 || operands[0] == operands[1] || reader.output_shape != made) continue;
    const std::string& addition = reader.name;
    for (CostedLayer& earlier : layers)
      if (earlier.fused_add == addition) earlier.fused_add.clear();
    layer.fused_add = addition;
  }
  std::set<std::string> fused;
  for (CostedLayer& layer : layers) {
    layer.shape.adds_residual = !layer.fused_add.empty();
    if (layer.shape.adds_residual) fused.insert(layer.fused_add);
  }
  std::erase_if(layers, [&](const CostedLayer& layer) { return fused.contains(layer.shape.name); });
  return layers;
}

Result<std::vector<OperandBits>> operand_bits(const Network& network, const BitAssignment& assignment) {
  std::set<std::string> costed, weighted;
  for (const LayerShape& shape : network::layer_shapes(network)) {
    costed.insert(shape.name);
    if (shape.is_weighted()) weighted.insert(shape.name);
  }
  for (const auto& entry : assignment)
    if (!weighted.contains(entry.first))
      return Error{entry.first, "the network has no convolution or fully connected layer of that name", "'inspect' lists the layers"};
  for (const std::string& name : weighted)
    if (!assignment.contains(name))
      return Error{name, "this layer has no bits", "give every convolution and fully connected layer its bits"};

  std::vector<OperandBits> all;
  for (const auto& [shape, fused_add] : costed_layers(network)) {
    OperandBits bits{8, kResidualBits, kResidualBits};
    if (shape.is_weighted()) {
      const LayerBits own = assignment.at(shape.name);
      bits.weight = own.weight;
      bits.activation = own.activation;
    }
    const auto [readers, ends] = readers_of(network, fused_add.empty() ? shape.name : fused_add, costed);
    if (readers.size() == 1 && weighted.contains(network.node(readers[0]).name))
      bits.out = assignment.at(network.node(readers[0]).name).activation;
    if (ends) bits.out = 32;
    all.push_back(bits);
  }
  return all;
}

Result<Simulation> simulate_network(const Network& network, const BitAssignment& assignment, const CostModel& model) {
  DYAD_TRY(const std::vector<OperandBits> bits, operand_bits(network, assignment));
  const std::vector<CostedLayer> layers = costed_layers(network);
  Simulation simulation;
  simulation.model = network.name;
  describe_model(model, simulation);
  for (std::size_t i = 0; i < layers.size(); ++i) DYAD_CHECK(add_layer(layers[i], bits[i], model, simulation));
  finish_totals(simulation);
  return simulation;
}

Result<Simulation> simulate_layers(std::span<const LayerShape> layers, OperandBits bits, const CostModel& model) {
  Simulation simulation;
  describe_model(model, simulation);
  for (const LayerShape& shape : layers) DYAD_CHECK(add_layer({shape, ""}, bits, model, simulation));
  finish_totals(simulation);
  return simulation;
}

OrderedJson simulation_document(const Simulation& simulation) {
  const SimulationTotals& totals = simulation.totals;
  OrderedJson document;
  document["schema"] = "dyad.simulation/1";
  document["version"] = DYAD_VERSION;
  document["model"] = simulation.model;
  document["accelerator"] = accelerator_document(simulation);
  document["tier"] = to_string(simulation.tier);
  document["batch"] = simulation.batch;
  document["bits"] = simulation.bits;
  document["layers"] = OrderedJson::array();
  for (const SimulatedLayer& layer : simulation.layers) document["layers"].push_back(simulated_layer_document(layer, simulation.clock));
  document["totals"] = {{"cycles", totals.cycles.value},
                        {"latency_us", totals.latency_us},
                        {"energy_pj", totals.energy_pj},
                        {"utilization", totals.utilization},
                        {"compute_cycles", totals.compute_cycles.value},
                        {"stall_cycles", totals.stall_cycles.value},
                        {"dram_read_bits", totals.dram_read.value},
                        {"dram_write_bits", totals.dram_write.value},
                        {"energy_breakdown_pj", breakdown_document(totals.energy_breakdown_pj)}};
  return document;
}

Result<CostTable> cost_table(const Network& network, const CostModel& model) {
  CostTable table;
  table.model = network.name;
  table.accelerator = model.name();
  table.tier = model.tier();
  table.batch = model.batch();
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
  document["batch"] = table.batch;
  document["layer_names"] = table.layer_names;
  document["table"] = table.cycles;
  document["energy_pj"] = table.energy_pj;
  document["leakage_pj"] = table.leakage_pj;
  document["idle_pj"] = table.idle_pj;
  return document;
}

std::string table_csv(const CostTable& table) {
  std::string text = "layer,w,a,cycles,energy_pj,leakage_pj,idle_pj\n";
  for (std::size_t layer = 0; layer < table.layer_names.size(); ++layer)
    for (std::size_t w = 0; w < CostTable::kBits; ++w)
      for (std::size_t a = 0; a < CostTable::kBits; ++a)
        text += table.layer_names[layer] + "," + std::to_string(w + 1) + "," + std::to_string(a + 1) + "," +
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

}  // namespace dyad::workflow
