#include <Vapot_core_4x4x64.h>
#include <Vbit_serial_core_4x4x64.h>
#include <Vbit_serial_core_8x8x256.h>
#include <Vmma_core_4x4x64.h>
#include <Vsystolic_core_16x16.h>
#include <Vsystolic_core_8x4.h>

#include "checks/apot_core_check.hpp"
#include "checks/bit_serial_core_check.hpp"
#include "checks/mma_core_check.hpp"
#include "checks/systolic_core_check.hpp"
#include "registry.hpp"

namespace dyad::cosim {

void add_cores_checks(std::vector<RegisteredCheck>& checks) {
  checks.push_back({"bit_serial_core/4x4x64", 3'000, false,
                    [](const CheckOptions& o) { return check_bit_serial_core<Vbit_serial_core_4x4x64>(o, 4, 4, 64, 64, 4); }});
  checks.push_back({"bit_serial_core/8x8x256", 1'000, false,
                    [](const CheckOptions& o) { return check_bit_serial_core<Vbit_serial_core_8x8x256>(o, 8, 8, 256, 1024, 16); }});
  checks.push_back(
      {"mma_core/4x4x64", 1'000, false, [](const CheckOptions& o) { return check_mma_core<Vmma_core_4x4x64>(o, 4, 4, 64, 64, 4); }});
  checks.push_back(
      {"apot_core/4x4x64", 1'000, false, [](const CheckOptions& o) { return check_apot_core<Vapot_core_4x4x64>(o, 4, 4, 64, 64, 4); }});
  checks.push_back({"systolic_core/16x16", 1'000, false, [](const CheckOptions& o) {
                      return check_systolic_core<Vsystolic_core_16x16>(o, {16, 16, 8, 8}, 1024, 4);
                    }});
  checks.push_back({"systolic_core/8x4", 1'000, false, [](const CheckOptions& o) {
                      return check_systolic_core<Vsystolic_core_8x4>(o, {8, 4, 8, 8}, 64, 2);
                    }});
}

}  // namespace dyad::cosim
