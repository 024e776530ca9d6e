/// \file Checks of RTL modules against their C++ reference models: what one is given, what it finds, and the list of all.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dyad::cosim {

struct CheckOptions {
  std::uint64_t seed = 1;
  std::int64_t cases = 10'000;  ///< beats, jobs or operations; what the check counts
  int mutant = 0;               ///< which mutant to select in a model that holds several; 0: the module itself
};

/// Mismatches are differences of a beat, of its cycle, or a hang; a failed assertion counts as one.
struct Check {
  std::string name;
  std::int64_t cases = 0;
  std::int64_t mismatches = 0;
  std::string first;  ///< the first mismatch in words; empty when there is none

  /// Counts a mismatch; true when enough were seen for the check to stop.
  bool mismatch(const std::string& what) {
    if (mismatches++ == 0) first = what;
    return mismatches >= 10;
  }
};

/// A check that can be run by name.
struct RegisteredCheck {
  std::string name;            ///< the module, and its parameters when there are several sets: "dyadic_requantizer/half_up"
  std::int64_t default_cases;  ///< what `dyad verify rtl` runs
  bool needs_systemc = false;  ///< simulations of SystemC run one at a time in a process
  std::function<Check(const CheckOptions&)> run;
};

/// Every check of this build, by name.
const std::vector<RegisteredCheck>& registered_checks();

/// Runs a check; an AssertionFailed that it throws becomes a mismatch.
Check run_check(const RegisteredCheck& check, const CheckOptions& options);

}  // namespace dyad::cosim
