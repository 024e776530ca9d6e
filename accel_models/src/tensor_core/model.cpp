#include "model.hpp"

#include <algorithm>

#include "accelerator_model.hpp"
#include "dyad/accel_models/tensor_core/analytic.hpp"
#include "dyad/accel_models/tensor_core/cycle.hpp"

namespace dyad::accel_models::tensor_core {
namespace {

class Model : public AcceleratorModel {
 public:
  Model(const Accelerator& accelerator, Tier tier, std::shared_ptr<hwsim::Trace> trace)
      : AcceleratorModel(accelerator, tier),
        gpu_(std::get<Gpu>(accelerator.core)),
        memory_(memory_timing(gpu_, accelerator.dram)),
        trace_(std::move(trace)) {}

  Result<LayerCost> cost(const LayerShape& layer, OperandBits bits, const Activity&) const override {
    DYAD_CHECK(check(layer, bits, 8));
    const std::optional<Estimate> found = estimate(layer, bits, accelerator_.batch, gpu_, accelerator_.dram);
    if (!found)
      return Error{layer.name,
                   "not one tile of '" + accelerator_.name + "' fits into an SM at W" + std::to_string(bits.weight) + "A" +
                       std::to_string(bits.activation),
                   "smaller tiles or fewer stages"};
    std::int64_t cycles = found->cycles;
    if (tier_ == Tier::kCycle) {
      const CycleResult simulated = simulate(found->plan, memory_, trace_.get());
      const Work& work = found->plan.work;
      DYAD_EXPECT(simulated.dram_read_bits == work.dram_read_bits && simulated.dram_write_bits == work.dram_write_bits &&
                      simulated.l2_bits == work.l2_bits,
                  "analytic and cycle tier count different accesses for layer " + layer.name);
      cycles = simulated.cycles;
    }
    return finish(layer, found->plan, cycles);
  }

 private:
  double peak_macs_per_cycle() const override {
    double peak = 0;
    for (const MmaInstruction& x : gpu_.instructions)
      peak = std::max(peak, static_cast<double>(x.bits * x.bits) * gpu_.peak_macs_per_cycle(x));
    return peak;
  }

  LayerCost finish(const LayerShape& layer, const LayerPlan& plan, std::int64_t cycles) const {
    const Work& work = plan.work;
    const Energies& e = gpu_.energies;
    LayerCost cost;
    cost.cycles = Cycles(cycles);
    cost.compute_cycles = Cycles(std::min(cycles, compute_cycles(plan)));
    cost.stall_cycles = Cycles(cycles - cost.compute_cycles.value);
    cost.dram_read = Bits(work.dram_read_bits);
    cost.dram_write = Bits(work.dram_write_bits);
    const double macs = static_cast<double>(accelerator_.batch * layer.macs());
    if (plan.instruction >= 0) {
      const double peak = gpu_.peak_macs_per_cycle(gpu_.instructions[static_cast<std::size_t>(plan.instruction)]);
      cost.utilization = macs * plan.planes / (static_cast<double>(cycles) * peak);
    } else if (layer.is_weighted()) {
      cost.utilization = macs * gpu_.kernel.direct_instructions / (static_cast<double>(cycles * gpu_.sms * gpu_.alu_lanes));
    }
    cost.bottleneck = find_bottleneck(plan, memory_, cycles);
    cost.resource_cycles = resource_cycles(plan, memory_);
    cost.energy_pj = {{"array", work.mma_mac_bits / 8 * e.mac_pj.value + work.alu_instructions * e.alu_pj.value},
                      {"sram", work.shared_bits * e.shared_pj_per_bit.value + static_cast<double>(work.l2_bits) * e.l2_pj_per_bit.value},
                      {"dram", static_cast<double>(work.dram_read_bits + work.dram_write_bits) * accelerator_.dram_energy_pj_per_bit.value},
                      {"leakage", e.static_w.value * duration(cost.cycles, clock()).value * 1e6}};
    return cost;
  }

  Gpu gpu_;
  MemoryTiming memory_;
  std::shared_ptr<hwsim::Trace> trace_;
};

}  // namespace

std::unique_ptr<CostModel> make_model(const Accelerator& accelerator, Tier tier, std::shared_ptr<hwsim::Trace> trace) {
  return std::make_unique<Model>(accelerator, tier, std::move(trace));
}

}  // namespace dyad::accel_models::tensor_core
