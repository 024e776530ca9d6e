/// \file Cost of a network, or of single layers, on an accelerator: layer by layer, in total, and as a table over bits.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/cost_model.hpp"
#include "dyad/base/json.hpp"
#include "dyad/network/network.hpp"

namespace dyad::workflow {

/// Bits of tensors that several layers, or a residual addition, read.
constexpr int kResidualBits = 16;

/// A layer that costs something, and the residual addition that runs inside it (its name; none: empty).
struct CostedLayer {
  LayerShape shape;
  std::string fused_add;
};

/// Layers in execution order. A residual addition of two tensors is fused into the weighted layer that makes one of them, in the
/// addition's shape and for it alone (the later one when both are so); its shape then `adds_residual`. Other additions are layers of
/// their own.
std::vector<CostedLayer> costed_layers(const network::Network& network);

/// What fewer bits of an operand save.
struct Saving {
  Cycles cycles;  ///< below 0: it costs more
  double energy_pj = 0;
};

/// Shadow price of the bits of one operand of a layer, as a layer alone: the other operand and the output keep their bits.
struct ShadowPrice {
  std::optional<Saving> one_bit;  ///< saved by one bit less; none: at 1 bit, or the accelerator can't run it
  std::optional<int> next_bits;   ///< the most bits below these that save kUsefulSaving of the layer's cycles; none: no bits do
  std::optional<Saving> next;     ///< saved by next_bits
};

/// Less is within the error of the analytic tier.
constexpr double kUsefulSaving = 0.01;

struct SimulatedLayer {
  LayerShape shape;
  std::string fused_add;
  OperandBits bits;
  LayerCost cost;
  std::optional<ShadowPrice> weight_price = {}, activation_price = {};  ///< of weighted layers, by add_shadow_prices
};

/// Sums over the layers; utilization is that of the whole run.
struct SimulationTotals {
  Cycles cycles, compute_cycles, stall_cycles;
  double latency_us = 0;
  double utilization = 0;
  Bits dram_read, dram_write;
  std::map<std::string, double> energy_breakdown_pj;
  double energy_pj = 0;
};

struct Simulation {
  std::string model;  ///< the network's name
  std::string bits;   ///< a label such as "W8A8"
  std::string accelerator;
  Tier tier = Tier::kAnalytic;
  int batch = 1;
  Megahertz clock;
  Ceilings ceilings;
  std::string dram_energy_source;      ///< the model's
  std::vector<std::string> notes;      ///< the model's
  std::vector<SimulatedLayer> layers;  ///< execution order
  SimulationTotals totals;
};

/// Operand bits of every layer of costed_layers. Input: a weighted layer's activation bits, kResidualBits for the others.
/// Output (of a layer with a fused addition: the sum): the activation bits of the weighted layer that is its only reader; kResidualBits
/// when several layers or an unweighted one read it; 32 for the network's output. Operations that cost nothing (activation functions,
/// reshapes) are looked through. Error: a weighted layer without bits; bits for a layer that the network does not have.
Result<std::vector<OperandBits>> operand_bits(const network::Network& network, const BitAssignment& assignment);

/// Cost of every layer and in total; layers run one after another. `network` has shapes and is folded.
/// Error: as operand_bits; a layer that the accelerator can't run.
Result<Simulation> simulate_network(const network::Network& network, const BitAssignment& assignment, const CostModel& model);

/// The same for layers that are no network, each at the same bits.
Result<Simulation> simulate_layers(std::span<const LayerShape> layers, OperandBits bits, const CostModel& model);

/// Shadow prices of every weighted layer, from up to 15 costs each. `model` is the one that made the simulation.
void add_shadow_prices(const CostModel& model, Simulation& simulation);

/// {"name", "clock_mhz", "batch", "peak_binary_ops_per_s", "dram_bytes_per_s"[, "dram_energy_source"]}; null for ceilings that are not
/// known
OrderedJson accelerator_document(const CostModel& model);
/// An entry of `layers` in dyad.simulation/1 and dyad.search/1.
OrderedJson simulated_layer_document(const SimulatedLayer& layer, Megahertz clock);
/// The document dyad.simulation/1.
OrderedJson simulation_document(const Simulation& simulation);
/// One line a layer: what `layers` has, each resource's cycles and the shadow prices; what a layer does not have is empty.
std::string simulation_csv(const Simulation& simulation);

/// Costs [layer][w - 1][a - 1] of every weighted layer alone for w, a from 1 to 8, with output bits a, so that layers can be summed.
struct CostTable {
  static constexpr int kBits = 8;
  template <typename Number>
  using Grid = std::vector<std::array<std::array<Number, kBits>, kBits>>;
  std::string model, accelerator;
  Tier tier = Tier::kAnalytic;
  Megahertz clock;
  int batch = 1;
  std::vector<std::string> notes;  ///< the model's
  std::vector<std::string> layer_names;
  Grid<std::int64_t> cycles;
  Grid<double> energy_pj;            ///< all of it ...
  Grid<double> leakage_pj, idle_pj;  ///< ... and those parts of it
};
Result<CostTable> cost_table(const network::Network& network, const CostModel& model);
/// The document dyad.cost_table/1: {"table": cycles, "energy_pj": …, "leakage_pj": …, "idle_pj": …, "layer_names": …, …}.
/// make_cost_model reads it back as table:F.json.
OrderedJson table_document(const CostTable& table);
/// One line a layer and bit pair: layer,w,a,cycles,energy_pj,leakage_pj,idle_pj (the last two are part of the energy).
std::string table_csv(const CostTable& table);
/// The cycles as a NumPy array, int64 [layer][w - 1][a - 1], format version 1.0.
std::string table_npy(const CostTable& table);

}  // namespace dyad::workflow
