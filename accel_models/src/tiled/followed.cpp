#include "dyad/accel_models/tiled/followed.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/hwsim/dram_buses.hpp"

namespace dyad::accel_models::tiled {
namespace {

using Cycle = std::int64_t;
constexpr Cycle kUnknown = INT64_MAX;
// Events: layers of up to kShort have ends longer than their middle; up to kFew (in streamed order kFewStreamed) are followed first, up to
// kMost where that is not enough; more than kLongest (0.2 ms) never.
constexpr std::int64_t kShort = 300, kFew = 2000, kFewStreamed = 4000, kMost = 8000, kLongest = 20000;

/// piece_bits() of one piece after another, without its divisions.
class Pieces {
 public:
  Pieces(std::int64_t total, std::int64_t pieces, std::int64_t unit)
      : total_(total), pieces_(pieces), unit_(unit), whole_(total / pieces), rest_(total % pieces) {}
  std::int64_t next() {
    exact_ += whole_;
    part_ += rest_;
    if (part_ > 0) {  // the sum of `rest_` is rounded up
      part_ -= pieces_;
      ++exact_;
    }
    const std::int64_t rounded = unit_ == 1 ? exact_ : (exact_ + unit_ - 1) / unit_ * unit_;
    const std::int64_t to = std::min(rounded, total_), bits = to - from_;
    from_ = to;
    if (++index_ == pieces_) {
      exact_ = part_ = from_ = 0;
      index_ = 0;
    }
    return bits;
  }

 private:
  std::int64_t total_, pieces_, unit_, whole_, rest_;
  std::int64_t exact_ = 0, part_ = 0, from_ = 0, index_ = 0;
};

/// A fetch stage: tiles that it has asked for, the bits of the first of them that no request has been dispatched for, and when tiles are
/// in their memory.
class Reader {
 public:
  Reader(std::int64_t tiles, std::int64_t words, std::int64_t latency, Pieces pieces) : words_(words), latency_(latency), pieces_(pieces) {
    requested_.reserve(static_cast<std::size_t>(tiles));
    seen_.reserve(static_cast<std::size_t>(tiles));
  }
  /// Asks for so many tiles in that cycle.
  void ask(std::int64_t tiles, Cycle cycle) {
    const bool idle = seen_.size() == requested_.size();
    requested_.insert(requested_.end(), static_cast<std::size_t>(tiles), cycle);
    if (idle) next_tile();
  }
  /// From when the bus can take the next request; kUnknown: there is none.
  Cycle visible() const { return left_ > 0 ? requested_[seen_.size()] + 1 : kUnknown; }
  std::int64_t request_bits(std::int64_t largest) const { return std::min(left_, largest); }
  /// Of the request that visible() is about: its data are complete then.
  void served(std::int64_t bits, Cycle done) {
    last_arrival_ = std::max(last_arrival_, done);
    left_ -= bits;
    if (left_ > 0) return;
    arrived();
    next_tile();
  }
  /// When the array sees a tile; kUnknown: it is not on its way.
  Cycle seen(std::int64_t tile) const {
    return tile < static_cast<std::int64_t>(seen_.size()) ? seen_[static_cast<std::size_t>(tile)] : kUnknown;
  }

 private:
  void next_tile() {
    while (seen_.size() < requested_.size() && (left_ = pieces_.next()) == 0) {  // earlier requests have brought it
      last_arrival_ = std::max(last_arrival_, requested_[seen_.size()] + latency_);
      arrived();
    }
  }
  void arrived() {
    const Cycle begin = std::max(requested_[seen_.size()] + latency_, last_ready_);
    last_arrival_ = std::max(last_arrival_, requested_[seen_.size()] + latency_);
    last_ready_ = std::max(begin + words_, last_arrival_);
    seen_.push_back(last_ready_ + 1);
  }

  std::int64_t words_, latency_;
  Pieces pieces_;
  std::vector<Cycle> requested_, seen_;  // by tile
  std::int64_t left_ = 0;
  Cycle last_arrival_ = 0, last_ready_ = 0;
};

/// The output buffer: whole requests, and what is left at the end.
class Writer {
 public:
  Writer(std::int64_t capacity, const hwsim::DramTiming& dram, std::int64_t output_bits) : capacity_(capacity), dram_(dram) {
    visible_.reserve(static_cast<std::size_t>(output_bits / dram.request_bits + 2));
    left_at_.reserve(visible_.capacity());
  }
  bool has_room(std::int64_t bits, Cycle now) {
    for (; gone_ < left_at_.size() && left_at_[gone_] <= now; ++gone_) buffered_ -= dram_.request_bits;
    return buffered_ == unrequested_ || buffered_ + bits <= capacity_;
  }
  /// When has_room() may change; kUnknown: not before another request has been served.
  Cycle room_at() const { return gone_ < left_at_.size() ? left_at_[gone_] : kUnknown; }
  void write(std::int64_t bits, Cycle at) {
    buffered_ += bits;
    unrequested_ += bits;
    for (; unrequested_ >= dram_.request_bits; unrequested_ -= dram_.request_bits) visible_.push_back(at + 1);
  }
  void flush(Cycle at) {
    if (unrequested_ == 0) return;
    visible_.push_back(at + 1);
    flushed_bits_ = dram_.whole_bursts(unrequested_);
  }
  Cycle visible() const { return left_at_.size() < visible_.size() ? visible_[left_at_.size()] : kUnknown; }
  std::int64_t request_bits() const {
    return flushed_bits_ > 0 && left_at_.size() + 1 == visible_.size() ? flushed_bits_ : dram_.request_bits;
  }
  void served(Cycle bus_end) { left_at_.push_back(bus_end); }

 private:
  std::int64_t capacity_;
  const hwsim::DramTiming& dram_;
  std::vector<Cycle> visible_, left_at_;  // by request: when the bus can take it, when it has left
  std::size_t gone_ = 0;                  // requests whose room has been given back
  std::int64_t buffered_ = 0, unrequested_ = 0, flushed_bits_ = 0;
};

/// One layer. The array has one event at a time, a handover or the end of a drain, as they alternate; the bus one, a dispatch. What the
/// array asks for in a cycle the bus sees in the next one, so that a dispatch comes first where both are in the same cycle.
class Follower {
 public:
  Follower(const Schedule& s, const Machine& machine, const hwsim::DramTiming& dram)
      : s_(s),
        pipeline_(machine.pipeline_cycles),
        dram_(dram),
        buses_(dram),
        stream_(s.stream_tiles(), s.stream_words, dram.latency, {s.stream_pass_bits, s.stream_pass_tiles, s.stream_request_bits}),
        resident_(s.resident_tiles(), s.resident_words, dram.latency,
                  {s.resident_pass_bits, s.resident_pass_tiles, s.resident_request_bits}),
        writer_(result_buffer_bits(s, machine, dram), dram, s.output_bits),
        results_(s.output_bits, s.results(), 1),
        jobs_(s.jobs()) {
    for (std::int64_t port = 0; port < 3; ++port) buses_.add_port();
    write_port_ = s.has_resident ? 2 : 1;
    stream_left_ = s.stream_tiles();
    blocks_left_ = s.groups * s.blocks;
    for (std::int64_t slot = 0; slot < s.stream_slots; ++slot) ask_stream(0);
    for (std::int64_t region = 0; region < s.regions; ++region) ask_resident(0);
    tiles_ = tiles_of(block_);
  }

  Cycle run() {
    Cycle array = next_array_event();
    while (true) {
      const Cycle bus = next_dispatch();
      if (array < bus) {
        handing_over_ ? hand_over(array) : drain(array);
        array = next_array_event();
      } else if (bus != kUnknown) {
        dispatch(bus);
        if (array == kUnknown) array = next_array_event();
      } else {
        break;
      }
    }
    DYAD_EXPECT(job_ == jobs_ && handing_over_, "a layer whose events end before its last result");
    return last_done_;
  }

  /// Before run(): the jobs whose handovers between_marks() is about.
  void mark(std::int64_t from, std::int64_t to) { marks_ = {from, to, -1}; }
  Cycle between_marks() const { return marked_[1] - marked_[0]; }

 private:
  std::int64_t tiles_of(std::int64_t block) const { return (block + 1) % s_.blocks == 0 ? s_.last_block_tiles : s_.block_tiles; }

  void ask_stream(Cycle cycle) {
    if (stream_left_ == 0) return;
    --stream_left_;
    stream_.ask(1, cycle);
    visible_[0] = stream_.visible();
  }
  void ask_resident(Cycle cycle) {
    if (!s_.has_resident || blocks_left_ == 0) return;
    --blocks_left_;
    resident_.ask(tiles_of(asked_blocks_++), cycle);
    visible_[1] = resident_.visible();
  }

  Cycle next_array_event() const {
    if (job_ == jobs_) return kUnknown;
    if (!handing_over_) return drain_end_ == kUnknown ? kUnknown : std::max(drain_end_, room_at_);
    Cycle start = handover_;
    if (tile_ == 0) {
      const Cycle seen = stream_.seen(row_of_stream_);
      if (seen == kUnknown) return kUnknown;
      start = std::max(start, seen);
    }
    if (row_ == 0 && s_.has_resident) {
      const Cycle seen = resident_.seen(resident_tile_);
      if (seen == kUnknown) return kUnknown;
      start = std::max(start, seen);
    }
    return std::max(start + s_.job_cycles, drained_);
  }

  void hand_over(Cycle now) {
    handover_ = now;
    if (job_ == marks_[passed_]) marked_[passed_++] = now;
    drain_end_ = now + s_.drain_cycles;
    room_at_ = 0;
    handing_over_ = false;
    if (row_ == 0) ++resident_tile_;
    if (++tile_ < tiles_) return;
    tile_ = 0;
    ++row_of_stream_;
    ask_stream(now + 1);
    if (++row_ < s_.rows) return;
    row_ = 0;
    ask_resident(now + 1);
    tiles_ = tiles_of(++block_);
  }

  void drain(Cycle now) {
    const bool completes = ++chunk_ == s_.jobs_per_result;
    if (completes) {
      if (piece_ < 0) piece_ = results_.next();
      if (!writer_.has_room(piece_, now)) {
        --chunk_;
        room_at_ = writer_.room_at();
        return;
      }
      writer_.write(piece_, now + pipeline_);
      visible_[write_port_] = writer_.visible();
      piece_ = -1;
      chunk_ = 0;
    }
    drained_ = now;
    handing_over_ = true;
    if (++job_ < jobs_) return;
    writer_.flush(now + pipeline_);
    visible_[write_port_] = writer_.visible();
  }

  Cycle next_dispatch() const {
    const Cycle first = std::min({visible_[0], visible_[1], visible_[2]});
    return first == kUnknown ? kUnknown : std::max(first, buses_.first_free() / hwsim::kTicksPerCycle);
  }

  void dispatch(Cycle now) {
    std::size_t port = next_port_;
    while (visible_[port] > now) port = port == write_port_ ? 0 : port + 1;
    next_port_ = port == write_port_ ? 0 : port + 1;
    if (port == write_port_) {
      const Cycle bus_end = serve(port, writer_.request_bits(), now);
      writer_.served(bus_end);
      visible_[port] = writer_.visible();
      last_done_ = std::max(last_done_, bus_end + dram_.latency - 1);
      if (room_at_ == kUnknown) room_at_ = writer_.room_at();
      return;
    }
    Reader& reader = port == 0 ? stream_ : resident_;
    const std::int64_t bits = reader.request_bits(dram_.request_bits);
    reader.served(bits, serve(port, bits, now) + dram_.latency - 1);
    visible_[port] = reader.visible();
  }

  Cycle serve(std::size_t port, std::int64_t bits, Cycle now) {
    return (buses_.serve(port, bits, now) + hwsim::kTicksPerCycle - 1) / hwsim::kTicksPerCycle;
  }

  const Schedule& s_;
  const std::int64_t pipeline_;
  const hwsim::DramTiming& dram_;
  hwsim::DramBuses buses_;
  Reader stream_, resident_;
  Writer writer_;
  Pieces results_;
  const std::int64_t jobs_;
  std::array<Cycle, 3> visible_{kUnknown, kUnknown, kUnknown};  // from when the bus can take the next request of a port
  std::size_t write_port_ = 1, next_port_ = 0;
  std::int64_t stream_left_ = 0, blocks_left_ = 0, asked_blocks_ = 0;
  // The array: the next job and its place, the event it waits for, and when the last ones were.
  std::int64_t job_ = 0, block_ = 0, row_ = 0, tile_ = 0, tiles_ = 0, row_of_stream_ = 0, resident_tile_ = 0, chunk_ = 0, piece_ = -1;
  bool handing_over_ = true;
  std::array<std::int64_t, 3> marks_{-1, -1, -1};
  std::array<Cycle, 2> marked_{};
  std::size_t passed_ = 0;
  Cycle handover_ = 0, drain_end_ = 0, drained_ = 0, room_at_ = 0, last_done_ = 0;
};

}  // namespace

std::int64_t events(const Schedule& s, const hwsim::DramTiming& dram) {
  const std::int64_t tiles = s.stream_tiles() + s.resident_tiles();
  return (s.resident_bits() + s.stream_bits() + s.output_bits) / dram.request_bits + tiles + 2 * s.jobs();
}

std::int64_t follow(const Schedule& schedule, const Machine& machine, const hwsim::DramTiming& dram) {
  return Follower(schedule, machine, dram).run();
}

std::optional<std::int64_t> follow_first(const Schedule& s, const Machine& machine, const hwsim::DramTiming& dram, std::int64_t most) {
  std::int64_t Schedule::*const loop = s.groups > 1 ? &Schedule::groups : s.blocks > 1 ? &Schedule::blocks : &Schedule::rows;
  // A turn like it comes after those of all regions, or slots, and of a whole result.
  const std::int64_t turns = s.*loop, alike = loop == &Schedule::rows ? s.stream_slots : s.regions * s.jobs_per_result;
  const std::int64_t turn_jobs = loop == &Schedule::groups   ? s.group_tiles() * s.rows
                                 : loop == &Schedule::blocks ? s.block_tiles * s.rows
                                                             : s.last_block_tiles;
  // The first write may put turns out of step that were in step until then, and it does so for the rest of the layer.
  const std::int64_t all = events(s, dram), until_write = s.output_bits > dram.request_bits ? all * dram.request_bits / s.output_bits : 0;
  const std::int64_t half_events = std::max(most / 2, until_write + until_write / 8), half = turns * half_events / all / alike * alike;
  const std::int64_t followed = 2 * half + alike;
  if (half == 0 || followed >= turns || 2 * half_events > kLongest) return std::nullopt;
  Schedule first = s;
  first.*loop = followed;
  first.output_bits = static_cast<std::int64_t>(static_cast<__int128_t>(s.output_bits) * first.results() / s.results());
  Follower follower(first, machine, dram);
  follower.mark(half * turn_jobs, 2 * half * turn_jobs);
  const Cycle cycles = follower.run();
  return cycles + (turns - followed) * follower.between_marks() / half;
}

std::int64_t with_bus_followed(const Schedule& s, const Machine& machine, const hwsim::DramTiming& dram, std::int64_t cycles) {
  const std::int64_t all = events(s, dram);
  const bool rows_stay = s.has_resident && s.order != Order::kStreamed && s.groups == 1;
  if (all > kShort) {
    // Where tiles stay for several rows, the bus waits for the array until it is nearly full; where every job fetches tiles, jobs also wait
    // for a bus that is not.
    const double bus = dram.stream_ticks(static_cast<double>(s.resident_bits() + s.stream_bits() + s.output_bits)),
                 array = static_cast<double>(s.jobs() * std::max(s.job_cycles, s.drain_cycles) * hwsim::kTicksPerCycle);
    if (bus < (rows_stay ? 0.55 : 0.1) * array) return cycles;
  }
  const std::int64_t few = s.order == Order::kStreamed ? kFewStreamed : kFew;
  if (all <= few) return follow(s, machine, dram);
  // Where rows stay, results that fill their buffer slowly change the pace late: the closed form, which knows of them, must say the same.
  const std::optional<std::int64_t> first = follow_first(s, machine, dram, few);
  if (first && (!rows_stay || std::abs(*first - cycles) <= cycles / 200)) return *first;
  if (all <= kMost) return follow(s, machine, dram);
  if (const auto more = follow_first(s, machine, dram, kMost)) return *more;
  return all <= kLongest ? follow(s, machine, dram) : first.value_or(cycles);
}

}  // namespace dyad::accel_models::tiled
