/// \file Where energy went: accesses and picojoules by component.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace dyad::hwsim {

/// Sums in order of the calls; components are ordered by name, so a ledger prints the same everywhere.
class EnergyLedger {
 public:
  struct Entry {
    std::int64_t accesses = 0;
    double energy_pj = 0;
  };
  /// Charges `accesses` (>= 0) of `energy_pj_each` (>= 0) to a component.
  void charge(const std::string& component, std::int64_t accesses, double energy_pj_each);
  /// Static power over a time: power_mw * time_us, in nJ, is 1000 pJ.
  void charge_static(const std::string& component, double power_mw, double time_us);
  const std::map<std::string, Entry>& entries() const { return entries_; }
  std::map<std::string, double> energy_pj() const;

 private:
  std::map<std::string, Entry> entries_;
};

}  // namespace dyad::hwsim
