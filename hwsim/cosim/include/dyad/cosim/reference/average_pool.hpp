/// \file Reference model of rtl/average_pool.sv.
#pragma once

#include <cstdint>

#include "dyad/cosim/reference/average_divider.hpp"

namespace dyad::cosim::reference {

/// One element of a window; count and bounds are those of its last element.
struct AverageElement {
  std::int32_t data = 0;
  bool first = true, last = true;
  std::int64_t count = 1;
  std::int32_t lowest = INT32_MIN;
  std::int32_t highest = INT32_MAX;
};

/// One element a cycle; a result four cycles after a window's last element was taken.
class AveragePool {
 public:
  explicit AveragePool(AverageRounding rounding) : divider_(rounding) {}
  bool empty() const { return !complete_ && divider_.empty(); }
  bool in_ready(bool out_ready) const { return !complete_ || divider_.in_ready(out_ready); }
  bool out_valid() const { return divider_.out_valid(); }
  std::int32_t out_data() const { return divider_.out_data(); }
  void clock(bool in_valid, const AverageElement& element, bool out_ready) {
    const bool ready = in_ready(out_ready);
    divider_.clock(complete_, window_, out_ready);
    if (!ready) return;
    complete_ = in_valid && element.last;
    if (!in_valid) return;
    window_ = {(element.first ? 0 : window_.sum) + element.data, element.count, element.lowest, element.highest};
  }

 private:
  AverageDivider divider_;
  AverageBeat window_;
  bool complete_ = false;
};

}  // namespace dyad::cosim::reference
