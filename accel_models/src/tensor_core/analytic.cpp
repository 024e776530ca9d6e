#include "dyad/accel_models/tensor_core/analytic.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/accel_models/tensor_core/followed.hpp"
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
  /// What of it is left when the buses have worked for some cycles on all but `own`.
  Transfer after(double cycles, const Transfer& own) const { return {std::max(own.l2, l2 - cycles), std::max(own.dram, dram - cycles), 0}; }
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

/// CTAs of a wave: `fullest` on each of `fuller_sms` SMs, one less on the others.
struct Spread {
  std::int64_t ctas = 0, fullest = 1, fuller_sms = 0;
  bool uneven() const { return fullest > 1 && fuller_sms > 0; }
  /// Their part on the SMs with most of them.
  double fuller_share() const { return uneven() ? number(fullest * fuller_sms) / number(ctas) : 1; }
};

/// A load of the SMs with `share` of the CTAs, once those with one CTA less or more are out of step with them. L2 serves all CTAs alike;
/// the others have a load on it for the part `busy` of the time:
///   service * (busy * share + 1 - busy) = share * X,   busy = stages * (their service) / (their turn)
/// The DRAM serves one load after another, and finds half of theirs in the way for the part of the time in which it serves them.
Transfer out_of_step(const KernelPlan& k, const Transfers& transfers, const Transfer& load, double share, double own_c, double other_c) {
  const auto stages = number(k.stages);
  double own = load.l2, other = load.l2;
  const auto turn = [&](double service, double part, double c) {
    return transfers.latency({service, part * load.dram, 0}, k.load_latency) + c;
  };
  const auto next = [&](double part, double theirs, double their_c) {
    const double busy = std::min(1.0, stages * theirs / turn(theirs, 1 - part, their_c));
    return part * load.l2 / (busy * part + 1 - busy);
  };
  for (int i = 0; i < 4; ++i) {
    const double now = next(share, other, other_c);
    other = next(1 - share, own, own_c);
    own = now;
  }
  const double theirs = (1 - share) * load.dram, busy = std::min(1.0, stages * theirs / turn(other, 1 - share, other_c));
  return {own, share * load.dram + busy * theirs / 2, 0};
}

/// From the start of a wave to the end of its last step, on its SMs with `sm` CTAs; `before`: what was stored last, for which the buses may
/// still be busy. All SMs take every step together: their loads share the buses evenly.
///   load(i) = max(end(i - stages), load(i - 1)) + X          on a bus
///   end(i)  = max(end(i - 1), load(i) + latency) + c
/// is a longest path; m turns of both lines take a load's latency and c for `stages` steps, all other steps the longer of c and X. It is
/// linear in m and longest at an end of m's range.
double main_loop(const KernelPlan& k, const Transfers& transfers, const Spread& spread, std::int64_t sm, const Transfer& before) {
  const auto start = number(k.start_cycles), c = number(k.round_cycles(sm)), stages = number(k.stages);
  const Transfer load = transfers.step(spread.ctas), store = k.stores_steps ? transfers.store(spread.ctas) : Transfer{};
  // The first load: L2 serves an SM's store before; the DRAM's reads and writes take turns.
  const double l2_wait = std::max(0.0, before.l2 - start), dram_wait = std::max(0.0, before.dram - start - l2_wait);
  const double first = l2_wait + transfers.latency({load.l2, load.dram + std::min(dram_wait, load.dram), 0}, k.load_latency) + c;
  const auto further = number(k.steps - 1), turns = number((k.steps - 1) / k.stages);
  Transfer later = load;
  if (k.stores_steps) {
    later = {load.l2 + store.l2, load.dram + std::min(store.dram, load.dram), 0};
  } else if (spread.uneven() && turns > 0) {
    const double other_c = number(k.round_cycles(sm == spread.fullest ? sm - 1 : sm + 1));
    const double share = sm == spread.fullest ? spread.fuller_share() : 1 - spread.fuller_share();
    later = out_of_step(k, transfers, load, share, c, other_c);
  }
  const double turn = transfers.latency(later, k.load_latency) + c;
  // Loads of the first `stages` steps are made before anything is stored; the first store meets those that the DRAM has not served.
  const double early = std::min(further, stages - 1), pace = std::max(c, load.bus());
  const double met = std::min(early * store.dram, std::max(0.0, early * load.dram - (load.latency - load.dram + c)));
  const double paced = early * pace + met + (further - early) * std::max(c, (load + store).bus());
  // Loads that meet what is left of those stores take twice as long on the DRAM's bus.
  const double slowed = load.dram > 0 ? std::clamp(dram_wait / load.dram - 1, 0.0, further) : 0;
  const double slow_pace = std::max({c, load.l2, 2 * load.dram}) - pace;
  const double slow_turn = transfers.latency({later.l2, later.dram + load.dram, 0}, k.load_latency) + c - turn;
  const double rest = std::max(paced + slowed * std::max(0.0, slow_pace),
                               turns * turn + (further - turns * stages) * pace + std::floor(slowed / stages) * slow_turn);
  return start + first + rest;
}

/// A wave until the last stores' requests, of its SMs with most CTAs and of the others.
struct Wave {
  double end = 0, others_end = 0;
  double unread = 0;  ///< cycles of the DRAM's bus for loads that were asked for before the others' first store, and come after it
};

Wave wave(const KernelPlan& k, const Transfers& transfers, const Spread& spread, const Transfer& before) {
  Wave w;
  w.end = main_loop(k, transfers, spread, spread.fullest, before);
  if (!spread.uneven()) {
    if (k.l2_residual_bits > 0) {
      // The stores before may not be done: they take turns with what is read now.
      Transfer residual = transfers.residual(spread.ctas);
      const double made = std::min(before.dram, transfers.step(spread.ctas).dram * number(k.steps));
      residual.dram += std::clamp(before.dram + made - w.end, 0.0, residual.dram);
      w.end += transfers.latency(residual, k.residual_latency);
    }
    w.end += number(k.tail_cycles(spread.fullest));
    w.others_end = w.end;
    return w;
  }
  double loop = w.end;
  double others_loop = std::min(loop, main_loop(k, transfers, spread, spread.fullest - 1, before));
  // Where the DRAM sets the pace, the others ask first and are served first.
  const Transfer load = transfers.step(spread.ctas);
  const auto c = number(k.round_cycles(spread.fullest)), others_c = number(k.round_cycles(spread.fullest - 1));
  if (load.dram >= std::max(c, load.l2) && k.steps > k.stages)
    others_loop = std::min(others_loop, loop - (c - others_c) - spread.fuller_share() * load.dram);
  w.others_end = others_loop;
  if (k.l2_residual_bits > 0) {
    const std::int64_t late = spread.fullest * spread.fuller_sms, early = spread.ctas - late;
    const Transfer own = transfers.residual(late), all = transfers.residual(spread.ctas), others = transfers.residual(early);
    w.others_end += others.latency + number(k.tail_cycles(spread.fullest - 1));
    // A load on its way meets the others' added tensor on average half way through; their stores take turns with its own.
    const bool waits =
        transfers.step(spread.ctas).latency + number(k.round_cycles(spread.fullest)) > number(k.stages * k.round_cycles(spread.fullest));
    if (waits && loop > others_loop) loop += others.dram / 2;
    Transfer residual = all.after(loop - others_loop, own);
    w.unread = std::clamp(loop + residual.dram - std::max(loop, w.others_end), 0.0, residual.dram);
    residual.dram += std::min(w.unread, std::max(0.0, w.others_end + transfers.store(early).dram - std::max(loop, w.others_end)));
    w.end = loop + transfers.latency(residual, k.residual_latency);
  } else {
    w.end = loop;
    w.others_end += number(k.tail_cycles(spread.fullest - 1));
  }
  w.end += number(k.tail_cycles(spread.fullest));
  return w;
}

double kernel_cycles(const KernelPlan& k, const MemoryTiming& memory) {
  const Transfers transfers(k, memory);
  const std::int64_t full = k.full_waves(), left = k.last_wave();
  const Spread whole{k.sms * k.resident, k.resident, 0}, last{left, ceil_div(left, k.sms), left % k.sms};
  Transfer store;
  double path = 0, first_store = 0, unread = 0;
  if (full > 0) {
    first_store = path = wave(k, transfers, whole, {}).end;
    store = transfers.store(whole.ctas);
    if (full > 1) path += number(full - 1) * wave(k, transfers, whole, store).end;
  }
  if (left > 0) {
    const Wave w = wave(k, transfers, last, store);
    path += w.end;
    if (full == 0) {
      first_store = w.others_end;
      unread = w.unread;
    }
    store = transfers.store(left);
    if (last.uneven()) store = store.after(w.end - w.others_end, transfers.store(last.fullest * last.fuller_sms));
  }
  // From the first store on a bus carries all stores, and the loads that were not made before.
  const Spread& begin = full > 0 ? whole : last;
  const Transfer load = transfers.step(begin.ctas), residual = transfers.residual(begin.ctas), everything = transfers.all();
  auto made = number(k.steps);
  if (k.stores_steps) {
    made = number(std::min(k.steps, k.stages));
    first_store = number(k.start_cycles) + load.latency + number(k.round_cycles(begin.uneven() ? begin.fullest - 1 : begin.fullest));
  }
  const double later = std::max(everything.l2 - made * load.l2 - residual.l2, everything.dram - made * load.dram - residual.dram + unread);
  const double busy = first_store + later + transfers.latency({}, k.write_latency);
  return number(k.launch_cycles) + std::max(path + transfers.latency(store, k.write_latency), busy);
}

}  // namespace

std::int64_t plan_cycles(const LayerPlan& plan, const MemoryTiming& memory) {
  double total = 0;
  for (int i = 0; i < plan.kernels; ++i) total += kernel_cycles(plan.kernel[static_cast<std::size_t>(i)], memory);
  return static_cast<std::int64_t>(std::ceil(total - 1e-6));
}

namespace {

/// The closed form's `cycles`, with kernels followed whose SMs fall out of step.
std::int64_t followed_cycles(const LayerPlan& plan, const MemoryTiming& memory, std::int64_t cycles) {
  if (memory.l2.bits_per_kilocycle == 0 || memory.dram.bits_per_kilocycle == 0) return cycles;
  bool any = false;
  double total = 0;
  for (int i = 0; i < plan.kernels; ++i) {
    const KernelPlan& kernel = plan.kernel[static_cast<std::size_t>(i)];
    const bool follows = falls_out_of_step(kernel);
    any |= follows;
    total += follows ? number(follow(kernel, memory)) : kernel_cycles(kernel, memory);
  }
  return any ? static_cast<std::int64_t>(std::ceil(total - 1e-6)) : cycles;
}

/// The plan of least cycles in closed form.
std::optional<Estimate> choose(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Gpu& gpu, const MemoryTiming& memory) {
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

}  // namespace

std::optional<Estimate> estimate(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Gpu& gpu,
                                 const hwsim::DramTiming& dram) {
  const MemoryTiming memory = memory_timing(gpu, dram);
  std::optional<Estimate> best = choose(layer, bits, batch, gpu, memory);
  if (best) best->cycles = followed_cycles(best->plan, memory, best->cycles);
  return best;
}

std::optional<std::int64_t> closed_form_cycles(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Gpu& gpu,
                                               const hwsim::DramTiming& dram) {
  const auto found = choose(layer, bits, batch, gpu, memory_timing(gpu, dram));
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

namespace {

/// Bits through L2 and DRAM of a plan's kernels, by what they are.
struct Moved {
  double weights = 0, activations = 0, outputs = 0;
  double all() const { return weights + activations + outputs; }
};
struct MovedBits {
  Moved l2, dram;
};

MovedBits moved_bits(const LayerPlan& plan, const MemoryTiming& memory) {
  MovedBits moved;
  moved.l2 = {number(plan.weight_l2_bits), number(plan.activation_l2_bits), 0};
  moved.dram = {number(plan.weight_dram_bits), number(plan.activation_dram_bits), 0};
  for (int i = 0; i < plan.kernels; ++i) {
    const KernelPlan& k = plan.kernel[static_cast<std::size_t>(i)];
    moved.l2.outputs +=
        number(k.ctas * (k.stores() * k.l2_write_bits + k.l2_residual_bits)) + (i > 0 ? number(k.ctas * k.l2_step_bits) : 0);
    moved.dram.outputs += number((k.dram_write_bursts + k.dram_residual_bursts) * memory.dram.burst_bits);
  }
  return moved;
}

double bus_cycles(const hwsim::DramTiming& timing, double bits) { return timing.stream_ticks(bits) / kTicks; }

}  // namespace

std::map<std::string, double> resource_cycles(const LayerPlan& plan, const MemoryTiming& memory) {
  const MovedBits moved = moved_bits(plan, memory);
  const auto longer = [&](double Moved::*operand) {
    return std::max(bus_cycles(memory.l2, moved.l2.*operand), bus_cycles(memory.dram, moved.dram.*operand));
  };
  return {{"compute", number(compute_cycles(plan))},         {"weight fetch", longer(&Moved::weights)},
          {"activation fetch", longer(&Moved::activations)}, {"output", longer(&Moved::outputs)},
          {"L2", bus_cycles(memory.l2, moved.l2.all())},     {"memory bus", bus_cycles(memory.dram, moved.dram.all())}};
}

std::string_view find_bottleneck(const LayerPlan& plan, const MemoryTiming& memory, std::int64_t cycles) {
  const double compute = number(compute_cycles(plan));
  const MovedBits moved = moved_bits(plan, memory);
  const double l2 = bus_cycles(memory.l2, moved.l2.all()), dram = bus_cycles(memory.dram, moved.dram.all());
  if (std::max({compute, l2, dram}) < 0.5 * number(cycles)) return "fill";
  if (compute >= std::max(l2, dram)) return "compute";
  // The operand that a bus carries most of is charged with all that it carries.
  const Moved& bound = l2 > dram ? moved.l2 : moved.dram;
  const double most = std::max({bound.weights, bound.activations, bound.outputs});
  return most == bound.weights ? "weight fetch" : most == bound.activations ? "activation fetch" : "output";
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
