/// \file Timing of an external memory in clock cycles of the accelerator, shared by the closed forms and the simulation.
#pragma once

#include <algorithm>
#include <cstdint>

namespace dyad::hwsim {

/// Fractions of a cycle in which the data buses are accounted.
constexpr std::int64_t kTicksPerCycle = 1024;

/// Channels with a data bus and banks each; requests wait in one queue a port and are served in rotation. Model: docs/hwsim/dram.md.
struct DramTiming {
  std::int64_t bits_per_kilocycle = 0;  ///< bandwidth of all channels together; 0: unlimited
  std::int64_t latency = 1;             ///< cycles from a request to its first data (reads) or acknowledgement (writes), idle bus; >= 1
  std::int64_t burst_bits = 512;        ///< smallest transfer
  std::int64_t request_bits = 4096;     ///< largest request; a multiple of burst_bits
  std::int64_t channels = 1;            ///< >= 1
  std::int64_t interleave_bits = 0;     ///< of a stream that lie in one channel before the next channel's; unused with one channel
  std::int64_t row_bits = 0;            ///< bits in a row of one channel, a multiple of interleave_bits; 0: rows are not modelled
  std::int64_t row_miss_cycles = 0;     ///< tRP + tRCD. Without banks: bus cycles lost when a port enters a new row
  std::int64_t banks = 0;               ///< of a channel, a multiple of kPortRegions; 0: nothing of an activation is hidden
  std::int64_t row_cycle_cycles = 0;    ///< tRC: between activations in one bank
  std::int64_t refresh_interval = 0;    ///< cycles between refreshes of all banks; 0: none
  std::int64_t refresh_cycles = 0;      ///< bus cycles that a refresh takes

  /// Regions of banks that tensors lie in: the two operands of a layer, its results, and one that stays free.
  static constexpr std::int64_t kPortRegions = 4;
  /// Banks of a channel that the rows of one port's stream take turns in.
  std::int64_t port_banks() const { return std::max<std::int64_t>(1, banks / kPortRegions); }

  /// The same memory with fixed latency and bandwidth: one bus, no rows, no refresh.
  DramTiming ideal() const;
  /// The same latency, unlimited bandwidth.
  DramTiming unlimited() const;

  /// Ticks of all buses together for that many bits, rows and refresh aside, rounded up.
  std::int64_t transfer_ticks(std::int64_t bits) const { return bus_ticks(bits, 1); }
  /// Ticks of one channel's bus for that many of its bits.
  std::int64_t channel_ticks(std::int64_t bits) const { return bus_ticks(bits, channels); }
  /// Ticks from the first to the last data of a request that starts at the beginning of a channel's share: the busiest channel's.
  std::int64_t request_ticks(std::int64_t bits) const { return channels == 1 ? transfer_ticks(bits) : channel_ticks(bits_below(bits, 0)); }
  /// Of the first `position` bits of a stream, those in `channel`.
  std::int64_t bits_below(std::int64_t position, std::int64_t channel) const {
    if (channels == 1) return position;
    const std::int64_t stripe = channels * interleave_bits;
    return position / stripe * interleave_bits +
           std::clamp<std::int64_t>(position % stripe - channel * interleave_bits, 0, interleave_bits);
  }
  /// Cycles for which a stream's first row holds the bus. With banks it is opened within the latency.
  std::int64_t opening_cycles() const { return row_bits > 0 && banks == 0 ? row_miss_cycles : 0; }
  /// Mean ticks of a long sequential stream of that many bits that has the memory to itself, with its rows and the refreshes that fall
  /// into it. With banks: a row takes the longest of its transfer, (its transfer + row_miss_cycles) / port_banks(), and
  /// row_cycle_cycles / port_banks().
  double stream_ticks(double bits) const;
  /// `bits` rounded up to whole bursts.
  std::int64_t whole_bursts(std::int64_t bits) const { return (bits + burst_bits - 1) / burst_bits * burst_bits; }

 private:
  std::int64_t bus_ticks(std::int64_t bits, std::int64_t shares) const {
    return bits_per_kilocycle == 0 ? 0 : (bits * shares * 1000 * kTicksPerCycle + bits_per_kilocycle - 1) / bits_per_kilocycle;
  }
};

}  // namespace dyad::hwsim
