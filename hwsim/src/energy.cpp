#include "dyad/hwsim/energy.hpp"

#include "dyad/base/result.hpp"

namespace dyad::hwsim {

void EnergyLedger::charge(const std::string& component, std::int64_t accesses, double energy_pj_each) {
  DYAD_EXPECT(accesses >= 0 && energy_pj_each >= 0, "energy can't be given back");
  Entry& entry = entries_[component];
  entry.accesses += accesses;
  entry.energy_pj += static_cast<double>(accesses) * energy_pj_each;
}

void EnergyLedger::charge_static(const std::string& component, double power_mw, double time_us) {
  DYAD_EXPECT(power_mw >= 0 && time_us >= 0, "energy can't be given back");
  constexpr double kPicojoulesPerMilliwattMicrosecond = 1000.0;
  entries_[component].energy_pj += power_mw * time_us * kPicojoulesPerMilliwattMicrosecond;
}

std::map<std::string, double> EnergyLedger::energy_pj() const {
  std::map<std::string, double> energies;
  for (const auto& [component, entry] : entries_) energies.emplace(component, entry.energy_pj);
  return energies;
}

}  // namespace dyad::hwsim
