#include "dyad/hwsim/dram_timing.hpp"

namespace dyad::hwsim {

DramTiming DramTiming::ideal() const {
  DramTiming timing = *this;
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
  if (row_bits > 0) ticks += bits / static_cast<double>(row_bits) * static_cast<double>(row_miss_cycles * kTicksPerCycle);
  if (refresh_interval > 0) ticks *= static_cast<double>(refresh_interval) / static_cast<double>(refresh_interval - refresh_cycles);
  return ticks;
}

}  // namespace dyad::hwsim
