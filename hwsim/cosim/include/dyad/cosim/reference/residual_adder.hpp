/// \file Reference model of rtl/residual_adder.sv.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dyad/base/dyadic.hpp"
#include "dyad/cosim/reference/elastic_pipeline.hpp"

namespace dyad::cosim::reference {

/// One beat of a residual adder: two operands, each with its ratio. |multiplier| < 2^31, 0 <= shift <= 62, lowest <= highest.
struct ResidualBeat {
  std::int32_t main = 0;
  Dyadic main_ratio;
  std::int32_t identity = 0;
  Dyadic identity_ratio;
  std::int32_t zero_point = 0;
  std::int32_t lowest = INT32_MIN;
  std::int32_t highest = INT32_MAX;
};

/// Both operands through their ratios, each with one rounding, plus the zero point; not clamped.
constexpr std::int64_t residual_sum(const ResidualBeat& beat, Rounding rounding) {
  return round_multiply(beat.main, beat.main_ratio.multiplier, beat.main_ratio.shift, rounding) +
         round_multiply(beat.identity, beat.identity_ratio.multiplier, beat.identity_ratio.shift, rounding) + beat.zero_point;
}

/// One result a cycle, three cycles after its beat was taken.
class ResidualAdder {
 public:
  explicit ResidualAdder(Rounding rounding) : rounding_(rounding) {}
  bool empty() const { return stages_.empty(); }
  bool in_ready(bool out_ready) const { return stages_.in_ready(out_ready); }
  bool out_valid() const { return stages_.out_valid(); }
  std::int32_t out_data() const { return stages_.out_value(); }
  void clock(bool in_valid, const ResidualBeat& beat, bool out_ready) {
    const bool take = in_valid && in_ready(out_ready);
    const std::int64_t sum = take ? residual_sum(beat, rounding_) : 0;
    stages_.clock(in_valid, static_cast<std::int32_t>(std::clamp<std::int64_t>(sum, beat.lowest, beat.highest)), out_ready);
  }

 private:
  Rounding rounding_;
  ElasticPipeline<std::int32_t, 3> stages_;
};

}  // namespace dyad::cosim::reference
