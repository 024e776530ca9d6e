/// \file The data buses and banks of an external memory: when a request's data end. Without SystemC; hwsim::Dram and the analytic tier of
/// tiled machines serve their requests with it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dyad/hwsim/dram_timing.hpp"

namespace dyad::hwsim {

/// Serves requests in the order of the calls. Rules: Dram's comment, docs/hwsim/dram.md.
class DramBuses {
 public:
  explicit DramBuses(const DramTiming& timing)
      : timing_(timing),
        free_(static_cast<std::size_t>(std::max<std::int64_t>(1, timing.channels))),
        refreshes_(free_.size(), timing.refresh_interval * kTicksPerCycle) {
    if (timing.row_bits > 0 && timing.banks > 0)
      banks_.resize(static_cast<std::size_t>(timing.channels * DramTiming::kPortRegions * timing.port_banks()));
  }

  /// The next `bits` of the stream of `port` (< kPortRegions where there are banks), dispatched in cycle `now`: tick in which the last of
  /// its data end.
  std::int64_t serve(std::size_t port, std::int64_t bits, std::int64_t now) {
    std::int64_t& position = positions_[port];
    const std::int64_t begin = position, end = position += bits;
    if (free_.size() == 1) return transfer(0, port, begin, end, now);
    std::int64_t last = 0;
    for (std::size_t channel = 0; channel < free_.size(); ++channel) {
      const std::int64_t from = timing_.bits_below(begin, static_cast<std::int64_t>(channel)),
                         to = timing_.bits_below(end, static_cast<std::int64_t>(channel));
      if (from < to) last = std::max(last, transfer(channel, port, from, to, now));
    }
    return last;
  }
  /// A port's stream begins at 0.
  void add_port() {
    positions_.push_back(0);
    row_ends_.resize(positions_.size() * free_.size());
  }
  /// Tick from which a bus can take a part of the next request.
  std::int64_t first_free() const { return free_.size() == 1 ? free_[0] : *std::min_element(free_.begin(), free_.end()); }

  /// Ticks in which the buses were busy (without banks: or waited for a row); rows entered; ticks that buses waited for them.
  std::int64_t busy_ticks() const { return busy_ticks_; }
  std::int64_t row_misses() const { return row_misses_; }
  std::int64_t row_wait_ticks() const { return row_wait_ticks_; }

 private:
  struct Bank {
    std::int64_t next_row = 0;  // tick in which data of another row can begin
    std::int64_t begin = 0;     // tick in which the data of the last row could begin
  };

  /// Transfers bits [begin, end) of the channel's part of the port's stream; returns the tick of their end.
  std::int64_t transfer(std::size_t channel, std::size_t port, std::int64_t begin, std::int64_t end, std::int64_t now);
  /// Tick in which a transfer of so many ticks ends that begins when the channel is free.
  std::int64_t occupy(std::size_t channel, std::int64_t ticks);
  /// Most requests are whole, or as long as the last one that was not.
  std::int64_t channel_ticks(std::int64_t bits) {
    if (bits == timing_.request_bits) return request_ticks_;
    if (bits != known_bits_) {
      known_bits_ = bits;
      known_ticks_ = timing_.channel_ticks(bits);
    }
    return known_ticks_;
  }

  DramTiming timing_;
  std::vector<std::int64_t> positions_;  // bits of each port served so far
  std::vector<std::int64_t> free_;       // ticks, by channel
  std::vector<std::int64_t> refreshes_;  // ticks: the next one after the channel's last transfer began
  std::vector<std::int64_t> row_ends_;   // by port and channel, without banks: end of the last row entered
  std::vector<Bank> banks_;              // by channel, port and bank of the port
  std::int64_t request_ticks_ = timing_.channel_ticks(timing_.request_bits), known_bits_ = 0, known_ticks_ = 0;
  std::int64_t busy_ticks_ = 0, row_misses_ = 0, row_wait_ticks_ = 0;
};

}  // namespace dyad::hwsim
