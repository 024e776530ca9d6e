#include "dyad/accel_models/tensor_core/analytic.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/base/ceil_div.hpp"

namespace dyad::accel_models::tensor_core {
namespace {

constexpr double kTicks = static_cast<double>(hwsim::kTicksPerCycle);

double number(std::int64_t value) { return static_cast<double>(value); }

/// Cycles of L2's and of the DRAM's bus for one SM's requests of one kind, and for those of all SMs of a wave.
struct Bus {
  double one = 0, all = 0;
};

/// What the wave's SMs ask of the memory, in cycles of the bus that takes longer.
class Buses {
 public:
  Buses(const KernelPlan& k, const MemoryTiming& memory) : k_(k), memory_(memory) {}
  /// A step, the added tensor, or the outputs: `l2_bits` of a CTA, `bursts` of the kernel over `pieces`.
  Bus of(std::int64_t l2_bits, std::int64_t bursts, std::int64_t pieces, std::int64_t ctas_of_sm, std::int64_t ctas_of_wave) const {
    const double bits = static_cast<double>(bursts) / number(pieces) * number(memory_.dram.burst_bits);
    const double l2 = memory_.l2.stream_ticks(number(l2_bits)) / kTicks, dram = memory_.dram.stream_ticks(bits) / kTicks;
    const double longer = std::max(l2, dram);
    return {longer * number(ctas_of_sm), longer * number(ctas_of_wave)};
  }
  Bus step(std::int64_t sm, std::int64_t wave) const { return of(k_.l2_step_bits, k_.dram_step_bursts, k_.ctas * k_.steps, sm, wave); }
  Bus residual(std::int64_t sm, std::int64_t wave) const { return of(k_.l2_residual_bits, k_.dram_residual_bursts, k_.ctas, sm, wave); }
  Bus write(std::int64_t sm, std::int64_t wave) const { return of(k_.l2_write_bits, k_.dram_write_bursts, k_.ctas, sm, wave); }

 private:
  const KernelPlan& k_;
  const MemoryTiming& memory_;
};

/// Of the CTAs that one SM runs together, `ctas_of_sm` of `ctas_of_wave`: from their start to the last store, and the bus's share.
struct Wave {
  double path = 0;     ///< of an SM for which the buses are free: first requests after start_cycles
  double bus = 0;      ///< of all SMs together
  double stagger = 0;  ///< how much later the last SM gets its first data than the first one
  Bus write;
};

/// A step needs its data and the step before. A request is made when the buffer is free: the buffer of step i by step i - stages.
///   end(i) = max(end(i - 1), end(i - stages) + latency) + c
/// is a longest path; with m of the second kind it is linear in m, so that it is longest at an end of m's range.
double main_loop(const KernelPlan& k, double latency, double c, double pace) {
  const double steps = number(k.steps);
  const auto rounds = number((k.steps - 1) / k.stages);
  const double rest = steps - rounds * number(k.stages);
  return latency + std::max((steps - 1) * pace + c, rounds * (latency + c) + rest * c);
}

Wave wave(const KernelPlan& k, const Buses& buses, std::int64_t sm, std::int64_t all) {
  const Bus step = buses.step(sm, all), residual = buses.residual(sm, all);
  Wave w;
  w.write = buses.write(sm, all);
  const double c = number(k.round_cycles(sm)), pace = std::max(c, step.all);
  w.stagger = step.all - step.one;
  w.path = number(k.start_cycles) + step.one + main_loop(k, number(k.load_latency), c, pace) + number(k.epilogue_cycles(sm));
  if (k.l2_residual_bits > 0) w.path += number(k.residual_latency) + std::max(residual.one, residual.all - (c > step.all ? w.stagger : 0));
  w.bus = number(k.steps) * step.all + residual.all + w.write.all;
  return w;
}

double kernel_cycles(const KernelPlan& k, const MemoryTiming& memory) {
  const Buses buses(k, memory);
  const std::int64_t full = k.full_waves(), left = k.last_wave();
  double total = number(k.launch_cycles);
  Wave last;
  if (full > 0) {
    last = wave(k, buses, k.resident, k.sms * k.resident);
    total += last.stagger + last.path + number(full - 1) * std::max(last.path, last.bus);
  }
  if (left > 0) {
    const Wave partial = wave(k, buses, ceil_div(left, k.sms), left);
    total += full > 0 ? std::max(partial.path, partial.bus) : partial.stagger + partial.path;
    last = partial;
  }
  // The writes of the last wave come as its SMs end: `stagger` apart, or faster than the bus takes them.
  total += number(k.write_latency) + std::max(last.write.one, last.write.all - last.stagger);
  return total;
}

}  // namespace

std::int64_t plan_cycles(const LayerPlan& plan, const MemoryTiming& memory) {
  double total = 0;
  for (int i = 0; i < plan.kernels; ++i) total += kernel_cycles(plan.kernel[static_cast<std::size_t>(i)], memory);
  return static_cast<std::int64_t>(std::ceil(total - 1e-6));
}

std::optional<Estimate> estimate(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Gpu& gpu,
                                 const hwsim::DramTiming& dram) {
  const MemoryTiming memory = memory_timing(gpu, dram);
  const Problem problem = make_problem(layer, bits, batch);
  std::optional<Estimate> best;
  const auto consider = [&](const LayerPlan& plan) {
    const std::int64_t cycles = plan_cycles(plan, memory);
    if (!best || cycles < best->cycles) best = Estimate{plan, cycles};
  };
  if (problem.weighted) {
    for (int instruction = 0; instruction < static_cast<int>(gpu.instructions.size()); ++instruction)
      for (int tile = 0; tile < static_cast<int>(gpu.tiles.size()); ++tile)
        for (std::int64_t slices = 1; slices <= gpu.max_split_k; slices *= 2)
          if (const auto plan = matrix_plan(problem, gpu, memory, tile, instruction, slices)) consider(*plan);
  }
  if (!problem.weighted || problem.direct) consider(element_plan(problem, gpu, memory));
  return best;
}

std::optional<std::int64_t> cycles(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Gpu& gpu,
                                   const hwsim::DramTiming& dram) {
  const auto found = estimate(layer, bits, batch, gpu, dram);
  if (!found) return std::nullopt;
  return found->cycles;
}

std::int64_t compute_cycles(const LayerPlan& plan) {
  std::int64_t cycles = 0;
  for (int i = 0; i < plan.kernels; ++i) {
    const KernelPlan& k = plan.kernel[static_cast<std::size_t>(i)];
    const auto wave_of = [&](std::int64_t sm) { return k.steps * k.round_cycles(sm) + k.epilogue_cycles(sm); };
    cycles += k.full_waves() * wave_of(k.resident);
    if (k.last_wave() > 0) cycles += wave_of(ceil_div(k.last_wave(), k.sms));
  }
  return cycles;
}

std::string_view find_bottleneck(const LayerPlan& plan, const MemoryTiming& memory, std::int64_t cycles) {
  const auto bus = [](const hwsim::DramTiming& timing, double bits) { return timing.stream_ticks(bits) / kTicks; };
  const double compute = number(compute_cycles(plan));
  double output_l2 = 0, output_dram = 0;
  for (int i = 0; i < plan.kernels; ++i) {
    const KernelPlan& k = plan.kernel[static_cast<std::size_t>(i)];
    output_l2 += number(k.ctas * (k.l2_write_bits + k.l2_residual_bits)) + (i > 0 ? number(k.ctas * k.l2_step_bits) : 0);
    output_dram += number((k.dram_write_bursts + k.dram_residual_bursts) * memory.dram.burst_bits);
  }
  // The operand that a bus carries most of is charged with all that it carries.
  const auto shares = [&](const hwsim::DramTiming& timing, double weights, double activations, double outputs) {
    const double all = bus(timing, weights + activations + outputs), most = std::max({weights, activations, outputs});
    return std::pair(all, std::string_view(most == weights ? "weight fetch" : most == activations ? "activation fetch" : "output"));
  };
  const auto l2 = shares(memory.l2, number(plan.weight_l2_bits), number(plan.activation_l2_bits), output_l2);
  const auto dram = shares(memory.dram, number(plan.weight_dram_bits), number(plan.activation_dram_bits), output_dram);
  const auto [longest, name] = l2.first > dram.first ? l2 : dram;
  if (std::max(compute, longest) < 0.5 * number(cycles)) return "fill";
  return compute >= longest ? "compute" : name;
}

std::string describe(const LayerPlan& plan, const Gpu& gpu) {
  const KernelPlan& k = plan.kernel[0];
  const std::string waves = std::to_string(k.full_waves() + (k.last_wave() > 0 ? 1 : 0)) + " waves";
  if (plan.instruction < 0) return (k.kind == KernelKind::kDirect ? "CUDA cores, direct convolution, " : "CUDA cores, ") + waves;
  const MmaInstruction& x = gpu.instructions[static_cast<std::size_t>(plan.instruction)];
  const Tile& tile = gpu.tiles[static_cast<std::size_t>(plan.tile)];
  std::string text = std::string(x.path == MmaPath::kWgmma ? "wgmma" : "mma.sync") + " " + std::to_string(x.bits) + "-bit";
  if (x.alu_instructions > 0) text += " (unpacked)";
  if (plan.planes > 1) text += ", " + std::to_string(plan.planes) + " bit planes";
  text += ", tile " + std::to_string(tile.m) + "x" + std::to_string(tile.n) + "x" + std::to_string(tile.k_bits) + "b";
  if (plan.slices > 1) text += ", K in " + std::to_string(plan.slices) + " slices";
  return text + ", " + std::to_string(k.resident) + " CTAs an SM, " + waves;
}

}  // namespace dyad::accel_models::tensor_core
