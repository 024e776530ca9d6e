#include <Vfusion_array.h>
#include <Vfusion_array_1x1.h>
#include <Vfusion_array_3x2.h>
#include <Vfusion_array_8x8.h>
#include <Vfusion_unit.h>
#include <Voutput_stationary_16x16.h>
#include <Voutput_stationary_1x1.h>
#include <Voutput_stationary_3x5.h>
#include <Vweight_stationary_16x16.h>
#include <Vweight_stationary_1x1.h>
#include <Vweight_stationary_3x5.h>

#include "checks/fusion_array_check.hpp"
#include "checks/fusion_unit_check.hpp"
#include "checks/systolic_array_check.hpp"
#include "registry.hpp"

namespace dyad::cosim {
namespace {

// rows, columns, bits of an activation, bits of a weight; as rtl/CMakeLists.txt builds them.
constexpr reference::SystolicSize kLarge{16, 16, 8, 8}, kUneven{3, 5, 8, 4}, kSingle{1, 1, 15, 13};

}  // namespace

void add_systolic_checks(std::vector<RegisteredCheck>& checks) {
  checks.insert(
      checks.end(),
      {
          {"fusion_unit", 10'000'000, false, check_fusion_unit<Vfusion_unit>},
          {"fusion_array/8x8", 20'000, false, [](const CheckOptions& o) { return check_fusion_array<Vfusion_array_8x8>(o, 8, 8); }},
          {"fusion_array/4x2", 400'000, false, [](const CheckOptions& o) { return check_fusion_array<Vfusion_array>(o, 4, 2); }},
          {"fusion_array/3x2", 500'000, false, [](const CheckOptions& o) { return check_fusion_array<Vfusion_array_3x2>(o, 3, 2); }},
          {"fusion_array/1x1", 500'000, false, [](const CheckOptions& o) { return check_fusion_array<Vfusion_array_1x1>(o, 1, 1); }},
          {"systolic_array/output_stationary_16x16", 10'000, false,
           [](const CheckOptions& o) { return check_output_stationary<Voutput_stationary_16x16>(o, kLarge); }},
          {"systolic_array/output_stationary_3x5", 500'000, false,
           [](const CheckOptions& o) { return check_output_stationary<Voutput_stationary_3x5>(o, kUneven); }},
          {"systolic_array/output_stationary_1x1", 500'000, false,
           [](const CheckOptions& o) { return check_output_stationary<Voutput_stationary_1x1>(o, kSingle); }},
          {"systolic_array/weight_stationary_16x16", 100'000, false,
           [](const CheckOptions& o) { return check_weight_stationary<Vweight_stationary_16x16>(o, kLarge); }},
          {"systolic_array/weight_stationary_3x5", 500'000, false,
           [](const CheckOptions& o) { return check_weight_stationary<Vweight_stationary_3x5>(o, kUneven); }},
          {"systolic_array/weight_stationary_1x1", 500'000, false,
           [](const CheckOptions& o) { return check_weight_stationary<Vweight_stationary_1x1>(o, kSingle); }},
      });
}

}  // namespace dyad::cosim
