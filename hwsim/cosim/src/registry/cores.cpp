#include <Vapot_core_4x4x64.h>
#include <Vapot_core_8x8x128.h>
#include <Vbit_serial_core_4x4x64.h>
#include <Vbit_serial_core_8x8x256.h>
#include <Vfusion_core_4x2.h>
#include <Vfusion_core_8x8.h>
#include <Vmma_core_4x4x64.h>
#include <Vmma_core_8x8x128.h>
#include <Vsystolic_core_16x16.h>
#include <Vsystolic_core_8x4.h>

#include "checks/apot_core_check.hpp"
#include "checks/bit_serial_core_check.hpp"
#include "checks/fusion_core_check.hpp"
#include "checks/mma_core_check.hpp"
#include "checks/systolic_core_check.hpp"
#include "registry.hpp"

namespace dyad::cosim {

// Small geometries, where buffers run full, and those of the named machines.
void add_cores_checks(std::vector<RegisteredCheck>& checks) {
  const auto add = [&](std::string name, std::int64_t cases, std::function<Check(const CheckOptions&)> run) {
    checks.push_back({std::move(name), cases, false, std::move(run)});
  };
  add("bit_serial_core/4x4x64", 3'000,
      [](const CheckOptions& o) { return check_bit_serial_core<Vbit_serial_core_4x4x64>(o, 4, 4, 64, 64, 4); });
  add("bit_serial_core/8x8x256", 1'000,
      [](const CheckOptions& o) { return check_bit_serial_core<Vbit_serial_core_8x8x256>(o, 8, 8, 256, 1024, 16); });
  add("mma_core/4x4x64", 1'000, [](const CheckOptions& o) { return check_mma_core<Vmma_core_4x4x64>(o, 4, 4, 64, 64, 4); });
  add("mma_core/8x8x128", 1'000, [](const CheckOptions& o) { return check_mma_core<Vmma_core_8x8x128>(o, 8, 8, 128, 1024, 16); });
  add("apot_core/4x4x64", 1'000, [](const CheckOptions& o) { return check_apot_core<Vapot_core_4x4x64>(o, 4, 4, 64, 64, 4); });
  add("apot_core/8x8x128", 1'000, [](const CheckOptions& o) { return check_apot_core<Vapot_core_8x8x128>(o, 8, 8, 128, 1024, 16); });
  add("systolic_core/8x4", 1'000, [](const CheckOptions& o) { return check_systolic_core<Vsystolic_core_8x4>(o, {8, 4, 8, 8}, 64, 2); });
  add("systolic_core/16x16", 1'000, [](const CheckOptions& o) {
    return check_systolic_core<Vsystolic_core_16x16>(o, {16, 16, 8, 8}, 4096, 4);
  });
  add("fusion_core/4x2", 1'000, [](const CheckOptions& o) { return check_fusion_core<Vfusion_core_4x2>(o, 4, 2, 64, 2); });
  add("fusion_core/8x8", 1'000, [](const CheckOptions& o) { return check_fusion_core<Vfusion_core_8x8>(o, 8, 8, 1024, 4); });
}

}  // namespace dyad::cosim
