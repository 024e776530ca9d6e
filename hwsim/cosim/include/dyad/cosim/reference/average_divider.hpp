/// \file Reference model of rtl/average_divider.sv.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dyad/base/dyadic.hpp"
#include "dyad/cosim/reference/elastic_pipeline.hpp"

namespace dyad::cosim::reference {

/// One division: what the module gets as a reciprocal the model gets as the count.
struct AverageBeat {
  std::int32_t sum = 0;
  std::int64_t count = 1;
  std::int32_t lowest = INT32_MIN;
  std::int32_t highest = INT32_MAX;
};

inline std::int32_t clamped_average(const AverageBeat& beat, AverageRounding rounding) {
  return std::clamp(integer_average(beat.sum, beat.count, rounding), beat.lowest, beat.highest);
}

/// One result a cycle, three cycles after its sum was taken.
class AverageDivider {
 public:
  explicit AverageDivider(AverageRounding rounding) : rounding_(rounding) {}
  bool empty() const { return stages_.empty(); }
  bool in_ready(bool out_ready) const { return stages_.in_ready(out_ready); }
  bool out_valid() const { return stages_.out_valid(); }
  std::int32_t out_data() const { return stages_.out_value(); }
  void clock(bool in_valid, const AverageBeat& beat, bool out_ready) {
    const bool take = in_valid && in_ready(out_ready);
    stages_.clock(in_valid, take ? clamped_average(beat, rounding_) : 0, out_ready);
  }

 private:
  AverageRounding rounding_;
  ElasticPipeline<std::int32_t, 3> stages_;
};

}  // namespace dyad::cosim::reference
