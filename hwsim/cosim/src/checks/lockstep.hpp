/// \file What the checks of the control modules share: the outputs of a cycle against the reference's, in words.
#pragma once

#include <cstdint>
#include <string>

#include "dyad/cosim/check.hpp"

namespace dyad::cosim {

/// Compares outputs in the present cycle and counts differences in `check`. Stimuli come from the reference alone, so that a wrong model
/// cannot make a check run forever.
class Lockstep {
 public:
  explicit Lockstep(Check& check) : check_(check) {}

  /// The cycle that messages name.
  void at(std::int64_t cycle) { cycle_ = cycle; }
  template <class Got, class Expected>
  void same(const char* port, Got got, Expected expected) {
    if (static_cast<std::uint64_t>(got) == static_cast<std::uint64_t>(expected)) return;
    differ(std::string(port) + " is " + std::to_string(static_cast<std::uint64_t>(got)) + ", expected " +
           std::to_string(static_cast<std::uint64_t>(expected)));
  }
  void differ(const std::string& what) {
    if (check_.mismatch("cycle " + std::to_string(cycle_) + ": " + what)) stop_ = true;
  }
  /// Enough was seen.
  bool stop() const { return stop_; }

 private:
  Check& check_;
  std::int64_t cycle_ = 0;
  bool stop_ = false;
};

}  // namespace dyad::cosim
