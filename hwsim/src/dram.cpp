#include "dyad/hwsim/dram.hpp"

#include <algorithm>

namespace dyad::hwsim {

Dram::Dram(const sc_core::sc_module_name& module_name, const DramTiming& timing, Trace* trace)
    : Stage(module_name), timing_(timing), trace_(trace), bus_free_(static_cast<std::size_t>(std::max<std::int64_t>(1, timing.channels))) {
  DYAD_EXPECT(timing.latency >= 1 && timing.burst_bits >= 1 && timing.request_bits >= timing.burst_bits && timing.channels >= 1 &&
                  (timing.channels == 1 || timing.interleave_bits >= 1) && timing.banks % DramTiming::kPortRegions == 0,
              "impossible memory timing");
  DYAD_EXPECT(timing.row_bits == 0 || timing.channels == 1 || timing.row_bits % timing.interleave_bits == 0, "rows hold whole shares");
  banks_.resize(static_cast<std::size_t>(timing.channels * DramTiming::kPortRegions * timing.port_banks()));
  if (trace_) track_ = trace_->track("dram bus");
}

int Dram::add_port(DramClient* client, bool is_write) {
  DYAD_EXPECT(timing_.banks == 0 || static_cast<std::int64_t>(ports_.size()) < DramTiming::kPortRegions,
              "more ports than regions of banks");
  ports_.push_back({client, is_write, {}, 0});
  return static_cast<int>(ports_.size()) - 1;
}

void Dram::request(int port, std::int64_t bits, std::int64_t tag, std::int64_t issue_cycle) {
  DYAD_EXPECT(bits >= 1 && issue_cycle >= now(), "impossible memory request");
  auto& queue = ports_[static_cast<std::size_t>(port)].queue;
  DYAD_EXPECT(queue.empty() || queue.back().visible_at <= issue_cycle + 1, "requests of a port must be in order");
  queue.push_back({bits, tag, issue_cycle + 1});
  wake_at(issue_cycle + 1);
}

void Dram::step() {
  // A bus may start a transfer in any tick of the present cycle.
  while (first_free() < (now() + 1) * kTicksPerCycle) {
    std::size_t chosen = ports_.size();
    for (std::size_t i = 0; i < ports_.size() && chosen == ports_.size(); ++i) {
      const std::size_t candidate = (next_port_ + i) % ports_.size();
      if (!ports_[candidate].queue.empty() && ports_[candidate].queue.front().visible_at <= now()) chosen = candidate;
    }
    if (chosen == ports_.size()) break;
    next_port_ = (chosen + 1) % ports_.size();
    serve(ports_[chosen], chosen);
  }
  std::int64_t next = INT64_MAX;
  for (const Port& port : ports_)
    if (!port.queue.empty()) next = std::min(next, port.queue.front().visible_at);
  if (next != INT64_MAX) wake_at(std::max({next, first_free() / kTicksPerCycle, now() + 1}));
}

void Dram::serve(Port& port, std::size_t index) {
  const Request request = port.queue.front();
  port.queue.pop_front();
  const std::int64_t begin = port.position, end = begin + request.bits;
  port.position = end;
  const std::int64_t start = std::max(first_free(), now() * kTicksPerCycle);
  std::int64_t last = 0;
  for (std::size_t channel = 0; channel < bus_free_.size(); ++channel) {
    const std::int64_t from = timing_.bits_below(begin, static_cast<std::int64_t>(channel)),
                       to = timing_.bits_below(end, static_cast<std::int64_t>(channel));
    if (from < to) last = std::max(last, transfer(channel, index, from, to));
  }
  const std::int64_t bus_end = (last + kTicksPerCycle - 1) / kTicksPerCycle;
  (port.is_write ? bits_written_ : bits_read_) += request.bits;
  if (trace_ && last > start) trace_->slice(track_, port.is_write ? "write" : "read", start / kTicksPerCycle, bus_end);
  port.client->dram_served(request.tag, bus_end, bus_end + timing_.latency - 1);
}

std::int64_t Dram::transfer(std::size_t channel, std::size_t port, std::int64_t begin, std::int64_t end) {
  std::int64_t& free = bus_free_[channel];
  free = std::max(free, now() * kTicksPerCycle);
  if (timing_.row_bits == 0) {
    const std::int64_t ticks = timing_.channel_ticks(end - begin);
    busy_ticks_ += ticks;
    return free = occupy(free, ticks);
  }
  const std::int64_t miss = timing_.row_miss_cycles * kTicksPerCycle;
  if (timing_.banks == 0) {
    const auto rows_up_to = [&](std::int64_t bits) { return (bits + timing_.row_bits - 1) / timing_.row_bits; };
    const std::int64_t entered = rows_up_to(end) - rows_up_to(begin), ticks = timing_.channel_ticks(end - begin) + entered * miss;
    row_misses_ += entered;
    row_wait_ticks_ += entered * miss;
    busy_ticks_ += ticks;
    return free = occupy(free, ticks);
  }
  const auto port_banks = static_cast<std::size_t>(timing_.port_banks());
  while (begin < end) {
    const std::int64_t row = begin / timing_.row_bits, stop = std::min(end, (row + 1) * timing_.row_bits);
    Bank& bank = banks_[(channel * DramTiming::kPortRegions + port) * port_banks + static_cast<std::size_t>(row) % port_banks];
    if (begin % timing_.row_bits == 0) {
      ++row_misses_;
      row_wait_ticks_ += std::max<std::int64_t>(0, bank.next_row - free);
      free = std::max(free, bank.next_row);
      bank.begin = free;
    }
    const std::int64_t ticks = timing_.channel_ticks(stop - begin);
    busy_ticks_ += ticks;
    free = occupy(free, ticks);
    bank.next_row = std::max(free + miss, bank.begin + timing_.row_cycle_cycles * kTicksPerCycle);
    begin = stop;
  }
  return free;
}

std::int64_t Dram::occupy(std::int64_t start, std::int64_t ticks) const {
  if (timing_.refresh_interval == 0) return start + ticks;
  const std::int64_t interval = timing_.refresh_interval * kTicksPerCycle, pause = timing_.refresh_cycles * kTicksPerCycle;
  const std::int64_t into = start % interval;
  if (start >= interval && into < pause) start += pause - into;  // a refresh is going on
  std::int64_t next = (start / interval + 1) * interval;
  while (start + ticks > next) {
    ticks += pause;
    next += interval;
  }
  return start + ticks;
}

}  // namespace dyad::hwsim
