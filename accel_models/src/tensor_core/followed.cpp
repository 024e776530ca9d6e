#include "dyad/accel_models/tensor_core/followed.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <vector>

#include "dyad/base/ceil_div.hpp"
#include "dyad/base/result.hpp"
#include "dyad/hwsim/dram_buses.hpp"

namespace dyad::accel_models::tensor_core {
namespace {

using Cycle = std::int64_t;
constexpr Cycle kUnknown = INT64_MAX;
constexpr double kRounding = 1e-6;         // of a cycle or a bit, as MemorySystem's
constexpr std::int64_t kMostSteps = 4000;  // of all waves

enum class Kind { kStep, kResidual, kStore };

/// SMs that do the same in the same cycles.
struct Group {
  enum class Phase { kIdle, kStarting, kLoop, kResidual, kEpilogue, kDone };
  std::int64_t sms = 0, wave = 0;
  std::int64_t ctas = 0;  // of an SM
  Phase phase = Phase::kIdle;
  bool computing = false;
  std::int64_t requested = 0, computed = 0;
  Cycle until = 0;
  std::vector<Cycle> arrival;  // of the buffers

  struct Request {
    Kind kind;
    std::int64_t tag, ctas, bursts;
    double bits;  // of a CTA
    Cycle visible;
  };
  std::deque<Request> queue;  // to L2
  int current = -1;           // transfer on L2's bus
  std::int64_t active = 0;    // its CTAs
  double left = 0;            // of its bits of a CTA
};

struct Transfer {
  std::size_t group;
  Kind kind;
  std::int64_t tag;
  bool on_bus = true;
  Cycle done = -1, l2_end = 0;  // done: of the DRAM, -1: not known
};

/// Transfers that go to DRAM together.
struct Batch {
  std::vector<int> transfers;
  std::int64_t bursts = 0, left = 0;
  Cycle visible = 0, done = 0;
};

class Follower {
 public:
  Follower(const KernelPlan& k, const MemoryTiming& memory)
      : k_(k),
        l2_(memory.l2),
        dram_(memory.dram),
        bits_per_cycle_(static_cast<double>(memory.l2.bits_per_kilocycle) / 1000),
        buses_(dram_) {
    DYAD_EXPECT(memory.l2.bits_per_kilocycle > 0, "the bandwidth of L2 is limited");
    const std::int64_t last = k.last_wave(), fuller = last % k.sms;
    groups_[0].sms = fuller;
    groups_[1].sms = k.sms - fuller;
    for (Group& group : groups_) group.arrival.assign(static_cast<std::size_t>(k.stages), kUnknown);
    buses_.add_port();
    buses_.add_port();
  }

  Cycle run() {
    while (true) {
      const Cycle bus = next_dispatch(), l2 = next_of_l2(), sms = std::min(next_of(groups_[0]), next_of(groups_[1]));
      const Cycle now = std::min({bus, l2, sms});
      if (now == kUnknown) break;
      // What each asks of the next is visible in a later cycle.
      if (bus == now) {
        dispatch(now);
      } else if (l2 == now) {
        serve_l2(now);
      } else {
        for (std::size_t group = 0; group < 2; ++group)
          while (next_of(groups_[group]) <= now) advance(group, now);
      }
    }
    for (const Group& group : groups_) DYAD_EXPECT(group.phase == Group::Phase::kDone, "a kernel whose events end before its last store");
    return k_.launch_cycles + last_done_;
  }

 private:
  std::int64_t ctas_of(std::size_t group, std::int64_t wave) const {
    if (wave < k_.full_waves()) return k_.resident;
    if (wave > k_.full_waves()) return 0;
    return k_.last_wave() / k_.sms + (group == 0 ? 1 : 0);
  }

  /// The next bursts of the kernel: `count` of its `pieces`.
  static std::int64_t share(std::int64_t bursts, std::int64_t count, std::int64_t pieces, std::int64_t& given) {
    const std::int64_t begin = given;
    given += count;
    return given * bursts / pieces - begin * bursts / pieces;
  }

  Cycle& arrival(Group& group, std::int64_t step) { return group.arrival[static_cast<std::size_t>(step % k_.stages)]; }

  void request(Group& group, Kind kind, std::int64_t tag, std::int64_t bits, std::int64_t bursts, Cycle now) {
    if (kind != Kind::kStore) arrival(group, tag) = kUnknown;
    group.queue.push_back({kind, tag, group.ctas * group.sms, bursts, static_cast<double>(bits), now + 1});
  }
  void load(Group& group, Cycle now) {
    const std::int64_t bursts = share(k_.dram_step_bursts, group.ctas * group.sms, k_.ctas * k_.steps, steps_given_);
    request(group, Kind::kStep, group.requested++, k_.l2_step_bits, bursts, now);
  }
  void store(Group& group, Cycle now) {
    const std::int64_t bursts = share(k_.dram_write_bursts, group.ctas * group.sms, k_.ctas * k_.stores(), stores_given_);
    request(group, Kind::kStore, 0, k_.l2_write_bits, bursts, now);
  }

  Cycle next_of(Group& group) {
    switch (group.phase) {
      case Group::Phase::kIdle: return 0;
      case Group::Phase::kStarting:
      case Group::Phase::kEpilogue: return group.until;
      case Group::Phase::kLoop: return group.computing ? group.until : arrival(group, group.computed);
      case Group::Phase::kResidual: return arrival(group, k_.steps);
      case Group::Phase::kDone: return kUnknown;
    }
    throw InternalError("SMs without a phase");
  }

  /// Does what can be done next in this cycle, as an SM of the cycle tier.
  void advance(std::size_t index, Cycle now) {
    using Phase = Group::Phase;
    Group& group = groups_[index];
    switch (group.phase) {
      case Phase::kIdle:
        group.ctas = group.sms == 0 ? 0 : ctas_of(index, group.wave++);
        group.phase = group.ctas == 0 ? Phase::kDone : Phase::kStarting;
        group.until = now + k_.start_cycles;
        return;
      case Phase::kStarting:
        group.requested = group.computed = 0;
        while (group.requested < std::min(k_.stages, k_.steps)) load(group, now);
        group.phase = Phase::kLoop;
        return;
      case Phase::kLoop:
        if (!group.computing) {
          group.computing = true;
          group.until = now + k_.round_cycles(group.ctas);
          return;
        }
        return end_step(group, now);
      case Phase::kResidual: return begin_epilogue(group, now);
      case Phase::kEpilogue:
        store(group, now);
        group.phase = Phase::kIdle;
        return;
      case Phase::kDone: return;
    }
  }

  void end_step(Group& group, Cycle now) {
    group.computing = false;
    if (k_.stores_steps) store(group, now);
    ++group.computed;
    if (group.requested < k_.steps) load(group, now);
    if (group.computed < k_.steps) return;
    if (k_.stores_steps) {
      group.phase = Group::Phase::kIdle;
    } else if (k_.l2_residual_bits > 0) {
      const std::int64_t bursts = share(k_.dram_residual_bursts, group.ctas * group.sms, k_.ctas, residuals_given_);
      request(group, Kind::kResidual, k_.steps, k_.l2_residual_bits, bursts, now);
      group.phase = Group::Phase::kResidual;
    } else {
      begin_epilogue(group, now);
    }
  }

  void begin_epilogue(Group& group, Cycle now) {
    group.phase = Group::Phase::kEpilogue;
    group.until = now + k_.epilogue_cycles(group.ctas);
  }

  /// L2 has something to do when a transfer ends, or when one can begin on an idle port.
  Cycle next_of_l2() const {
    Cycle next = l2_wake_;
    for (const Group& group : groups_)
      if (group.current < 0 && !group.queue.empty()) next = std::min(next, group.queue.front().visible);
    return next;
  }

  void serve_l2(Cycle now) {
    const auto cycle = static_cast<double>(now);
    l2_wake_ = kUnknown;
    while (true) {
      double least = 0;
      std::int64_t active = 0;
      for (std::size_t i = 0; i < 2; ++i) {
        Group& group = groups_[i];
        if (group.current < 0 && !group.queue.empty() && static_cast<double>(group.queue.front().visible) <= time_) accept(i, now);
        if (group.current < 0) continue;
        least = active == 0 ? group.left : std::min(least, group.left);
        active += group.active;
      }
      if (active == 0 && time_ >= cycle) break;
      const double each = active == 0 ? 0 : bits_per_cycle_ / static_cast<double>(active);
      const double end = active == 0 ? cycle : time_ + least / each;
      const bool ends = end <= cycle + kRounding;
      if (!ends && time_ >= cycle) {
        l2_wake_ = static_cast<Cycle>(std::ceil(end - kRounding));
        break;
      }
      const double bits = ends ? least : (cycle - time_) * each;
      for (Group& group : groups_) {
        if (group.current < 0) continue;
        group.left -= bits;
        if (group.left > kRounding) continue;
        Transfer& ended = transfers_[static_cast<std::size_t>(group.current)];
        group.current = -1;
        ended.on_bus = false;
        ended.l2_end = now;
        finish(ended, now);
      }
      time_ = std::min(end, cycle);
    }
    for (std::size_t port = 0; port < 2; ++port) send(port, now);
  }

  /// The first request of the group comes onto L2's bus; its share of the DRAM's bursts is asked for.
  void accept(std::size_t index, Cycle now) {
    Group& group = groups_[index];
    const Group::Request request = group.queue.front();
    group.queue.pop_front();
    group.current = static_cast<int>(transfers_.size());
    group.left = request.bits;
    group.active = request.ctas;
    transfers_.push_back({index, request.kind, request.tag});
    const bool is_store = request.kind == Kind::kStore;
    const std::int64_t latency = is_store ? k_.write_latency : request.kind == Kind::kStep ? k_.load_latency : k_.residual_latency;
    if (latency == l2_.latency) {  // nothing of this kind goes to DRAM
      transfers_.back().done = now;
      return;
    }
    Batch& batch = gathered_[is_store ? 1 : 0];
    batch.transfers.push_back(group.current);
    batch.bursts += request.bursts;
  }

  void finish(const Transfer& transfer, Cycle now) {
    if (transfer.on_bus || transfer.done < 0) return;
    const Cycle complete = std::max(now, std::max(transfer.l2_end, transfer.done) + l2_.latency - 1);
    if (transfer.kind == Kind::kStore) {
      last_done_ = std::max(last_done_, complete);
    } else {
      arrival(groups_[transfer.group], transfer.tag) = complete;
    }
  }

  void send(std::size_t port, Cycle now) {
    if (gathered_[port].transfers.empty()) return;
    Batch batch = std::move(gathered_[port]);
    gathered_[port] = {};
    batch.left = batch.bursts * dram_.burst_bits;
    batch.visible = now + 1;
    batch.done = now + dram_.latency;
    if (batch.left == 0) {  // the lines are on their way for others
      complete(batch, now);
    } else {
      sent_[port].push_back(std::move(batch));
    }
  }

  void complete(const Batch& batch, Cycle now) {
    for (const int each : batch.transfers) {
      Transfer& transfer = transfers_[static_cast<std::size_t>(each)];
      transfer.done = batch.done;
      finish(transfer, now);
    }
  }

  Cycle next_dispatch() const {
    Cycle first = kUnknown;
    for (const auto& port : sent_)
      if (!port.empty()) first = std::min(first, port.front().visible);
    return first == kUnknown ? kUnknown : std::max(first, buses_.first_free() / hwsim::kTicksPerCycle);
  }

  void dispatch(Cycle now) {
    std::size_t port = next_port_;
    if (sent_[port].empty() || sent_[port].front().visible > now) port = 1 - port;
    next_port_ = 1 - port;
    Batch& batch = sent_[port].front();
    const std::int64_t bits = std::min(batch.left, dram_.request_bits);
    const Cycle bus_end = ceil_div(buses_.serve(port, bits, now), hwsim::kTicksPerCycle);
    batch.done = std::max(batch.done, bus_end + dram_.latency - 1);
    batch.left -= bits;
    if (batch.left > 0) return;
    complete(batch, now);
    sent_[port].pop_front();
  }

  const KernelPlan& k_;
  const hwsim::DramTiming &l2_, &dram_;
  const double bits_per_cycle_;  // of L2
  hwsim::DramBuses buses_;
  std::array<Group, 2> groups_;  // those with one CTA more in the last wave, and the others
  std::vector<Transfer> transfers_;
  std::array<Batch, 2> gathered_;  // reads, writes
  std::array<std::deque<Batch>, 2> sent_;
  std::size_t next_port_ = 0;
  double time_ = 0;  // up to which L2's bus has been followed
  Cycle l2_wake_ = kUnknown, last_done_ = 0;
  std::int64_t steps_given_ = 0, stores_given_ = 0, residuals_given_ = 0;
};

}  // namespace

bool falls_out_of_step(const KernelPlan& k) {
  return k.last_wave() > k.sms && k.last_wave() % k.sms > 0 && (k.full_waves() + 1) * k.steps <= kMostSteps;
}

std::int64_t follow(const KernelPlan& kernel, const MemoryTiming& memory) { return Follower(kernel, memory).run(); }

}  // namespace dyad::accel_models::tensor_core
