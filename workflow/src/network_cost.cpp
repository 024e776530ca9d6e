#include "network_cost.hpp"

#include <algorithm>

namespace dyad::workflow {
namespace {

using network::NodeId;
using network::OpKind;

double size_mib(const LayerShape& layer, int bits) { return static_cast<double>(layer.weight_count()) * bits / 8 / (1 << 20); }
double bops_g(const LayerShape& layer, LayerBits bits) { return static_cast<double>(layer.macs()) * bits.weight * bits.activation / 1e9; }

/// Nodes that a cost model does not see: they are done where the tensor is written or read.
bool is_transparent(const network::Network& network, NodeId id, const std::vector<std::string>& costed) {
  return std::find(costed.begin(), costed.end(), network.node(id).name) == costed.end();
}

/// Costed nodes that read the tensor of `id`, through transparent ones; `ends` is set when it reaches the network's output.
void readers_of(const network::Network& network, NodeId id, const std::vector<std::string>& costed, std::vector<NodeId>& readers,
                bool& ends) {
  ends = ends || id == network.output();
  for (const NodeId consumer : network.consumers(id)) {
    if (is_transparent(network, consumer, costed)) {
      readers_of(network, consumer, costed, readers, ends);
    } else {
      readers.push_back(consumer);
    }
  }
}

}  // namespace

double latency_us(const LayerCost& cost, const CostModel& model) { return duration(cost.cycles, model.clock()).value; }

const std::vector<std::string>& search_cost_names() {
  static const std::vector<std::string> names{"latency", "energy", "size", "bops"};
  return names;
}

double CostTotals::get(std::string_view cost_name) const {
  if (cost_name == "latency") return latency_us;
  if (cost_name == "energy") return energy_pj;
  if (cost_name == "size") return size_mib;
  DYAD_EXPECT(cost_name == "bops", "no cost is called " + std::string(cost_name));
  return bops_g;
}

CostedNetwork::CostedNetwork(const network::Network& network, int residual_bits) : residual_bits_(residual_bits) {
  std::vector<LayerShape> shapes = network::layer_shapes(network);
  std::vector<std::string> names;
  for (const LayerShape& shape : shapes) names.push_back(shape.name);
  for (LayerShape& shape : shapes) {
    const auto id = network.find(shape.name);
    DYAD_EXPECT(id.has_value(), "no node is called " + shape.name);
    Entry entry{std::move(shape), "", false};
    std::vector<NodeId> readers;
    readers_of(network, *id, names, readers, entry.is_output);
    if (readers.size() == 1) {
      const OpKind kind = network.node(readers[0]).kind;
      if (kind == OpKind::kConv || kind == OpKind::kLinear) entry.reader = network.node(readers[0]).name;
    }
    entries_.push_back(std::move(entry));
  }
}

OperandBits CostedNetwork::operand_bits(const Entry& entry, const BitAssignment& assignment) const {
  OperandBits bits{8, residual_bits_, residual_bits_};
  if (entry.shape.is_weighted()) {
    const LayerBits own = assignment.at(entry.shape.name);
    bits.weight = own.weight;
    bits.activation = own.activation;
  }
  if (!entry.reader.empty()) bits.out = assignment.at(entry.reader).activation;
  if (entry.is_output) bits.out = 32;
  return bits;
}

Result<NetworkCost> CostedNetwork::cost(const BitAssignment& assignment, const CostModel& model) const {
  NetworkCost network;
  for (const Entry& entry : entries_) {
    SearchLayer layer{entry.shape, operand_bits(entry, assignment), {}, std::nullopt};
    DYAD_TRY(layer.cost, model.cost(entry.shape, layer.bits, Activity{}));
    network.totals.cycles += layer.cost.cycles.value;
    network.totals.latency_us += latency_us(layer.cost, model);
    network.totals.energy_pj += layer.cost.energy().value;
    if (entry.shape.is_weighted()) {
      network.totals.size_mib += size_mib(entry.shape, layer.bits.weight);
      network.totals.bops_g += bops_g(entry.shape, {layer.bits.weight, layer.bits.activation});
    }
    network.layers.push_back(std::move(layer));
  }
  return network;
}

Result<std::map<std::string, double>> CostedNetwork::separable(const LayerShape& layer, LayerBits bits, const CostModel& model) const {
  DYAD_TRY(const LayerCost cost, model.cost(layer, {bits.weight, bits.activation, bits.activation}, Activity{}));
  return std::map<std::string, double>{{"latency", latency_us(cost, model)},
                                       {"energy", cost.energy().value},
                                       {"size", size_mib(layer, bits.weight)},
                                       {"bops", bops_g(layer, bits)}};
}

Result<std::map<std::string, double>> CostedNetwork::fixed(const CostModel& model) const {
  std::map<std::string, double> sums{{"latency", 0}, {"energy", 0}, {"size", 0}, {"bops", 0}};
  for (const Entry& entry : entries_) {
    if (entry.shape.is_weighted()) continue;
    DYAD_TRY(const LayerCost cost, model.cost(entry.shape, {8, residual_bits_, residual_bits_}, Activity{}));
    sums["latency"] += latency_us(cost, model);
    sums["energy"] += cost.energy().value;
  }
  return sums;
}

std::vector<LayerShape> CostedNetwork::weighted() const {
  std::vector<LayerShape> shapes;
  for (const Entry& entry : entries_)
    if (entry.shape.is_weighted()) shapes.push_back(entry.shape);
  return shapes;
}

}  // namespace dyad::workflow
