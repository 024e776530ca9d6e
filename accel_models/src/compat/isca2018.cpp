#include "dyad/accel_models/compat/isca2018.hpp"

#include <algorithm>
#include <vector>

#include "dyad/base/ceil_div.hpp"

namespace dyad::accel_models::isca2018 {
namespace {

constexpr std::int64_t kSumBits = 32;
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }

enum Operand { kWeights, kActivations, kOutputs, kOperands };
/// Which loops move to other data of an operand.
constexpr bool kDepends[kLoops][kOperands] = {
    {false, true, true}, {false, true, true}, {false, true, true}, {true, true, false}, {true, false, true}};

std::int64_t product(const std::array<std::int64_t, kLoops>& counts) {
  std::int64_t all = 1;
  for (const std::int64_t each : counts) all *= each;
  return all;
}

/// What holds for a tiling in every order.
struct Tiles {
  std::array<std::int64_t, kOperands> bits{}, room{};
  std::int64_t finished_bits = kSumBits;  ///< of an output that leaves
  bool reads_first_sums = true;           ///< outputs are read before anything was added to them
  std::int64_t compute_cycles = 0;
  Cost buffers;  // traffic between buffers and array
};

std::optional<Tiles> tiles_of(const Layer& l, const Tiling& t, const Machine& m) {
  const std::int64_t b = t.size[kBatch], ow = t.size[kOutW], oh = t.size[kOutH], ic = t.size[kInChannels], oc = t.size[kOutChannels];
  const std::int64_t kernel = l.kernel_h * l.kernel_w, depth = m.rows * products_per_cycle(l.weight_bits, l.activation_bits);
  Tiles tiles;
  tiles.room = {m.wbuf_bits / 2, m.ibuf_bits / 2, m.obuf_bits / 2};
  tiles.bits[kWeights] = round_up(kernel * ic, depth) * oc * l.weight_bits;
  const std::int64_t inputs =
      l.im2col ? ow * oh * kernel * ic : (l.kernel_w + (ow - 1) * l.stride) * (l.kernel_h + (oh - 1) * l.stride) * ic;
  tiles.bits[kActivations] = inputs * b * l.activation_bits;
  if (l.outputs == Outputs::kRequantized) {
    tiles.finished_bits = l.out_bits;
    tiles.reads_first_sums = false;
  }
  tiles.bits[kOutputs] = ow * oh * round_up(oc, m.columns) * b * kSumBits;
  for (int operand = 0; operand < kOperands; ++operand)
    if (tiles.bits[static_cast<std::size_t>(operand)] > tiles.room[static_cast<std::size_t>(operand)]) return std::nullopt;

  const std::int64_t count = product(t.count);
  const std::int64_t sums = l.im2col ? ceil_div(kernel * ic, depth) : kernel * ceil_div(ic, depth);
  tiles.compute_cycles = count * b * oh * ow * ceil_div(oc, m.columns) * sums;

  // The stationary operand of the innermost loops is the one with the least traffic by the simulator's estimate.
  const std::int64_t columns = round_up(oc, m.columns), steps = sums * depth, pixels = b * oh * ow;
  const auto a = static_cast<double>(l.activation_bits), w = static_cast<double>(l.weight_bits), o = static_cast<double>(kSumBits);
  const auto c = static_cast<double>(columns), s = static_cast<double>(steps), p = static_cast<double>(pixels);
  const double input_stationary = s * p * (a + c * (w + o)), output_stationary = c * p * (o + s * (a + w)),
               weight_stationary = s * c * (w + p * (a + o));
  const double least = std::min({input_stationary, weight_stationary, output_stationary});
  const std::int64_t macs = kernel * ic * pixels * oc;
  Cost& x = tiles.buffers;
  if (input_stationary == least) {
    x.ibuf_reads = count * kernel * ic * pixels * l.activation_bits;
    x.obuf_reads = x.obuf_writes = count * macs * kSumBits;
    x.wbuf_reads = count * macs * l.weight_bits;
  } else if (output_stationary == least) {
    x.ibuf_reads = count * macs * l.activation_bits;
    x.obuf_reads = x.obuf_writes = count * oc * pixels * kSumBits;
    x.wbuf_reads = count * macs * l.weight_bits;
  } else {
    x.ibuf_reads = count * macs * l.activation_bits;
    x.obuf_reads = x.obuf_writes = count * macs * kSumBits;
    x.wbuf_reads = count * kernel * ic * oc * l.weight_bits;
  }
  return tiles;
}

Cost cost_in_order(const Tiles& tiles, const Tiling& t, const Machine& m) {
  // From the innermost loop outwards: as long as all the data that a loop touches fits, it is fetched once; from then on, again in every
  // turn.
  std::array<std::int64_t, kOperands> traffic = tiles.bits, first = tiles.bits;
  std::array<bool, kOperands> fits{true, true, true};
  for (std::size_t at = kLoops; at-- > 0;) {
    const Loop loop = t.order[at];
    const std::int64_t turns = t.count[loop];
    for (std::size_t operand = 0; operand < kOperands; ++operand) {
      if (!fits[operand]) {
        traffic[operand] *= turns;
      } else if (kDepends[loop][operand]) {
        traffic[operand] *= turns;
        if (traffic[operand] > tiles.room[operand])
          fits[operand] = false;
        else
          first[operand] = traffic[operand];
      }
    }
  }
  // Complete sums leave once; the passes before spill them.
  const std::int64_t finished = product(t.count) / t.count[kInChannels] * tiles.bits[kOutputs], spilled = traffic[kOutputs] - finished;
  Cost x = tiles.buffers;
  const std::int64_t sums_read = tiles.reads_first_sums ? traffic[kOutputs] : spilled;
  x.dram_reads = traffic[kWeights] + traffic[kActivations] + sums_read;
  x.dram_writes = spilled + finished / kSumBits * tiles.finished_bits;
  x.wbuf_writes = traffic[kWeights];
  x.ibuf_writes = traffic[kActivations];
  x.obuf_writes += sums_read;
  x.obuf_reads += traffic[kOutputs];
  const std::int64_t begin = first[kWeights] + first[kActivations] + (tiles.reads_first_sums ? first[kOutputs] : 0);
  const std::int64_t end = first[kOutputs] / kSumBits * tiles.finished_bits;
  const std::int64_t transfer = ceil_div(x.dram_reads + x.dram_writes - begin - end, m.port_bits);
  x.stall_cycles = std::max<std::int64_t>(0, transfer - tiles.compute_cycles) + ceil_div(begin, m.port_bits) + ceil_div(end, m.port_bits);
  x.cycles = tiles.compute_cycles + x.stall_cycles;
  const Energies& e = m.energies;
  const auto charge = [](std::int64_t bits, const Sourced& pj) { return static_cast<double>(bits) * pj.value; };
  x.core_pj = charge(tiles.compute_cycles, e.core_pj_per_cycle);
  x.sram_pj = charge(x.wbuf_reads, e.wbuf_read_pj_per_bit) + charge(x.wbuf_writes, e.wbuf_write_pj_per_bit) +
              charge(x.ibuf_reads, e.ibuf_read_pj_per_bit) + charge(x.ibuf_writes, e.ibuf_write_pj_per_bit) +
              charge(x.obuf_reads, e.obuf_read_pj_per_bit) + charge(x.obuf_writes, e.obuf_write_pj_per_bit);
  x.dram_pj = charge(x.dram_reads + x.dram_writes, e.dram_pj_per_bit);
  return x;
}

/// The powers of two up to an extent, and the extent.
std::vector<std::int64_t> tile_sizes(std::int64_t extent, std::int64_t unit) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t size = unit;; size *= 2) {
    sizes.push_back(std::min(size, extent));
    if (size >= extent) return sizes;
  }
}

}  // namespace

std::int64_t products_per_cycle(std::int64_t weight_bits, std::int64_t activation_bits) {
  return 8 / std::max<std::int64_t>(activation_bits, 2) * (8 / std::max<std::int64_t>(weight_bits, 2));
}

std::optional<Cost> cost_of(const Layer& layer, const Tiling& tiling, const Machine& machine) {
  const std::optional<Tiles> tiles = tiles_of(layer, tiling, machine);
  if (!tiles) return std::nullopt;
  return cost_in_order(*tiles, tiling, machine);
}

std::optional<Best> search(const Layer& l, const Machine& m) {
  std::optional<Best> best;
  std::int64_t evaluated = 0;
  const auto try_orders = [&](Tiling t) {
    const std::optional<Tiles> tiles = tiles_of(l, t, m);
    if (!tiles) return;
    // No order needs fewer cycles than computing, and moving one tile in and one out.
    const std::int64_t one_in = tiles->bits[kWeights] + tiles->bits[kActivations] + (tiles->reads_first_sums ? tiles->bits[kOutputs] : 0);
    const std::int64_t least = tiles->compute_cycles + ceil_div(one_in, m.port_bits) +
                               ceil_div(tiles->bits[kOutputs] / kSumBits * tiles->finished_bits, m.port_bits);
    if (best && least > best->cost.cycles) return;
    // Loops of one turn may stand anywhere; rows and columns of the output are alike when they turn equally often.
    std::vector<Loop> turning, still;
    for (int loop = 0; loop < kLoops; ++loop)
      (t.count[static_cast<std::size_t>(loop)] > 1 ? turning : still).push_back(static_cast<Loop>(loop));
    const bool alike = t.count[kOutW] == t.count[kOutH] && t.count[kOutW] > 1;
    do {
      if (alike && std::find(turning.begin(), turning.end(), kOutH) < std::find(turning.begin(), turning.end(), kOutW)) continue;
      std::copy(turning.begin(), turning.end(), t.order.begin());
      std::copy(still.begin(), still.end(), t.order.begin() + static_cast<std::ptrdiff_t>(turning.size()));
      const Cost cost = cost_in_order(*tiles, t, m);
      ++evaluated;
      if (!best || cost.cycles < best->cost.cycles || (cost.cycles == best->cost.cycles && cost.energy_pj() < best->cost.energy_pj()))
        best = Best{t, cost, 0};
    } while (std::next_permutation(turning.begin(), turning.end()));
  };
  const std::int64_t extent = std::max(l.out_h, l.out_w);
  Tiling t;
  for (const std::int64_t b : tile_sizes(l.batch, 1))
    for (const std::int64_t o : tile_sizes(extent, 1))
      for (const std::int64_t ic : tile_sizes(l.in_channels, 1))
        for (const std::int64_t oc : tile_sizes(l.out_channels, l.im2col ? 1 : m.columns)) {
          t.size = {b, std::min(o, l.out_w), std::min(o, l.out_h), ic, oc};
          t.count = {ceil_div(l.batch, b), ceil_div(l.out_w, t.size[kOutW]), ceil_div(l.out_h, t.size[kOutH]), ceil_div(l.in_channels, ic),
                     ceil_div(l.out_channels, oc)};
          try_orders(t);
        }
  if (best) best->evaluated = evaluated;
  return best;
}

}  // namespace dyad::accel_models::isca2018
