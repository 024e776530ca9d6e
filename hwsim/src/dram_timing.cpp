#include "dyad/hwsim/dram_timing.hpp"

namespace dyad::hwsim {

DramTiming DramTiming::ideal() const {
  DramTiming timing = *this;
  timing.channels = 1;
  timing.interleave_bits = timing.banks = timing.row_cycle_cycles = 0;
  timing.row_bits = timing.row_miss_cycles = timing.refresh_interval = timing.refresh_cycles = 0;
  return timing;
}

DramTiming DramTiming::unlimited() const {
  DramTiming timing = ideal();
  timing.bits_per_kilocycle = 0;
  return timing;
}

double DramTiming::stream_ticks(double bits) const {
  if (bits_per_kilocycle == 0) return 0;
  double ticks = bits * 1000.0 * kTicksPerCycle / static_cast<double>(bits_per_kilocycle);
  if (row_bits > 0) {
    const double rows = bits / static_cast<double>(channels * row_bits);  // of each channel; channels work side by side
    const auto miss = static_cast<double>(row_miss_cycles * kTicksPerCycle), cycle = static_cast<double>(row_cycle_cycles * kTicksPerCycle);
    const auto turns = static_cast<double>(port_banks());
    if (banks == 0) {
      ticks += rows * miss;
    } else {
      ticks = std::max({ticks, (ticks + rows * miss) / turns, rows * cycle / turns});
    }
  }
  if (refresh_interval > 0) ticks *= static_cast<double>(refresh_interval) / static_cast<double>(refresh_interval - refresh_cycles);
  return ticks;
}

}  // namespace dyad::hwsim
