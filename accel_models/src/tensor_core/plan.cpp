#include "dyad/accel_models/tensor_core/plan.hpp"

#include <algorithm>
#include <cmath>

#include "dyad/base/ceil_div.hpp"
#include "elementwise.hpp"

namespace dyad::accel_models::tensor_core {
namespace {

constexpr std::int64_t kSectorBits = 256;     // of L2, the unit of its traffic: 32 bytes
constexpr std::int64_t kRegisterGranule = 8;  // registers of a thread are allocated in eights
constexpr std::int64_t kWarpgroupWarps = 4;
constexpr std::int64_t kAccumulatorBits = 32;

double number(std::int64_t value) { return static_cast<double>(value); }
std::int64_t up(double value) { return static_cast<std::int64_t>(std::ceil(value - 1e-9)); }

/// What of a layer's tensors has to be read from and written to DRAM. `warm` of all when they fit into L2 together.
struct Traffic {
  double cold = 1;  // share that L2 does not hold
  std::int64_t bursts(std::int64_t bits, const hwsim::DramTiming& dram) const { return ceil_div(up(cold * number(bits)), dram.burst_bits); }
};

Traffic traffic(const Problem& p, std::int64_t activation_bits, std::int64_t weight_bits, const Gpu& gpu) {
  const std::int64_t bits = p.inputs * activation_bits + p.weights * weight_bits + p.outputs * (p.out_bits + p.residual_bits);
  return {bits <= 8 * gpu.l2_bytes ? 1 - gpu.kernel.l2_warm : 1.0};
}

/// What all kernels have in common; sets latencies from what is read and written.
void finish(KernelPlan& k, const Gpu& gpu, const MemoryTiming& memory) {
  k.sms = gpu.sms;
  k.launch_cycles = std::llround(gpu.kernel.launch_cycles);
  k.start_cycles = std::llround(gpu.kernel.cta_cycles + gpu.kernel.prologue_cycles);
  k.step_cycles = gpu.kernel.step_cycles;
  k.overlap = gpu.kernel.overlap;
  const auto latency = [&](std::int64_t bursts) { return memory.l2.latency + (bursts > 0 ? memory.dram.latency : 0); };
  k.load_latency = latency(k.dram_step_bursts);
  k.residual_latency = latency(k.dram_residual_bursts);
  k.write_latency = latency(k.dram_write_bursts);
}

std::int64_t resident_ctas(const Gpu& gpu, std::int64_t warps, std::int64_t registers, std::int64_t shared_bytes) {
  std::int64_t ctas = std::min(gpu.max_ctas, gpu.max_warps / warps);
  ctas = std::min(ctas, gpu.registers / (ceil_div(registers, kRegisterGranule) * kRegisterGranule * kWarpThreads * warps));
  if (shared_bytes > 0) ctas = std::min(ctas, gpu.shared_bytes / shared_bytes);
  return ctas;
}

/// Warps, or warpgroups, of a CTA as a grid over its tile.
struct Issuers {
  std::int64_t m, n;
  std::int64_t count() const { return m * n; }
};

/// How often the operands are read from DRAM.
struct Passes {
  std::int64_t inputs = 1, weights = 1;
};

/// The CTAs that run at once are a block of h x w tiles. Blocks go down a panel of w columns, whose weights are read once if they fit into
/// half of L2, and the inputs once a panel; or along a panel of h rows, likewise. An operand that fits as a whole is read once in any
/// order. The order and the power of two h of least traffic, the first on a tie.
Passes passes(std::int64_t input_bits, std::int64_t weight_bits, std::int64_t tiles_m, std::int64_t tiles_n, std::int64_t at_once,
              const Gpu& gpu) {
  const std::int64_t half = 4 * gpu.l2_bytes;
  if (input_bits <= half && weight_bits <= half) return {};
  Passes best;
  std::int64_t least = -1;
  for (std::int64_t h = 1; h <= std::min(tiles_m, at_once); h *= 2) {
    const std::int64_t w = std::min(tiles_n, at_once / h), down = ceil_div(tiles_m, h), across = ceil_div(tiles_n, w);
    const bool weights_stay = ceil_div(weight_bits, across) <= half, inputs_stay = ceil_div(input_bits, down) <= half;
    for (const Passes each : {Passes{input_bits <= half ? 1 : across, weights_stay ? 1 : down},
                              Passes{inputs_stay ? 1 : across, weight_bits <= half ? 1 : down}}) {
      const std::int64_t bits = each.inputs * input_bits + each.weights * weight_bits;
      if (least >= 0 && bits >= least) continue;
      least = bits;
      best = each;
    }
  }
  return best;
}

double epilogue_instructions(const Problem& p, const Gpu& gpu) {
  return gpu.kernel.epilogue_instructions + (p.residual_bits > 0 ? gpu.kernel.residual_instructions : 0);
}

/// A kernel without tensor cores: its CTAs stay, and take chunks of the outputs step by step.
std::int64_t stream(KernelPlan& k, const Gpu& gpu, std::int64_t outputs) {
  k.warps = gpu.element_warps;
  k.resident = resident_ctas(gpu, gpu.element_warps, gpu.thread_registers, 0);
  const std::int64_t chunks = ceil_div(outputs, gpu.element_outputs);
  k.ctas = std::min(chunks, gpu.sms * k.resident);
  k.steps = ceil_div(chunks, k.ctas);
  k.stages = 2;
  k.stores_steps = true;
  return ceil_div(outputs, k.ctas * k.steps);
}

/// A reduction kernel that reads the partial sums of all slices from L2.
KernelPlan reduction_kernel(const Problem& p, const Gpu& gpu, const MemoryTiming& memory, std::int64_t slices, Work& work) {
  KernelPlan k;
  k.kind = KernelKind::kReduction;
  const std::int64_t outputs = stream(k, gpu, p.outputs);
  const double step = number(outputs) * (gpu.kernel.elementwise_instructions * number(slices) + epilogue_instructions(p, gpu));
  k.alu_cycles = step / (number(gpu.alu_lanes) * gpu.kernel.alu_efficiency);
  k.l2_step_bits = ceil_div(p.outputs * (slices * kAccumulatorBits + p.residual_bits), k.ctas * k.steps);
  k.l2_write_bits = ceil_div(p.outputs * p.out_bits, k.ctas * k.steps);
  k.port_cycles = number(k.l2_step_bits) / 8 / gpu.l2_port_bytes_per_cycle;
  work.alu_instructions += number(k.ctas * k.steps) * step;
  finish(k, gpu, memory);
  return k;
}

void count_traffic(LayerPlan& plan, const MemoryTiming& memory) {
  Work& work = plan.work;
  for (int i = 0; i < plan.kernels; ++i) {
    const KernelPlan& k = plan.kernel[static_cast<std::size_t>(i)];
    work.l2_bits += k.ctas * (k.steps * k.l2_step_bits + k.l2_residual_bits + k.stores() * k.l2_write_bits);
    work.dram_read_bits += (k.dram_step_bursts + k.dram_residual_bursts) * memory.dram.burst_bits;
    work.dram_write_bits += k.dram_write_bursts * memory.dram.burst_bits;
  }
}

}  // namespace

std::int64_t stored_bits(std::int64_t bits) {
  std::int64_t stored = 1;
  while (stored < bits) stored *= 2;
  return stored;
}

Problem make_problem(const LayerShape& layer, OperandBits bits, std::int64_t batch) {
  Problem p;
  p.weighted = layer.is_weighted();
  p.weight_bits = bits.weight;
  p.activation_bits = bits.activation;
  p.out_bits = stored_bits(bits.out);
  p.residual_bits = layer.adds_residual ? p.out_bits : 0;
  p.outputs = batch * layer.output_count();
  if (!p.weighted) {
    const ElementwiseWork work = elementwise_work(layer);
    p.inputs = batch * work.inputs;
    p.operations = p.outputs * work.operations;
    return p;
  }
  p.direct = layer.groups > 1;
  p.windowed = layer.window.kernel_h * layer.window.kernel_w > 1;
  p.groups = layer.groups;
  p.m = batch * layer.out_h * layer.out_w;
  p.n = layer.out_channels / layer.groups;
  p.k = layer.reduction();
  // No input that no output needs.
  p.inputs = batch * std::min(layer.input_count(), layer.out_h * layer.out_w * p.k * p.groups);
  p.weights = layer.weight_count();
  p.operations = batch * layer.macs();
  return p;
}

std::int64_t KernelPlan::round_cycles(std::int64_t n) const {
  const auto shared = [&](double mma, std::int64_t many) {
    const double others = number(many) * (alu_cycles + shared_cycles + port_cycles);
    const double longest = std::max({mma, number(many) * alu_cycles, number(many) * shared_cycles, number(many) * port_cycles});
    return longest + (1 - overlap) * (mma + others - longest);
  };
  const double alone = std::max(shared(mma_cycles(1), 1), chain_cycles) + step_cycles;
  return std::max<std::int64_t>(1, up(std::max(alone, shared(mma_cycles(n), n))));
}

std::int64_t KernelPlan::epilogue_cycles(std::int64_t n) const { return std::max<std::int64_t>(1, up(number(n) * epilogue_alu_cycles)); }

double KernelPlan::mma_cycles(std::int64_t n) const { return number(ceil_div(n * warps, sub_cores)) * warp_mma_cycles; }

MemoryTiming memory_timing(const Gpu& gpu, const hwsim::DramTiming& dram) {
  MemoryTiming memory{dram.ideal(), {}};  // of a card only bandwidth and latency are known: its controllers reorder
  memory.l2.latency = gpu.l2_latency_cycles;
  memory.l2.burst_bits = kSectorBits;
  memory.l2.request_bits = std::int64_t{1} << 40;
  if (dram.bits_per_kilocycle == 0) return memory;
  const auto share = [](double bits_per_kilocycle, double efficiency) {
    return std::max<std::int64_t>(1, std::llround(bits_per_kilocycle * efficiency));
  };
  memory.dram.bits_per_kilocycle = share(number(dram.bits_per_kilocycle), gpu.kernel.dram_efficiency);
  memory.l2.bits_per_kilocycle = share(8000 * gpu.l2_bytes_per_cycle, gpu.kernel.l2_efficiency);
  return memory;
}

std::optional<LayerPlan> matrix_plan(const Problem& p, const Gpu& gpu, const MemoryTiming& memory, int tile_index, int instruction,
                                     std::int64_t slices) {
  const Tile& tile = gpu.tiles[static_cast<std::size_t>(tile_index)];
  const MmaInstruction& x = gpu.instructions[static_cast<std::size_t>(instruction)];
  const std::int64_t wanted = std::max(p.weight_bits, p.activation_bits);
  const bool in_planes = x.bits < wanted;
  if (in_planes && (x.bits != 1 || !x.ands_bits)) return std::nullopt;
  const bool groups_of_warps = x.path == MmaPath::kWgmma;
  if (groups_of_warps && tile.warps() % kWarpgroupWarps != 0) return std::nullopt;

  LayerPlan plan;
  plan.tile = tile_index;
  plan.instruction = instruction;
  plan.planes = in_planes ? p.weight_bits * p.activation_bits : 1;
  plan.slices = slices;
  // An element's bits in memory: the instruction's, or one for each plane.
  const std::int64_t a_bits = in_planes ? p.activation_bits : x.bits, w_bits = in_planes ? p.weight_bits : x.bits;
  const std::int64_t step_k = std::max<std::int64_t>(1, tile.k_bits / x.bits), all_steps = ceil_div(p.k, step_k);
  if (slices > all_steps) return std::nullopt;
  KernelPlan& k = plan.kernel[0];
  k.steps = ceil_div(all_steps, slices);
  k.stages = tile.stages;
  if (ceil_div(all_steps, k.steps) != slices) return std::nullopt;  // fewer slices do the same
  const std::int64_t tiles_m = ceil_div(p.m, tile.m), tiles_n = ceil_div(p.n, tile.n);
  k.ctas = p.groups * tiles_m * tiles_n * slices;

  // Who issues the instructions, and how many of them.
  Issuers issuers{tile.warps_m, tile.warps_n};
  if (groups_of_warps) {
    const std::int64_t count = tile.warps() / kWarpgroupWarps;
    issuers = tile.m >= x.m * count ? Issuers{count, 1} : Issuers{1, count};
  }
  const std::int64_t chain = ceil_div(step_k, x.k);
  const std::int64_t each = ceil_div(ceil_div(tile.m, issuers.m), x.m) * ceil_div(ceil_div(tile.n, issuers.n), x.n) * chain * plan.planes;
  const std::int64_t threads = kWarpThreads * tile.warps();

  // Does it fit?
  const std::int64_t stage_bits = step_k * (tile.m * a_bits + tile.n * w_bits);
  const std::int64_t sets = in_planes ? 2 : 1;  // accumulators of a pair of planes beside their sum
  std::int64_t registers = gpu.thread_registers + ceil_div(sets * tile.m * tile.n, threads);
  if (!groups_of_warps)
    registers += ceil_div((ceil_div(tile.m, issuers.m) + ceil_div(tile.n, issuers.n)) * x.k * x.bits, kWarpThreads * kAccumulatorBits);
  if (registers > kMaxRegistersOfThread) return std::nullopt;
  k.resident = resident_ctas(gpu, tile.warps(), registers, ceil_div(tile.stages * stage_bits, 8));
  if (k.resident < 1) return std::nullopt;

  const KernelParameters& f = gpu.kernel;
  k.warps = issuers.count();
  k.sub_cores = groups_of_warps ? 1 : gpu.sub_cores;
  k.warp_mma_cycles = number(each) * x.interval_cycles / f.mma_efficiency;
  k.chain_cycles = number(chain * plan.planes) * x.latency_cycles;
  const double lanes = number(gpu.alu_lanes) * f.alu_efficiency;
  const double issued_alu = x.alu_instructions * number(kWarpThreads * issuers.count() * each * (groups_of_warps ? kWarpgroupWarps : 1));
  const double shift_adds = in_planes ? number(plan.planes * tile.m * tile.n) : 0;
  const double step_alu = (f.step_instructions + (p.windowed ? f.window_instructions : 0)) * number(threads) + issued_alu + shift_adds;
  k.alu_cycles = step_alu / lanes;
  const std::int64_t read_bits = step_k * (tile.m * a_bits * issuers.n + tile.n * w_bits * issuers.m);
  k.shared_cycles = number(stage_bits + read_bits) / 8 / (gpu.shared_bytes_per_cycle * f.shared_efficiency);
  double end = epilogue_instructions(p, gpu) + (x.ands_bits ? 0 : 1);
  if (slices > 1) end = 1;
  k.epilogue_alu_cycles = end * number(tile.m * tile.n) / lanes;

  // Bits through L2: rows and columns beyond the layer are not loaded.
  plan.activation_l2_bits = p.groups * tiles_n * p.m * p.k * a_bits;
  plan.weight_l2_bits = p.groups * ceil_div(tiles_m, tile.cluster) * p.n * p.k * w_bits;
  k.l2_step_bits = ceil_div(plan.activation_l2_bits + plan.weight_l2_bits, k.ctas * k.steps);
  const std::int64_t received_bits = plan.activation_l2_bits + p.groups * tiles_m * p.n * p.k * w_bits;
  k.port_cycles = number(received_bits) / number(k.ctas * k.steps) / 8 / gpu.l2_port_bytes_per_cycle;
  const Passes again = passes(p.inputs * a_bits, p.weights * w_bits, tiles_m, tiles_n, std::min(k.ctas, gpu.sms * k.resident), gpu);
  const Traffic dram = traffic(p, a_bits, w_bits, gpu);
  plan.weight_dram_bits = up(dram.cold * number(again.weights * p.weights * w_bits));
  plan.activation_dram_bits = up(dram.cold * number(again.inputs * p.inputs * a_bits));
  k.dram_step_bursts = ceil_div(plan.weight_dram_bits + plan.activation_dram_bits, memory.dram.burst_bits);

  Work& work = plan.work;
  work.mma_mac_bits = number(k.ctas * k.steps * issuers.count() * each * x.macs() * x.bits);
  work.alu_instructions = number(k.ctas) * (number(k.steps) * step_alu + end * number(tile.m * tile.n));
  work.shared_bits = number(k.ctas * k.steps) * number(stage_bits + read_bits);
  if (slices > 1) {
    // Partial sums stay in L2 until the second kernel has read them.
    const std::int64_t partial_bits = slices * p.outputs * kAccumulatorBits;
    if (partial_bits > 4 * gpu.l2_bytes) return std::nullopt;
    k.l2_write_bits = ceil_div(partial_bits, k.ctas);
    plan.kernels = 2;
    plan.kernel[1] = reduction_kernel(p, gpu, memory, slices, work);
  } else {
    k.l2_write_bits = ceil_div(p.outputs * p.out_bits, k.ctas);
    k.l2_residual_bits = ceil_div(p.outputs * p.residual_bits, k.ctas);
  }
  KernelPlan& last = plan.kernel[static_cast<std::size_t>(plan.kernels - 1)];
  last.dram_write_bursts = dram.bursts(p.outputs * p.out_bits, memory.dram);
  const std::int64_t residual_bursts = dram.bursts(p.outputs * p.residual_bits, memory.dram);
  (last.stores_steps ? last.dram_step_bursts : last.dram_residual_bursts) += residual_bursts;
  for (int i = 0; i < plan.kernels; ++i) finish(plan.kernel[static_cast<std::size_t>(i)], gpu, memory);
  count_traffic(plan, memory);
  return plan;
}

LayerPlan element_plan(const Problem& p, const Gpu& gpu, const MemoryTiming& memory) {
  LayerPlan plan;
  KernelPlan& k = plan.kernel[0];
  k.kind = p.weighted ? KernelKind::kDirect : KernelKind::kElementwise;
  const std::int64_t outputs = stream(k, gpu, p.outputs), pieces = k.ctas * k.steps;
  const std::int64_t a_bits = stored_bits(p.activation_bits), w_bits = p.weighted ? stored_bits(p.weight_bits) : 0;
  const double operation = p.weighted ? gpu.kernel.direct_instructions : gpu.kernel.elementwise_instructions;
  const double step = operation * number(p.operations) / number(pieces) + epilogue_instructions(p, gpu) * number(outputs);
  k.alu_cycles = step / (number(gpu.alu_lanes) * gpu.kernel.alu_efficiency);
  // Inputs pass through L2 once (windows overlap in L1), the weights of its channels once a step.
  plan.activation_l2_bits = p.inputs * a_bits;
  plan.weight_l2_bits = p.weighted ? pieces * std::min(p.weights, outputs * p.k) * w_bits : 0;
  k.l2_step_bits = ceil_div(plan.activation_l2_bits + plan.weight_l2_bits + p.outputs * p.residual_bits, pieces);
  k.l2_write_bits = ceil_div(p.outputs * p.out_bits, pieces);
  k.port_cycles = number(k.l2_step_bits) / 8 / gpu.l2_port_bytes_per_cycle;
  const Traffic dram = traffic(p, a_bits, w_bits, gpu);
  plan.activation_dram_bits = up(dram.cold * number(p.inputs * a_bits));
  plan.weight_dram_bits = up(dram.cold * number(p.weights * w_bits));
  k.dram_step_bursts = ceil_div(plan.activation_dram_bits + plan.weight_dram_bits, memory.dram.burst_bits) +
                       dram.bursts(p.outputs * p.residual_bits, memory.dram);
  k.dram_write_bursts = dram.bursts(p.outputs * p.out_bits, memory.dram);
  plan.work.alu_instructions = number(pieces) * step;
  finish(k, gpu, memory);
  count_traffic(plan, memory);
  return plan;
}

}  // namespace dyad::accel_models::tensor_core
