// What a bit less would save, layer by layer.
#include "dyad/workflow/simulate.hpp"

namespace dyad::workflow {
namespace {

/// Price of one operand, named by its member of OperandBits.
ShadowPrice price_of(const CostModel& model, const SimulatedLayer& layer, int OperandBits::*operand) {
  ShadowPrice price;
  const double useful = kUsefulSaving * static_cast<double>(layer.cost.cycles.value);
  const int present = layer.bits.*operand;
  for (int fewer = present - 1; fewer >= 1 && !price.next_bits; --fewer) {
    OperandBits bits = layer.bits;
    bits.*operand = fewer;
    const Result<LayerCost> cost = model.cost(layer.shape, bits, Activity{});
    if (!cost) continue;  // the accelerator does not run these bits
    const Saving saving{layer.cost.cycles - cost->cycles, layer.cost.energy().value - cost->energy().value};
    if (fewer == present - 1) price.one_bit = saving;
    if (saving.cycles.value > 0 && static_cast<double>(saving.cycles.value) >= useful) {
      price.next_bits = fewer;
      price.next = saving;
    }
  }
  return price;
}

}  // namespace

void add_shadow_prices(const CostModel& model, Simulation& simulation) {
  for (SimulatedLayer& layer : simulation.layers) {
    if (!layer.shape.is_weighted()) continue;
    layer.weight_price = price_of(model, layer, &OperandBits::weight);
    layer.activation_price = price_of(model, layer, &OperandBits::activation);
  }
}

}  // namespace dyad::workflow
