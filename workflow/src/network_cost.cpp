#include "network_cost.hpp"

#include <algorithm>

#include "dyad/workflow/simulate.hpp"

namespace dyad::workflow {
namespace {

double size_mib(const LayerShape& layer, int bits) { return static_cast<double>(layer.weight_count()) * bits / 8 / (1 << 20); }
double bops_g(const LayerShape& layer, LayerBits bits) { return static_cast<double>(layer.macs()) * bits.weight * bits.activation / 1e9; }

}  // namespace

const std::vector<std::string>& search_cost_names() {
  static const std::vector<std::string> names{"latency", "energy", "size", "bops"};
  return names;
}

double CostTotals::get(std::string_view cost_name) const {
  if (cost_name == "latency") return latency_us;
  if (cost_name == "energy") return energy_pj;
  if (cost_name == "size") return size_mib;
  if (cost_name == "activations") return activation_mib;
  DYAD_EXPECT(cost_name == "bops", "no cost is called " + std::string(cost_name));
  return bops_g;
}

CostedNetwork::CostedNetwork(const network::Network& network, const CostModel& model) : network_(network), model_(model) {
  for (CostedLayer& layer : costed_layers(network))
    if (layer.shape.is_weighted()) weighted_.push_back(std::move(layer.shape));
}

Result<NetworkCost> CostedNetwork::cost(const BitAssignment& assignment) const {
  DYAD_TRY(Simulation simulation, simulate_network(network_, assignment, model_));
  NetworkCost network;
  network.totals.cycles = simulation.totals.cycles.value;
  network.totals.latency_us = simulation.totals.latency_us;
  network.totals.energy_pj = simulation.totals.energy_pj;
  for (SimulatedLayer& layer : simulation.layers) {
    if (layer.shape.is_weighted()) {
      network.totals.size_mib += size_mib(layer.shape, layer.bits.weight);
      network.totals.bops_g += bops_g(layer.shape, {layer.bits.weight, layer.bits.activation});
      const double input_bits = static_cast<double>(layer.shape.input_count()) * layer.bits.activation;
      network.totals.activation_mib = std::max(network.totals.activation_mib, input_bits / 8 / (1 << 20));
    }
    network.layers.push_back({std::move(layer), std::nullopt});
  }
  return network;
}

Result<std::map<std::string, double>> CostedNetwork::separable(const LayerShape& layer, LayerBits bits) const {
  DYAD_TRY(const LayerCost cost, model_.cost(layer, {bits.weight, bits.activation, bits.activation}, Activity{}));
  return std::map<std::string, double>{{"latency", duration(cost.cycles, model_.clock()).value},
                                       {"energy", cost.energy().value},
                                       {"size", size_mib(layer, bits.weight)},
                                       {"bops", bops_g(layer, bits)}};
}

Result<std::map<std::string, double>> CostedNetwork::fixed() const {
  BitAssignment at_8_bits;
  for (const LayerShape& shape : weighted_) at_8_bits[shape.name] = {8, 8};
  DYAD_TRY(const NetworkCost network, cost(at_8_bits));
  std::map<std::string, double> sums{{"latency", 0}, {"energy", 0}, {"size", 0}, {"bops", 0}};
  for (const SearchLayer& layer : network.layers) {
    if (layer.shape.is_weighted()) continue;
    sums["latency"] += duration(layer.cost.cycles, model_.clock()).value;
    sums["energy"] += layer.cost.energy().value;
  }
  return sums;
}

}  // namespace dyad::workflow
