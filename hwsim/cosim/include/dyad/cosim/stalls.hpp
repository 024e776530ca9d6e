/// \file Random valid and ready signals for checks: bursts, trickles and full speed in turn.
#pragma once

#include <cstdint>

#include "dyad/base/random.hpp"

namespace dyad::cosim {

/// Says in each cycle whether one side of a stream is willing. The probability changes every 64 cycles between 0.02 and 1,
/// so that a run sees long stalls, single beats and full throughput.
class Willingness {
 public:
  explicit Willingness(std::uint64_t seed) : random_(seed) {}
  bool next() {
    if (left_-- == 0) {
      constexpr int kThousandths[] = {1000, 1000, 500, 900, 100, 20};
      probability_ = kThousandths[random_.below(6)];
      left_ = 63;
    }
    return static_cast<int>(random_.below(1000)) < probability_;
  }

 private:
  Random random_;
  int probability_ = 1000;
  int left_ = 0;
};

}  // namespace dyad::cosim
