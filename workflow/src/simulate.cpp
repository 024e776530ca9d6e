#include "dyad/workflow/simulate.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace dyad::workflow {
namespace {

using network::Network;
using network::NodeId;

/// In the order of documents; others follow by name.
constexpr const char* kResources[] = {"compute", "weight fetch", "activation fetch", "output", "memory bus"};

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
  simulation.dram_energy_source = model.dram_energy_source();
  simulation.notes = model.notes();
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
  simulation.layers.push_back({layer.shape, layer.fused_add, bits, std::move(cost), {}, {}});
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

/// Cycles of each resource alone, and the rest of the layer's in which even the longest one waits.
OrderedJson resources_document(const LayerCost& cost) {
  OrderedJson document = OrderedJson::object();
  for (const char* resource : kResources)
    if (const auto found = cost.resource_cycles.find(resource); found != cost.resource_cycles.end()) document[resource] = found->second;
  double longest = 0;
  for (const auto& [resource, cycles] : cost.resource_cycles) {
    document[resource] = cycles;
    longest = std::max(longest, cycles);
  }
  document["fill"] = std::max(0.0, static_cast<double>(cost.cycles.value) - longest);
  return document;
}

OrderedJson price_document(const ShadowPrice& price) {
  OrderedJson document{{"cycles", nullptr}, {"energy_pj", nullptr}, {"next_bits", nullptr}};
  if (price.one_bit) {
    document["cycles"] = price.one_bit->cycles.value;
    document["energy_pj"] = price.one_bit->energy_pj;
  }
  if (price.next_bits) {
    document["next_bits"] = *price.next_bits;
    document["next_cycles"] = price.next->cycles.value;
    document["next_energy_pj"] = price.next->energy_pj;
  }
  return document;
}

OrderedJson ceiling(double value) { return value > 0 ? OrderedJson(value) : OrderedJson(); }

OrderedJson accelerator_document(const Simulation& simulation) {
  OrderedJson document{{"name", simulation.accelerator},
                       {"clock_mhz", simulation.clock.value},
                       {"batch", simulation.batch},
                       {"peak_binary_ops_per_s", ceiling(simulation.ceilings.peak_binary_ops_per_s)},
                       {"dram_bytes_per_s", ceiling(simulation.ceilings.dram_bytes_per_s)}};
  if (!simulation.dram_energy_source.empty()) document["dram_energy_source"] = simulation.dram_energy_source;
  return document;
}

}  // namespace

OrderedJson accelerator_document(const CostModel& model) {
  Simulation simulation;
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
  if (!cost.resource_cycles.empty()) document["resource_cycles"] = resources_document(cost);
  if (layer.weight_price && layer.activation_price)
    document["shadow_price"] = {{"w", price_document(*layer.weight_price)}, {"a", price_document(*layer.activation_price)}};
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
  if (!simulation.notes.empty()) document["notes"] = simulation.notes;
  return document;
}

}  // namespace dyad::workflow
