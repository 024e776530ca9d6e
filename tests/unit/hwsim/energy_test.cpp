#include "dyad/hwsim/energy.hpp"

#include <gtest/gtest.h>

#include "dyad/base/result.hpp"

namespace dyad::hwsim {
namespace {

TEST(EnergyLedger, SumsByComponent) {
  EnergyLedger ledger;
  ledger.charge("sram", 10, 0.5);
  ledger.charge("array", 100, 0.25);
  ledger.charge("sram", 4, 2.0);
  ledger.charge_static("leakage", 3.0, 2.0);  // 3 mW for 2 us are 6 nJ
  EXPECT_EQ(ledger.entries().at("sram").accesses, 14);
  EXPECT_DOUBLE_EQ(ledger.entries().at("sram").energy_pj, 13.0);
  EXPECT_DOUBLE_EQ(ledger.energy_pj().at("array"), 25.0);
  EXPECT_DOUBLE_EQ(ledger.energy_pj().at("leakage"), 6000.0);
  EXPECT_THROW(ledger.charge("array", -1, 1.0), InternalError);
}

}  // namespace
}  // namespace dyad::hwsim
