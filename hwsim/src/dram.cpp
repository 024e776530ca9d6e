#include "dyad/hwsim/dram.hpp"

#include <algorithm>

namespace dyad::hwsim {

Dram::Dram(const sc_core::sc_module_name& module_name, const DramTiming& timing, Trace* trace)
    : Stage(module_name), timing_(timing), trace_(trace) {
  DYAD_EXPECT(timing.latency >= 1 && timing.burst_bits >= 1 && timing.request_bits >= timing.burst_bits, "impossible memory timing");
  if (trace_) track_ = trace_->track("dram bus");
}

int Dram::add_port(DramClient* client, bool is_write) {
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
  // The bus may start a transfer in any tick of the present cycle.
  while (bus_free_ < (now() + 1) * kTicksPerCycle) {
    std::size_t chosen = ports_.size();
    for (std::size_t i = 0; i < ports_.size() && chosen == ports_.size(); ++i) {
      const std::size_t candidate = (next_port_ + i) % ports_.size();
      if (!ports_[candidate].queue.empty() && ports_[candidate].queue.front().visible_at <= now()) chosen = candidate;
    }
    if (chosen == ports_.size()) break;
    next_port_ = (chosen + 1) % ports_.size();
    serve(ports_[chosen]);
  }
  std::int64_t next = INT64_MAX;
  for (const Port& port : ports_)
    if (!port.queue.empty()) next = std::min(next, port.queue.front().visible_at);
  if (next != INT64_MAX) wake_at(std::max({next, bus_free_ / kTicksPerCycle, now() + 1}));
}

void Dram::serve(Port& port) {
  const Request request = port.queue.front();
  port.queue.pop_front();
  const std::int64_t start = std::max(bus_free_, now() * kTicksPerCycle);
  std::int64_t ticks = timing_.transfer_ticks(request.bits);
  if (timing_.row_bits > 0) {
    const auto rows_up_to = [&](std::int64_t bits) { return (bits + timing_.row_bits - 1) / timing_.row_bits; };
    ticks += (rows_up_to(port.position + request.bits) - rows_up_to(port.position)) * timing_.row_miss_cycles * kTicksPerCycle;
  }
  port.position += request.bits;
  busy_ticks_ += ticks;
  bus_free_ = occupy(start, ticks);
  const std::int64_t bus_end = (bus_free_ + kTicksPerCycle - 1) / kTicksPerCycle;
  (port.is_write ? bits_written_ : bits_read_) += request.bits;
  if (trace_ && ticks > 0) trace_->slice(track_, port.is_write ? "write" : "read", start / kTicksPerCycle, bus_end);
  port.client->dram_served(request.tag, bus_end, bus_end + timing_.latency - 1);
}

std::int64_t Dram::occupy(std::int64_t start, std::int64_t ticks) {
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
