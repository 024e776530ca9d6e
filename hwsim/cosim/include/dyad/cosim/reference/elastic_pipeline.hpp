/// \file Stages with valid/ready handshake, as the pipelined modules of rtl/ have them: a stage loads when it is empty or its successor
/// takes what it holds.
#pragma once

#include <array>
#include <cstddef>

namespace dyad::cosim::reference {

/// kStages places for values that are computed when they enter. A value is at the output kStages cycles after it was taken.
template <class Value, int kStages>
class ElasticPipeline {
 public:
  bool in_ready(bool out_ready) const {
    bool ready = out_ready;
    for (std::size_t i = kStages; i-- > 0;) ready = ready || !valid_[i];
    return ready;
  }
  bool out_valid() const { return valid_[kStages - 1]; }
  const Value& out_value() const { return values_[kStages - 1]; }
  bool empty() const {
    for (const bool each : valid_)
      if (each) return false;
    return true;
  }

  /// One clock edge with these inputs.
  void clock(bool in_valid, const Value& in_value, bool out_ready) {
    bool ready = out_ready;
    for (std::size_t i = kStages; i-- > 0;) {
      ready = ready || !valid_[i];
      if (!ready) continue;
      valid_[i] = i == 0 ? in_valid : valid_[i - 1];
      if (valid_[i]) values_[i] = i == 0 ? in_value : values_[i - 1];
    }
  }

 private:
  std::array<bool, kStages> valid_{};
  std::array<Value, kStages> values_{};
};

}  // namespace dyad::cosim::reference
