/// \file External memory as a SystemC module: ports with queues, channels with a data bus and banks each, latency and refresh.
#pragma once

#include <deque>
#include <vector>

#include "dyad/hwsim/clock.hpp"
#include "dyad/hwsim/dram_buses.hpp"
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

/// Requests of one port are dispatched in order; ports take turns (round robin), one request a turn, whenever a channel is free. A request
/// made in cycle t can start in t + 1 at the earliest. Each channel transfers its part of a request (see DramTiming::interleave_bits)
/// behind what was dispatched to it before; the request's data end with its last part (rounded up to a cycle), and are complete `latency` -
/// 1 cycles later. A transfer that meets a refresh, which stops all channels, is interrupted for refresh_cycles. Rows of a port's stream
/// take turns in port_banks() banks of their channel. A part that enters a row waits until row_miss_cycles after the last data from that
/// bank and row_cycle_cycles after the bank's last row could begin; all of that overlaps transfers from other banks. The first row of a
/// bank is opened within the latency. Without banks every new row holds the bus for row_miss_cycles.
class Dram : public Stage {
 public:
  Dram(const sc_core::sc_module_name& module_name, const DramTiming& timing, Trace* trace);

  /// A new port; its requests are sequential in an address range of its own (its own banks): with banks, kPortRegions ports at most.
  int add_port(DramClient* client, bool is_write);
  /// bits >= 1; `issue_cycle` >= now is when the request is made; the requests of a port come in order of cycles.
  void request(int port, std::int64_t bits, std::int64_t tag, std::int64_t issue_cycle);

  const DramTiming& timing() const { return timing_; }
  std::int64_t bits_read() const { return bits_read_; }
  std::int64_t bits_written() const { return bits_written_; }
  /// Cycles in which the buses were busy (without banks: or waited for a row), mean of the channels, rounded down.
  std::int64_t busy_cycles() const { return buses_.busy_ticks() / kTicksPerCycle / timing_.channels; }
  /// Rows entered, and cycles that buses waited for them, summed over channels. 0 where rows are not modelled.
  std::int64_t row_misses() const { return buses_.row_misses(); }
  std::int64_t row_wait_cycles() const { return buses_.row_wait_ticks() / kTicksPerCycle; }

 private:
  struct Request {
    std::int64_t bits, tag, visible_at;
  };
  struct Port {
    DramClient* client;
    bool is_write;
    std::deque<Request> queue;
  };

  void step() override;
  void serve(Port& port, std::size_t index);

  DramTiming timing_;
  Trace* trace_;
  int track_ = 0;
  std::vector<Port> ports_;
  std::size_t next_port_ = 0;
  DramBuses buses_;
  std::int64_t bits_read_ = 0, bits_written_ = 0;
};

}  // namespace dyad::hwsim
