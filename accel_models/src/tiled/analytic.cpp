#include "dyad/accel_models/tiled/analytic.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "durations.hpp"
#include "dyad/accel_models/tiled/followed.hpp"
#include "dyad/base/result.hpp"

namespace dyad::accel_models::tiled {
namespace {

/// One block whose resident operand stays for the whole layer, rows >= 1. The recurrence over rows q
///   y(q) = max(F(q - slots) + token + latency, y(q - 1)) + stream        stream tile q is in its memory
///   F(q) = max(F(q - 1) + n step, y(q) + head),  head = token + job + (n - 1) step     last job of row q is done
/// is a longest path. It has two sources, y(0) and F(0), and three kinds of edges that go round: F to F (one row), y to y (one
/// row), and F to y to F (`slots` rows). A path uses the last kind m times and fills the other rows with the dearer of the first two
/// (only F to F when it never visits y), which is linear in m: the longest has m smallest or largest.
Ticks single_block(const Schedule& s, const Durations& d, Ticks& first_row) {
  const Ticks n = s.block_tiles, token = Durations::kToken;
  const Ticks row = n * d.step, head = token + d.job + (n - 1) * d.step;
  const Ticks round = token + d.latency + d.stream_refetch + head;
  const std::int64_t further = s.rows - 1, rounds = further / s.stream_slots;
  const Ticks pace = std::max(row, d.stream);
  const Ticks first_stream = d.first_stream;
  first_row = std::max(first_stream + head, d.first_row);
  Ticks longest = first_stream + head + further * pace;
  longest = std::max(longest, first_row + further * row);
  const auto with_rounds = [&](Ticks start, std::int64_t m) { return start + m * round + (further - m * s.stream_slots) * pace; };
  if (rounds >= 1) {
    longest = std::max(longest, with_rounds(first_stream + head, rounds));
    longest = std::max({longest, with_rounds(first_row, 1), with_rounds(first_row, rounds)});
  }
  return longest;
}

/// The same recurrence with blocks, walked row by row; stretches that repeat with a constant shift are skipped.
class BlockWalk {
 public:
  BlockWalk(const Schedule& s, const Durations& d) : s_(s), d_(d) { now_.ring.fill(kNever); }

  Ticks first_row() const { return first_row_; }

  Ticks run() {
    std::optional<State> before_group;
    for (std::int64_t group = 0; group < s_.groups; ++group) {
      std::optional<State> before_block;
      for (std::int64_t block = 0; block < s_.blocks; ++block) {
        const bool last = block + 1 == s_.blocks;
        walk_block(last ? s_.last_block_tiles : s_.block_tiles);
        // Blocks but the last of a group are alike: skip to the last when as many as there are regions only shifted the state.
        if (last || block % s_.regions != 0) continue;
        if (before_block) block += s_.regions * skip(*before_block, (s_.blocks - 2 - block) / s_.regions);
        before_block = now_;
      }
      if (group % s_.regions != 0) continue;
      if (before_group) group += s_.regions * skip(*before_group, (s_.groups - 1 - group) / s_.regions);
      before_group = now_;
    }
    return now_.done(0);
  }

 private:
  struct State {
    std::array<Ticks, kMaxQueueDepth> ring;  // F of the last rows
    std::size_t newest = 0;
    Ticks stream_ready = kNever, resident_ready = 0;
    std::array<Ticks, 2> block_done{kNever, kNever};  // newest first
    std::int64_t rows = 0;

    Ticks done(std::int64_t rows_ago) const { return ring[(newest + static_cast<std::size_t>(rows_ago)) % kMaxQueueDepth]; }
    void push(Ticks time) { ring[newest = (newest + kMaxQueueDepth - 1) % kMaxQueueDepth] = time; }
  };

  /// True when every time in `now_` is `shift` later than in `before`, for rows that are all present in both.
  bool shifted(const State& before, Ticks& shift, bool whole) const {
    shift = now_.done(0) - before.done(0);
    if (before.rows < s_.stream_slots || now_.stream_ready - before.stream_ready != shift) return false;
    for (std::int64_t i = 1; i < s_.stream_slots; ++i)
      if (now_.done(i) - before.done(i) != shift) return false;
    if (!whole) return true;
    if (s_.has_resident && now_.resident_ready - before.resident_ready != shift) return false;
    for (std::int64_t i = 0; i < s_.regions; ++i)
      if (now_.block_done[static_cast<std::size_t>(i)] - before.block_done[static_cast<std::size_t>(i)] != shift) return false;
    return true;
  }

  void advance(Ticks by) {
    for (Ticks& time : now_.ring)
      if (time != kNever) time += by;
    now_.stream_ready += by;
    now_.resident_ready += by;
    for (Ticks& time : now_.block_done)
      if (time != kNever) time += by;
  }

  /// Repeats what led from `before` to now `times` times more, if it only shifted the state; returns how often.
  std::int64_t skip(const State& before, std::int64_t times) {
    Ticks shift = 0;
    if (times <= 0 || !shifted(before, shift, true)) return 0;
    advance(times * shift);
    return times;
  }

  void row(Ticks tiles, Ticks gate) {
    const Ticks token = Durations::kToken;
    const Ticks slot = now_.rows < s_.stream_slots ? kNever : now_.done(s_.stream_slots - 1) + token;
    now_.stream_ready = now_.rows == 0 ? d_.first_stream : std::max(slot + d_.latency + d_.stream_refetch, now_.stream_ready + d_.stream);
    const Ticks done = std::max({now_.done(0) + tiles * d_.step, now_.stream_ready + token + d_.job + (tiles - 1) * d_.step, gate});
    now_.push(done);
    ++now_.rows;
  }

  /// Time of the transfer of a resident tile that is requested when its region is given back, while the other region's block is under way.
  Ticks refetch() {
    if (d_.request == 0) return d_.resident;  // no limit on bandwidth
    const Ticks later = now_.block_done[0] - now_.block_done[static_cast<std::size_t>(s_.regions - 1)];
    // Two regions often are given back in turn at two distances.
    Refetch& known = refetches_[later == refetches_[0].later ? 0 : later == refetches_[1].later ? 1 : oldest_refetch_++ % 2];
    if (later != known.later) {
      known.later = later;
      const auto unit = static_cast<double>(d_.resident_request), own = static_cast<double>(d_.resident_bus);
      const Ticks shared = shared_transfer(s_, d_, d_.resident_bus, {later > 0 ? s_.rows : 0, later}, true);
      // A tile smaller than a request often has come with an earlier one.
      const Ticks waits = static_cast<Ticks>(static_cast<double>(shared - d_.resident_bus) * std::min(1.0, own / unit));
      known.time = std::max(d_.resident, d_.resident_bus + waits);
    }
    return known.time;
  }

  void walk_block(Ticks tiles) {
    Ticks gate = kNever;
    if (s_.has_resident) {
      const Ticks region = now_.block_done[static_cast<std::size_t>(s_.regions - 1)];
      const bool at_reset = now_.rows == 0;
      const Ticks asked = region == kNever ? d_.latency + d_.resident : region + Durations::kToken + d_.latency + refetch();
      const Ticks first = std::max(asked, now_.resident_ready + d_.resident);
      gate = at_reset ? d_.first_row : first + Durations::kToken + d_.job + (tiles - 1) * std::max(d_.step, d_.resident);
      now_.resident_ready = first + (tiles - 1) * d_.resident;
    }
    row(tiles, gate);
    if (now_.rows == 1) first_row_ = now_.done(0);
    std::optional<State> before;
    for (std::int64_t q = 1; q < s_.rows; ++q) {
      row(tiles, kNever);
      if (q % s_.stream_slots != 0 || s_.rows - q < 2 * s_.stream_slots) continue;
      Ticks shift = 0;
      if (before && shifted(*before, shift, false)) {
        const std::int64_t times = (s_.rows - 1 - q) / s_.stream_slots;
        for (Ticks& time : now_.ring) time += times * shift;
        now_.stream_ready += times * shift;
        now_.rows += times * s_.stream_slots;
        q += times * s_.stream_slots;
      }
      before = now_;
    }
    now_.block_done[1] = now_.block_done[0];
    now_.block_done[0] = now_.done(0);
  }

  const Schedule& s_;
  const Durations& d_;
  State now_{};
  Ticks first_row_ = 0;
  struct Refetch {
    Ticks later = -1, time = 0;
  };
  std::array<Refetch, 2> refetches_{};
  std::size_t oldest_refetch_ = 0;
};

}  // namespace

std::string_view to_string(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::kCompute: return "compute";
    case Bottleneck::kWeightFetch: return "weight fetch";
    case Bottleneck::kActivationFetch: return "activation fetch";
    case Bottleneck::kOutput: return "output";
    case Bottleneck::kFill: return "fill";
  }
  throw InternalError("a bottleneck without a name");
}

Counts count_accesses(const Problem& p, const Schedule& s, const Machine& machine, const hwsim::DramTiming& dram) {
  Counts c;
  const std::int64_t jobs = s.jobs();
  c.compute_cycles = jobs * s.job_cycles;
  c.dram_read_bits = s.resident_bits() + s.stream_bits();
  c.dram_write_bits = dram.whole_bursts(s.output_bits);
  if (s.order == Order::kElementwise) {
    c.requantized = p.operations;
    c.sram_write_bits = s.stream_tiles() * s.stream_words * machine.activation_line_bits();
    c.sram_read_bits = c.sram_write_bits;
    return c;
  }
  c.binary_operations = p.operations;
  c.requantized = p.residual_bits > 0 ? 2 * p.outputs : p.outputs;
  c.residual_bits = p.outputs * p.residual_bits;
  const std::int64_t activation_bits = machine.activation_line_bits(), weight_bits = machine.weight_line_bits();
  c.sram_write_bits = s.resident_tiles() * s.resident_words * (s.resident_is_weights ? weight_bits : activation_bits) +
                      s.stream_tiles() * s.stream_words * (s.resident_is_weights ? activation_bits : weight_bits);
  c.weight_sram_write_bits =
      weight_bits * (s.resident_is_weights ? s.resident_tiles() * s.resident_words : s.stream_tiles() * s.stream_words);
  c.sram_read_bits = jobs * s.read_bits;
  c.weight_sram_read_bits = jobs * s.k_words * p.packing.cycles * p.tile_columns * machine.weight_word_bits();
  return c;
}

/// Refreshes and the rows that the stream opens stop the array for what is longer than its tiles in flight last: a slot is asked for again
/// `slots` rows before it is needed, of which the latency and the tile take their part, and a tile is written for longer than it is
/// transferred. (Where it is not, both are in its time.)
Ticks interruptions(const Schedule& s, const Durations& d, Ticks total, const hwsim::DramTiming& dram) {
  const Ticks spare = s.stream_words * kTick - d.stream_bus;
  if (spare <= 0 || s.blocks > 1 || s.stream_tiles() <= s.stream_slots) return 0;
  const Ticks ahead = (s.stream_slots - 1) * std::max(s.block_tiles * d.step, d.stream);
  const Ticks slack = spare + std::max<Ticks>(0, ahead - 2 * Durations::kToken - d.latency - d.stream);
  Ticks stopped = 0;
  if (dram.refresh_interval > 0)
    stopped += total / (dram.refresh_interval * kTick) * std::max<Ticks>(0, dram.refresh_cycles * kTick - slack);
  if (dram.opening_cycles() > 0) stopped += s.stream_bits() / dram.row_bits * std::max<Ticks>(0, dram.opening_cycles() * kTick - slack);
  return stopped;
}

std::int64_t schedule_cycles(const Schedule& s, const Machine& machine, const hwsim::DramTiming& dram) {
  const Durations d = durations(s, machine, dram);
  Ticks first_row = 0, array_done = 0;
  if (s.groups == 1 && s.blocks == 1) {
    array_done = single_block(s, d, first_row);
  } else {
    BlockWalk walk(s, d);
    array_done = walk.run();
    first_row = walk.first_row();
  }
  const Ticks tail = machine.pipeline_cycles * kTick + d.latency;
  if (dram.bits_per_kilocycle == 0) return (array_done + d.drain + tail) / kTick;

  // What the last result completes is requested when it is drained: whole requests that earlier results have filled are on their way.
  const std::int64_t earlier = (s.output_bits - s.output_bits / s.results()) / dram.request_bits * dram.request_bits;
  const Ticks flush = dram.transfer_ticks(dram.whole_bursts(s.output_bits - earlier));
  const std::int64_t left = s.output_bits % dram.request_bits;
  const Ticks last_request = dram.transfer_ticks(left == 0 ? dram.request_bits : dram.whole_bursts(left));
  Ticks total = array_done + d.drain + tail + flush;
  if (s.output_bits <= dram.row_bits) total += dram.opening_cycles() * kTick;
  total += interruptions(s, d, total, dram);
  const auto bus = [&](std::int64_t tiles, Ticks each) { return tiles * each; };
  const Ticks first_rows = (s.has_resident ? 3 : 2) * dram.opening_cycles() * kTick;
  const Ticks all = first_rows + bus(s.resident_tiles(), d.resident_bus) + bus(s.stream_tiles(), d.stream_bus) + bus(s.jobs(), d.job_bus);
  // The bus carries everything once ...
  total = std::max(total, d.latency + all);
  // ... and after the first row all results but that row's, and the stream tiles for which there was no slot before.
  const std::int64_t first_tiles = s.blocks == 1 ? s.last_block_tiles : s.block_tiles;
  const std::int64_t later_tiles = std::max<std::int64_t>(0, s.stream_tiles() - s.stream_slots);
  total = std::max(total, first_row + bus(later_tiles, d.stream_bus) + bus(s.jobs() - first_tiles, d.job_bus) + last_request + tail);
  // While reads are pending, the bus serves results half of its time. Long reads, what is fetched at reset (from the first results on) and
  // the blocks that follow, hold jobs up when their results come faster and no longer fit into the output buffer.
  if (2 * d.job_bus > d.step) {
    const Ticks first_ready = first_row - (first_tiles - 1) * d.step + d.ready;
    const Ticks buffered = s.jobs() * result_buffer_bits(s, machine, dram) / s.output_bits * d.step;
    const auto held_up = [&](Ticks reads) {
      const double slower = static_cast<double>(reads) * (2 - static_cast<double>(d.step) / static_cast<double>(d.job_bus));
      return std::max<Ticks>(0, static_cast<Ticks>(slower) - buffered);
    };
    const std::int64_t all_blocks = s.groups * s.blocks, fetched = std::min(all_blocks, s.regions);
    const Ticks at_reset = fetched * first_tiles * d.resident_bus + std::min(s.stream_tiles(), s.stream_slots) * d.stream_bus;
    const Ticks delays = held_up(at_reset - first_ready) + (all_blocks - fetched) * held_up(s.block_tiles * d.resident_bus);
    total = std::max(total, first_ready + (s.jobs() - 1) * d.step + delays + flush + d.latency);
  }
  // Where the stream is what the bus carries most of, results follow their tile by `lag`, and the bus has nothing else to do at the end.
  const Ticks row_results = bus(first_tiles, d.job_bus);
  const Ticks lag = d.latency + Durations::kToken + d.job + d.ready;
  // Results of single jobs also wait until they fill a request.
  const std::int64_t pieces = std::min(dram.request_bits * s.jobs() / s.output_bits, s.jobs());
  const Ticks filling = std::max<std::int64_t>(0, pieces - 1) * d.job_bus;
  // The same where jobs wait for their resident tiles.
  const Ticks fetched = d.resident_bus + d.stream_bus / s.block_tiles;
  if (s.has_resident && s.rows == 1 && s.blocks > 1 && fetched + d.job_bus > d.step && fetched > d.job_bus)
    total = std::max(
        total, all + d.latency + filling +
                   static_cast<Ticks>(static_cast<double>(lag) * static_cast<double>(fetched) / static_cast<double>(fetched + d.job_bus)));
  if (d.stream_bus > row_results) {
    // The last tile of the stream comes after all other reads and after those results of earlier rows that are ready by then: a row needs
    // row_time, the first one ends at first_row, and those of the tiles in flight are not ready.
    if (s.groups == 1 && s.blocks == 1) {
      const auto reads = static_cast<double>(all - bus(s.jobs(), d.job_bus)), results = static_cast<double>(row_results);
      const auto row_time = static_cast<double>(first_tiles * d.step), pace = static_cast<double>(d.stream_bus + row_results);
      const auto ready = static_cast<double>(Durations::kToken + d.job + d.drain + machine.pipeline_cycles * kTick);
      double waiting = results;
      double later = ready + row_time - pace;
      for (std::int64_t row = 0; row < s.stream_slots && later > 0; ++row, later -= pace)
        waiting += results * std::min(1.0, later / row_time);
      const double start = static_cast<double>(d.latency) + reads, load = results / row_time;
      const double all_ready = start + static_cast<double>(s.rows) * results - waiting;
      const double first_ready = static_cast<double>(first_row + d.drain + machine.pipeline_cycles * kTick);
      const double as_made = load < 1 ? (start + results - load * (first_ready + static_cast<double>(d.latency))) / (1 - load) : all_ready;
      // The bus serves reads at least as often as results.
      const double as_served = start + std::max(0.0, reads + results - first_ready);
      const double last_tile = std::max(start, std::min({all_ready, as_made, as_served}));
      total =
          std::max(total, static_cast<Ticks>(last_tile) + Durations::kToken + d.job + (first_tiles - 1) * d.step + d.drain + tail + flush);
    }
    const auto share = [&](Ticks part) { return static_cast<double>(part) / static_cast<double>(d.stream_bus + row_results); };
    const Ticks gathered = first_tiles > 1 ? 0 : filling;
    total = std::max(total, all + d.latency + gathered +
                                static_cast<Ticks>(static_cast<double>(lag) * share(d.stream_bus) +
                                                   static_cast<double>((first_tiles - 1) * d.step) * share(d.stream_bus - row_results)));
  }
  return (total + kTick - 1) / kTick;
}

std::optional<Estimate> estimate(const LayerShape& layer, OperandBits bits, std::int64_t batch, const Machine& machine,
                                 const hwsim::DramTiming& dram) {
  const Problem problem = make_problem(layer, bits, batch, machine);
  std::optional<Estimate> best;
  for (const Order order : {Order::kActivationsResident, Order::kWeightsResident, Order::kStreamed, Order::kElementwise}) {
    if (order == Order::kStreamed && best) continue;
    const std::optional<Schedule> schedule = make_schedule(problem, machine, dram, order);
    if (!schedule) continue;
    const std::int64_t cycles = schedule_cycles(*schedule, machine, dram);
    if (best && best->counts.cycles <= cycles) continue;
    best.emplace();
    best->schedule = *schedule;
    best->counts.cycles = cycles;
  }
  if (!best) return best;
  std::int64_t cycles = best->counts.cycles;
  if (dram.bits_per_kilocycle != 0) cycles = with_bus_followed(best->schedule, machine, dram, cycles);
  best->counts = count_accesses(problem, best->schedule, machine, dram);
  best->counts.cycles = cycles;
  best->counts.stall_cycles = cycles - best->counts.compute_cycles;
  best->bottleneck = find_bottleneck(best->schedule, dram, cycles);
  return best;
}

ResourceCycles resource_cycles(const Schedule& s, const hwsim::DramTiming& dram) {
  const auto bus = [&](std::int64_t bits) { return dram.stream_ticks(static_cast<double>(bits)) / static_cast<double>(kTick); };
  const auto longer = [](std::int64_t words, double transfer) { return std::max(static_cast<double>(words), transfer); };
  const double resident = longer(s.resident_tiles() * s.resident_words, bus(s.resident_bits()));
  const double stream = longer(s.stream_tiles() * s.stream_words, bus(s.stream_bits()));
  const bool weights_stream = s.has_resident && !s.resident_is_weights;
  ResourceCycles cycles;
  cycles.compute = static_cast<double>(s.jobs() * s.job_cycles);
  cycles.weight_fetch = weights_stream ? stream : resident;
  cycles.activation_fetch = weights_stream ? resident : stream;
  cycles.output = longer(s.jobs() * s.drain_cycles, bus(s.output_bits));
  cycles.memory_bus = bus(s.resident_bits() + s.stream_bits() + s.output_bits);
  return cycles;
}

Bottleneck find_bottleneck(const Schedule& s, const hwsim::DramTiming& dram, std::int64_t cycles) {
  const ResourceCycles alone = resource_cycles(s, dram);
  double weights = alone.weight_fetch, activations = alone.activation_fetch, output = alone.output;
  // Where the shared bus takes longest, its largest user is charged with all of it.
  if (alone.memory_bus > std::max({weights, activations, output, alone.compute})) {
    const bool weights_stream = s.has_resident && !s.resident_is_weights;
    const std::int64_t weight_bits = weights_stream ? s.stream_bits() : s.resident_bits(),
                       activation_bits = weights_stream ? s.resident_bits() : s.stream_bits();
    const std::int64_t most = std::max({weight_bits, activation_bits, s.output_bits});
    (most == activation_bits ? activations : most == weight_bits ? weights : output) = alone.memory_bus;
  }
  const double longest = std::max({weights, activations, output, alone.compute});
  if (longest < 0.5 * static_cast<double>(cycles)) return Bottleneck::kFill;
  if (longest == alone.compute) return Bottleneck::kCompute;
  if (longest == output) return Bottleneck::kOutput;
  return longest == weights && s.has_resident ? Bottleneck::kWeightFetch : Bottleneck::kActivationFetch;
}

}  // namespace dyad::accel_models::tiled
