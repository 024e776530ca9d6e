#include "model.hpp"

#include <algorithm>

#include "accelerator_model.hpp"
#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"
#include "dyad/hwsim/energy.hpp"

namespace dyad::accel_models::tiled {
namespace {

class Model : public AcceleratorModel {
 public:
  Model(const Accelerator& accelerator, Tier tier, std::shared_ptr<hwsim::Trace> trace)
      : AcceleratorModel(accelerator, tier), machine_(std::get<Machine>(accelerator.core)), trace_(std::move(trace)) {}

  Result<LayerCost> cost(const LayerShape& layer, OperandBits bits, const Activity& activity) const override {
    DYAD_CHECK(check(layer, bits, static_cast<int>(machine_.largest_bits())));
    if (layer.adds_residual && !can_fuse_residual(make_problem(layer, bits, accelerator_.batch, machine_), machine_))
      return separate_addition(layer, bits, activity);
    std::optional<Estimate> found = estimate(layer, bits, accelerator_.batch, machine_, accelerator_.dram);
    if (!found && layer.adds_residual) return separate_addition(layer, bits, activity);  // no tile fits beside the residual
    if (!found)
      return Error{layer.name,
                   "not one tile of this layer fits into the memories of '" + accelerator_.name + "' at W" + std::to_string(bits.weight) +
                       "A" + std::to_string(bits.activation),
                   "fewer bits, or larger activation_entries and weight_entries"};
    if (tier_ == Tier::kCycle) {
      const CycleResult simulated = simulate(found->schedule, machine_, accelerator_.dram, trace_.get());
      Counts& counts = found->counts;
      DYAD_EXPECT(simulated.dram_read_bits == counts.dram_read_bits && simulated.dram_write_bits == counts.dram_write_bits &&
                      simulated.array_busy_cycles == counts.compute_cycles && simulated.sram_read_bits == counts.sram_read_bits &&
                      simulated.sram_write_bits == counts.sram_write_bits,
                  "analytic and cycle tier count different accesses for layer " + layer.name);
      counts.cycles = simulated.cycles;
      counts.stall_cycles = simulated.cycles - simulated.array_busy_cycles;
      found->bottleneck = find_bottleneck(found->schedule, accelerator_.dram, counts.cycles);
    }
    return finish(*found, bits, activity);
  }

 private:
  double peak_macs_per_cycle() const override { return static_cast<double>(machine_.lanes()); }

  /// The layer, then its residual addition as a pass of its own.
  Result<LayerCost> separate_addition(LayerShape layer, OperandBits bits, const Activity& activity) const {
    LayerShape addition;
    addition.name = layer.name;
    addition.kind = LayerKind::kAdd;
    addition.in_h = addition.out_h = layer.out_h;
    addition.in_w = addition.out_w = layer.out_w;
    addition.in_channels = addition.out_channels = layer.out_channels;
    layer.adds_residual = false;
    DYAD_TRY(LayerCost total, cost(layer, bits, activity));
    DYAD_TRY(const LayerCost added, cost(addition, {bits.weight, bits.out, bits.out}, activity));
    const double busy = total.utilization * static_cast<double>(total.cycles.value);
    total.cycles += added.cycles;
    total.compute_cycles += added.compute_cycles;
    total.stall_cycles += added.stall_cycles;
    total.dram_read += added.dram_read;
    total.dram_write += added.dram_write;
    for (const auto& [component, energy_pj] : added.energy_pj) total.energy_pj[component] += energy_pj;
    for (const auto& [resource, cycles] : added.resource_cycles) total.resource_cycles[resource] += cycles;
    total.utilization = busy / static_cast<double>(total.cycles.value);
    return total;
  }

  LayerCost finish(const Estimate& found, OperandBits bits, const Activity& activity) const {
    const Counts& counts = found.counts;
    const Technology& t = accelerator_.technology;
    LayerCost cost;
    cost.cycles = Cycles(counts.cycles);
    cost.compute_cycles = Cycles(counts.compute_cycles);
    cost.stall_cycles = Cycles(counts.stall_cycles);
    cost.dram_read = Bits(counts.dram_read_bits);
    cost.dram_write = Bits(counts.dram_write_bits);
    // Elementwise layers leave the array idle.
    if (counts.binary_operations > 0)
      cost.utilization =
          static_cast<double>(counts.binary_operations) /
          (static_cast<double>(counts.cycles) * static_cast<double>(machine_.lanes(machine_.packing(bits.weight, bits.activation))));
    cost.bottleneck = std::string(to_string(found.bottleneck));
    const ResourceCycles alone = resource_cycles(found.schedule, accelerator_.dram);
    // A resource's share of refreshes is a mean, which a short layer may escape; alone it takes no longer than with the others.
    const auto at_most_all = [&](double cycles) { return std::min(cycles, static_cast<double>(counts.cycles)); };
    cost.resource_cycles = {{"compute", at_most_all(alone.compute)},
                            {"weight fetch", at_most_all(alone.weight_fetch)},
                            {"activation fetch", at_most_all(alone.activation_fetch)},
                            {"output", at_most_all(alone.output)},
                            {"memory bus", at_most_all(alone.memory_bus)}};
    hwsim::EnergyLedger ledger;
    ledger.charge("array", counts.binary_operations, operation_energy_pj(activity));
    ledger.charge("array", counts.requantized, t.requantize_energy_pj.value);
    const auto read_pj = [&](const auto& memory) {
      return memory ? memory->bank.read_energy_pj_per_bit : t.sram_read_energy_pj_per_bit.value;
    };
    const auto write_pj = [&](const auto& memory) {
      return memory ? memory->bank.write_energy_pj_per_bit : t.sram_write_energy_pj_per_bit.value;
    };
    const auto &activations = accelerator_.activation_memory, &weights = accelerator_.weight_memory;
    ledger.charge("sram", counts.sram_read_bits - counts.weight_sram_read_bits, read_pj(activations));
    ledger.charge("sram", counts.weight_sram_read_bits, read_pj(weights));
    ledger.charge("sram", counts.sram_write_bits - counts.weight_sram_write_bits, write_pj(activations));
    ledger.charge("sram", counts.weight_sram_write_bits, write_pj(weights));
    ledger.charge("sram", counts.residual_bits, read_pj(activations) + write_pj(activations));
    ledger.charge("dram", counts.dram_read_bits + counts.dram_write_bits, accelerator_.dram_energy_pj_per_bit.value);
    const auto leakage_mw = [&](const auto& memory, std::int64_t capacity) {
      return memory ? memory->leakage_mw : t.sram_leakage_mw_per_bit.value * static_cast<double>(capacity);
    };
    const double static_mw = leakage_mw(activations, machine_.activation_entries * machine_.activation_entry_bits()) +
                             leakage_mw(weights, machine_.weight_entries * machine_.weight_entry_bits()) +
                             t.array_leakage_mw_per_lane.value * static_cast<double>(machine_.lanes());
    const double time_us = duration(cost.cycles, clock()).value;
    ledger.charge_static("leakage", static_mw, time_us);
    if (const auto& background = accelerator_.dram_background_mw) {
      // What the memory takes while it transfers is part of its energy per bit.
      const std::int64_t moved = counts.dram_read_bits + counts.dram_write_bits;
      const double transfer_us = static_cast<double>(accelerator_.dram.transfer_ticks(moved)) / hwsim::kTicksPerCycle / clock().value;
      ledger.charge_static("idle", background->value, std::max(0.0, time_us - transfer_us));
    }
    cost.energy_pj = ledger.energy_pj();
    return cost;
  }

  /// Of a one-bit product of stored bits.
  double operation_energy_pj(const Activity& activity) const {
    const Technology& t = accelerator_.technology;
    switch (machine_.operands) {
      case Operands::kBitPlanes: return t.binary_op_energy_pj.value * relative_switching(activity.weight_ones, activity.activation_ones);
      case Operands::kCodes: return t.add_energy_pj.value().value * 2 / 64;  // a pass adds two terms, and is added to the sum
      default: return t.mac_energy_pj.value().value / 64;                    // an array multiplier's, by its one-bit products
    }
  }

  Machine machine_;
  std::shared_ptr<hwsim::Trace> trace_;
};

}  // namespace

std::unique_ptr<CostModel> make_model(const Accelerator& accelerator, Tier tier, std::shared_ptr<hwsim::Trace> trace) {
  return std::make_unique<Model>(accelerator, tier, std::move(trace));
}

}  // namespace dyad::accel_models::tiled
