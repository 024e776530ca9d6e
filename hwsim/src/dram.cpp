#include "dyad/hwsim/dram.hpp"

#include <algorithm>

namespace dyad::hwsim {

Dram::Dram(const sc_core::sc_module_name& module_name, const DramTiming& timing, Trace* trace)
    : Stage(module_name), timing_(timing), trace_(trace), buses_(timing) {
  DYAD_EXPECT(timing.latency >= 1 && timing.burst_bits >= 1 && timing.request_bits >= timing.burst_bits && timing.channels >= 1 &&
                  (timing.channels == 1 || timing.interleave_bits >= 1) && timing.banks % DramTiming::kPortRegions == 0,
              "impossible memory timing");
  DYAD_EXPECT(timing.row_bits == 0 || timing.channels == 1 || timing.row_bits % timing.interleave_bits == 0, "rows hold whole shares");
  if (trace_) track_ = trace_->track("dram bus");
}

int Dram::add_port(DramClient* client, bool is_write) {
  DYAD_EXPECT(timing_.banks == 0 || static_cast<std::int64_t>(ports_.size()) < DramTiming::kPortRegions,
              "more ports than regions of banks");
  ports_.push_back({client, is_write, {}});
  buses_.add_port();
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
  while (buses_.first_free() < (now() + 1) * kTicksPerCycle) {
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
  if (next != INT64_MAX) wake_at(std::max({next, buses_.first_free() / kTicksPerCycle, now() + 1}));
}

void Dram::serve(Port& port, std::size_t index) {
  const Request request = port.queue.front();
  port.queue.pop_front();
  const std::int64_t start = std::max(buses_.first_free(), now() * kTicksPerCycle), last = buses_.serve(index, request.bits, now());
  const std::int64_t bus_end = (last + kTicksPerCycle - 1) / kTicksPerCycle;
  (port.is_write ? bits_written_ : bits_read_) += request.bits;
  if (trace_ && last > start) trace_->slice(track_, port.is_write ? "write" : "read", start / kTicksPerCycle, bus_end);
  port.client->dram_served(request.tag, bus_end, bus_end + timing_.latency - 1);
}

}  // namespace dyad::hwsim
