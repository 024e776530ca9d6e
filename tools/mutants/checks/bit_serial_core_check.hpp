/// \file Random layers through a bit-serial core in the SystemC memory system, against the cycle tier. It kills the mutants of the core and of
/// the modules that only live in it.
#pragma once

#include "core_simulation.hpp"
#include "dyad/accel_models/bit_serial/cycle.hpp"
#include "dyad/accel_models/bit_serial/rtl.hpp"
#include "support/random_bit_serial.hpp"

namespace dyad::cosim {

/// `options.cases` runs of layers; cycles, bits read and every output are compared. Some have random stalls at all ports: outputs only.
template <class Model>
Check check_bit_serial_core(const CheckOptions& options, const CoreShape& shape) {
  using namespace accel_models::bit_serial;
  constexpr std::int64_t kPatience = 200'000;
  Check check{"bit_serial_core", 0, 0, ""};
  CoreSimulationOf<Model> core(shape, options.mutant, kPatience);
  for (std::uint64_t i = 0; check.cases < options.cases; ++i) {
    Random random(options.seed, i);
    const auto one = random.below(4) == 0 ? testing_support::random_elementwise(random, true) : testing_support::random_weighted(random, true);
    Machine machine;
    machine.rows = shape.rows;
    machine.columns = shape.columns;
    machine.depth = shape.activation_word_bits;
    machine.activation_entries = random.between(2, shape.activation_entries);
    machine.weight_entries = random.between(2, shape.weight_entries);
    machine.pipeline_cycles = random.between(shape.output_latency, shape.output_latency + 8);
    machine.requantizer_lanes = shape.lanes;
    machine.output_port_bits = random.between(8, 256);
    machine.output_buffer_bits = random.between(256, 8192);
    machine.queue_depth = random.between(1, kMaxQueueDepth);
    hwsim::DramTiming dram = testing_support::random_dram(random);
    dram.latency = std::max<std::int64_t>(2, dram.latency);
    const LayerOperands operands = one.operands();
    const Problem problem = make_problem(cost_shape(operands), operand_bits(operands), operands.batch(), machine);
    for (const Order order : {Order::kActivationsResident, Order::kWeightsResident, Order::kStreamed}) {
      const auto schedule = make_schedule(problem, machine, dram, order);
      if (!schedule) continue;
      auto expected = LayerData::make(operands, problem, *schedule, machine), actual = LayerData::make(operands, problem, *schedule, machine);
      if (!expected || !actual) continue;
      const CycleResult tier = simulate(*schedule, machine, dram, nullptr, &*expected);
      const CoreStalls stalls{random.below(3) == 0, random.next()};
      const auto rtl = run_on_core(core, *actual, machine, dram, stalls);
      if (!rtl) continue;  // a rounding or an operation that this core was not built for
      ++check.cases;
      const std::string where = "layer " + std::to_string(i) + ": ";
      if (!stalls.enabled && (rtl->cycles != tier.cycles || rtl->dram_read_bits != tier.dram_read_bits))
        if (check.mismatch(where + std::to_string(rtl->cycles) + " cycles, the cycle tier " + std::to_string(tier.cycles))) return check;
      for (std::int64_t e = 0; e < expected->output().size(); ++e)
        if (actual->output().get(e) != expected->output().get(e)) {
          if (check.mismatch(where + "element " + std::to_string(e) + " differs")) return check;
          break;
        }
    }
  }
  return check;
}

}  // namespace dyad::cosim
