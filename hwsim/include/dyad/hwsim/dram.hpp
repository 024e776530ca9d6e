/// \file External memory as a SystemC module: ports with queues, one data bus, latency, rows and refresh.
#pragma once

#include <deque>
#include <vector>

#include "dyad/hwsim/clock.hpp"
#include "dyad/hwsim/dram_timing.hpp"
#include "dyad/hwsim/trace.hpp"

namespace dyad::hwsim {

/// Who hears that a request was served.
class DramClient {
 public:
  virtual ~DramClient() = default;
  /// Called when the bus accepts the request: its data end on the bus in cycle `bus_end`, and the data are complete at the client
  /// (reads) or acknowledged (writes) in cycle `done`. Both may lie in the future.
  virtual void dram_served(std::int64_t tag, std::int64_t bus_end, std::int64_t done) = 0;
};

/// Requests of one port are served in order; ports take turns (round robin), one request a turn. A request made in cycle t can start on
/// the bus in t + 1 at the earliest; its data end on the bus after transfer_ticks (rounded up to a cycle), and are complete `latency` - 1
/// cycles later. A request that enters a new row of its port's address stream first holds the bus for row_miss_cycles; a transfer
/// that meets a refresh is interrupted for refresh_cycles.
class Dram : public Stage {
 public:
  Dram(const sc_core::sc_module_name& module_name, const DramTiming& timing, Trace* trace);

  /// A new port; its requests are sequential in an address range of its own (its own banks).
  int add_port(DramClient* client, bool is_write);
  /// bits >= 1; `issue_cycle` >= now is when the request is made; the requests of a port come in order of cycles.
  void request(int port, std::int64_t bits, std::int64_t tag, std::int64_t issue_cycle);

  const DramTiming& timing() const { return timing_; }
  std::int64_t bits_read() const { return bits_read_; }
  std::int64_t bits_written() const { return bits_written_; }
  /// Cycles in which the bus was busy, rounded down.
  std::int64_t busy_cycles() const { return busy_ticks_ / kTicksPerCycle; }

 private:
  struct Request {
    std::int64_t bits, tag, visible_at;
  };
  struct Port {
    DramClient* client;
    bool is_write;
    std::deque<Request> queue;
    std::int64_t position = 0;  // bits transferred so far
  };

  void step() override;
  void serve(Port& port);
  std::int64_t occupy(std::int64_t start, std::int64_t ticks);

  DramTiming timing_;
  Trace* trace_;
  int track_ = 0;
  std::vector<Port> ports_;
  std::size_t next_port_ = 0;
  std::int64_t bus_free_ = 0;  // ticks
  std::int64_t busy_ticks_ = 0, bits_read_ = 0, bits_written_ = 0;
};

}  // namespace dyad::hwsim
