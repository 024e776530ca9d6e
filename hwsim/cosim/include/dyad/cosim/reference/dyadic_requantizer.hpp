/// \file Reference model of rtl/dyadic_requantizer.sv.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dyad/base/dyadic.hpp"
#include "dyad/cosim/reference/elastic_pipeline.hpp"

namespace dyad::cosim::reference {

/// One beat of a requantizer. |multiplier| < 2^31, 0 <= shift <= 62, lowest <= highest.
struct RequantizerBeat {
  std::int32_t acc = 0;
  std::int32_t multiplier = 0;
  int shift = 0;
  std::int32_t zero_point = 0;
  std::int32_t lowest = INT32_MIN;
  std::int32_t highest = INT32_MAX;
};

/// clamp(round(acc * multiplier / 2^shift) + zero_point, lowest, highest).
constexpr std::int32_t requantized(const RequantizerBeat& beat, Rounding rounding) {
  const std::int64_t value = round_multiply(beat.acc, beat.multiplier, beat.shift, rounding) + beat.zero_point;
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, beat.lowest, beat.highest));
}

/// One result a cycle, three cycles after its beat was taken.
class DyadicRequantizer {
 public:
  explicit DyadicRequantizer(Rounding rounding) : rounding_(rounding) {}
  bool empty() const { return stages_.empty(); }
  bool in_ready(bool out_ready) const { return stages_.in_ready(out_ready); }
  bool out_valid() const { return stages_.out_valid(); }
  std::int32_t out_data() const { return stages_.out_value(); }
  void clock(bool in_valid, const RequantizerBeat& beat, bool out_ready) {
    const bool take = in_valid && in_ready(out_ready);
    stages_.clock(in_valid, take ? requantized(beat, rounding_) : 0, out_ready);
  }

 private:
  Rounding rounding_;
  ElasticPipeline<std::int32_t, 3> stages_;
};

}  // namespace dyad::cosim::reference
