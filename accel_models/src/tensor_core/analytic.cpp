#include "dyad/accel_models/tensor_core/analytic.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/base/ceil_div.hpp"

namespace dyad::accel_models::tensor_core {
namespace {

constexpr double kTicks = static_cast<double>(hwsim::kTicksPerCycle);

double number(std::int64_t value) { return static_cast<double>(value); }

/// What a wave asks of the memory at a time: cycles of L2's bus and of the DRAM's, and from the request to the last data, or the
/// acknowledgement. The DRAM's data pass through L2 as they come: its bus may be busy with hits while they are waited for.
struct Transfer {
  double l2 = 0, dram = 0, latency = 0;
  double bus() const { return std::max(l2, dram); }
  Transfer operator+(const Transfer& other) const { return {l2 + other.l2, dram + other.dram, latency}; }
};

class Transfers {
 public:
  Transfers(const KernelPlan& k, const MemoryTiming& memory) : k_(k), memory_(memory) {}
  Transfer step(std::int64_t ctas) const { return of(k_.l2_step_bits, k_.dram_step_bursts, k_.ctas * k_.steps, ctas, k_.load_latency); }
  Transfer residual(std::int64_t ctas) const {
    return of(k_.l2_residual_bits, k_.dram_residual_bursts, k_.ctas, ctas, k_.residual_latency);
  }
  Transfer store(std::int64_t ctas) const {
    return of(k_.l2_write_bits, k_.dram_write_bursts, k_.ctas * k_.stores(), ctas, k_.write_latency);
  }

  /// Everything that the kernel reads and writes.
  Transfer all() const {
    const Transfer steps = step(k_.ctas), residuals = residual(k_.ctas), stores = store(k_.ctas);
    const auto repeated = [&](const Transfer& t, std::int64_t times) { return Transfer{number(times) * t.l2, number(times) * t.dram, 0}; };
    return repeated(steps, k_.steps) + residuals + repeated(stores, k_.stores());
  }
  /// `least`: the latency on idle buses without a limit.
  double latency(const Transfer& t, std::int64_t least) const {
    return number(memory_.l2.latency) + std::max(t.l2, t.dram + number(least - memory_.l2.latency));
  }

 private:
  /// `l2_bits` of a CTA, and its piece of the kernel's bursts.
  Transfer of(std::int64_t l2_bits, std::int64_t bursts, std::int64_t pieces, std::int64_t ctas, std::int64_t least) const {
    const double dram_bits = number(bursts) / number(pieces) * number(memory_.dram.burst_bits) * number(ctas);
    Transfer t{memory_.l2.stream_ticks(number(ctas * l2_bits)) / kTicks, memory_.dram.stream_ticks(dram_bits) / kTicks, 0};
    t.latency = latency(t, least);
    return t;
  }

  const KernelPlan& k_;
  const MemoryTiming& memory_;
};

/// From the start of a wave of `all` CTAs, `sm` on the fullest SM, to its last store's request; `before`: what was stored last, for which
/// the buses may still be busy. All SMs take every step together: their loads share the buses evenly.
///   load(i) = max(end(i - stages), load(i - 1)) + X          on a bus
///   end(i)  = max(end(i - 1), load(i) + latency) + c
/// is a longest path; m turns of both lines take a load's latency and c for `stages` steps, all other steps the longer of c and X. It is
/// linear in m and longest at an end of m's range.
double wave(const KernelPlan& k, const Transfers& transfers, std::int64_t sm, std::int64_t all, const Transfer& before) {
  const auto start = number(k.start_cycles), c = number(k.round_cycles(sm));
  const Transfer load = transfers.step(all);
  const Transfer step = k.stores_steps ? load + transfers.store(all) : load;
  const double pace = std::max(c, step.bus()), turn = load.latency + c;
  const auto further = number(k.steps - 1), turns = number((k.steps - 1) / k.stages);
  // The first load: L2 serves an SM's store before; the DRAM's reads and writes take turns.
  const double l2_wait = std::max(0.0, before.l2 - start), dram_wait = std::max(0.0, before.dram - start - l2_wait);
  const double first = l2_wait + transfers.latency({load.l2, load.dram + std::min(dram_wait, load.dram), 0}, k.load_latency) + c;
  const double rest = std::max(further * pace, turns * turn + (further - turns * number(k.stages)) * pace);
  double cycles = start + first + rest + number(k.tail_cycles(sm));
  if (k.l2_residual_bits > 0) cycles += transfers.residual(all).latency;
  return cycles;
}

double kernel_cycles(const KernelPlan& k, const MemoryTiming& memory) {
  const Transfers transfers(k, memory);
  const std::int64_t full = k.full_waves(), left = k.last_wave(), whole = k.sms * k.resident;
  const std::int64_t first_ctas = full > 0 ? whole : left, first_sm = full > 0 ? k.resident : ceil_div(left, k.sms);
  Transfer store = transfers.store(first_ctas);
  const double first = wave(k, transfers, first_sm, first_ctas, {});
  double path = first;
  if (full > 0) {
    path += number(full - 1) * wave(k, transfers, k.resident, whole, store);
    if (left > 0) {
      path += wave(k, transfers, ceil_div(left, k.sms), left, store);
      store = transfers.store(left);
    }
  }
  // From the first store on the DRAM's bus carries all stores and the loads that were not made before.
  const Transfer load = transfers.step(first_ctas);
  double before = number(k.steps) * load.dram + transfers.residual(first_ctas).dram, first_store = first;
  if (k.stores_steps) {
    before = number(std::min(k.steps, k.stages)) * load.dram;
    first_store = number(k.start_cycles) + load.latency + number(k.round_cycles(first_sm));
  }
  const double all = transfers.all().dram;
  const double busy = first_store + all - before + transfers.latency({}, k.write_latency);
  return number(k.launch_cycles) + std::max(path + store.latency, busy);
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
    const auto wave_of = [&](std::int64_t sm) { return k.steps * k.round_cycles(sm) + k.tail_cycles(sm); };
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
    output_l2 += number(k.ctas * (k.stores() * k.l2_write_bits + k.l2_residual_bits)) + (i > 0 ? number(k.ctas * k.l2_step_bits) : 0);
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
