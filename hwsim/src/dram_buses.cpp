#include "dyad/hwsim/dram_buses.hpp"

namespace dyad::hwsim {

std::int64_t DramBuses::transfer(std::size_t channel, std::size_t port, std::int64_t begin, std::int64_t end, std::int64_t now) {
  std::int64_t& free = free_[channel];
  free = std::max(free, now * kTicksPerCycle);
  if (timing_.row_bits == 0) {
    const std::int64_t ticks = channel_ticks(end - begin);
    busy_ticks_ += ticks;
    return free = occupy(channel, ticks);
  }
  const std::int64_t miss = timing_.row_miss_cycles * kTicksPerCycle;
  if (timing_.banks == 0) {
    std::int64_t& row_end = row_ends_[port * free_.size() + channel];
    std::int64_t entered = 0;
    for (; row_end < end; row_end += timing_.row_bits) ++entered;
    const std::int64_t ticks = channel_ticks(end - begin) + entered * miss;
    row_misses_ += entered;
    row_wait_ticks_ += entered * miss;
    busy_ticks_ += ticks;
    return free = occupy(channel, ticks);
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
    const std::int64_t ticks = channel_ticks(stop - begin);
    busy_ticks_ += ticks;
    free = occupy(channel, ticks);
    bank.next_row = std::max(free + miss, bank.begin + timing_.row_cycle_cycles * kTicksPerCycle);
    begin = stop;
  }
  return free;
}

std::int64_t DramBuses::occupy(std::size_t channel, std::int64_t ticks) {
  std::int64_t start = free_[channel];
  if (timing_.refresh_interval == 0) return start + ticks;
  const std::int64_t interval = timing_.refresh_interval * kTicksPerCycle, pause = timing_.refresh_cycles * kTicksPerCycle;
  std::int64_t& next = refreshes_[channel];
  if (start >= next) next += (start - next) / interval * interval + interval;
  const std::int64_t last = next - interval;
  if (last > 0 && start < last + pause) start = last + pause;  // a refresh is going on
  for (std::int64_t coming = next; start + ticks > coming; coming += interval) ticks += pause;
  return start + ticks;
}

}  // namespace dyad::hwsim
