/// \file Timing of an external memory in clock cycles of the accelerator, shared by the closed forms and the simulation.
#pragma once

#include <cstdint>

namespace dyad::hwsim {

/// Fractions of a cycle in which the data bus is accounted.
constexpr std::int64_t kTicksPerCycle = 1024;

/// One channel with one data bus; requests wait in one queue a port and are served in rotation.
struct DramTiming {
  std::int64_t bits_per_kilocycle = 0;  ///< bandwidth of the data bus; 0: unlimited
  std::int64_t latency = 1;             ///< cycles from a request to its first data (reads) or acknowledgement (writes), idle bus; >= 1
  std::int64_t burst_bits = 512;        ///< smallest transfer
  std::int64_t request_bits = 4096;     ///< largest request; a multiple of burst_bits
  std::int64_t row_bits = 0;            ///< bits in a row; 0: rows are not modelled
  std::int64_t row_miss_cycles = 0;     ///< bus cycles lost when a port enters a new row
  std::int64_t refresh_interval = 0;    ///< cycles between refreshes; 0: none
  std::int64_t refresh_cycles = 0;      ///< bus cycles that a refresh takes

  /// The same memory with fixed latency and bandwidth: no rows, no refresh.
  DramTiming ideal() const;
  /// The same latency, unlimited bandwidth.
  DramTiming unlimited() const;

  /// Ticks of the bus for that many bits, rows and refresh aside, rounded up.
  std::int64_t transfer_ticks(std::int64_t bits) const {
    return bits_per_kilocycle == 0 ? 0 : (bits * 1000 * kTicksPerCycle + bits_per_kilocycle - 1) / bits_per_kilocycle;
  }
  /// Mean ticks of the bus for a long sequential stream of that many bits, with its rows and the refreshes that fall into it.
  double stream_ticks(double bits) const;
  /// `bits` rounded up to whole bursts.
  std::int64_t whole_bursts(std::int64_t bits) const { return (bits + burst_bits - 1) / burst_bits * burst_bits; }
};

}  // namespace dyad::hwsim
