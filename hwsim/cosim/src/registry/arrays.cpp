#include <Vapot_array.h>
#include <Vapot_array_3x2x40.h>
#include <Vapot_array_8x8x128.h>
#include <Vapot_dot_40.h>
#include <Vapot_pe.h>
#include <Vbit_serial_array.h>
#include <Vbit_serial_array_3x2x65.h>
#include <Vbit_serial_dpu.h>
#include <Vbit_serial_dpu_100.h>
#include <Vmma_dot_40.h>
#include <Vmma_lane.h>
#include <Vmma_tile.h>
#include <Vmma_tile_3x2x40.h>
#include <Vmma_tile_8x8x128.h>

#include "checks/apot_array_check.hpp"
#include "checks/apot_dot_check.hpp"
#include "checks/apot_pe_check.hpp"
#include "checks/bit_serial_array_check.hpp"
#include "checks/bit_serial_dpu_check.hpp"
#include "checks/mma_dot_check.hpp"
#include "checks/mma_lane_check.hpp"
#include "checks/mma_tile_check.hpp"
#include "registry.hpp"

namespace dyad::cosim {

void add_arrays_checks(std::vector<RegisteredCheck>& checks) {
  checks.insert(
      checks.end(),
      {
          {"bit_serial_dpu/256", 1'000'000, false, [](const CheckOptions& o) { return check_bit_serial_dpu<Vbit_serial_dpu>(o, 256); }},
          {"bit_serial_dpu/100", 1'000'000, false, [](const CheckOptions& o) { return check_bit_serial_dpu<Vbit_serial_dpu_100>(o, 100); }},
          {"bit_serial_array/8x8x256", 200'000, false,
           [](const CheckOptions& o) { return check_bit_serial_array<Vbit_serial_array>(o, 8, 8, 256); }},
          {"bit_serial_array/3x2x65", 500'000, false,
           [](const CheckOptions& o) { return check_bit_serial_array<Vbit_serial_array_3x2x65>(o, 3, 2, 65); }},
          {"mma_lane", 1 << 20, false, check_mma_lane<Vmma_lane>},
          {"mma_dot/40", 2'000'000, false, [](const CheckOptions& o) { return check_mma_dot<Vmma_dot_40>(o, 40); }},
          {"mma_tile/8x8x128", 2'000, false, [](const CheckOptions& o) { return check_mma_tile<Vmma_tile_8x8x128>(o, 8, 8, 128); }},
          {"mma_tile/2x2x128", 200'000, false, [](const CheckOptions& o) { return check_mma_tile<Vmma_tile>(o, 2, 2, 128); }},
          {"mma_tile/3x2x40", 500'000, false, [](const CheckOptions& o) { return check_mma_tile<Vmma_tile_3x2x40>(o, 3, 2, 40); }},
          {"apot_pe", 1 << 17, false, check_apot_pe<Vapot_pe>},
          {"apot_dot/40", 2'000'000, false, [](const CheckOptions& o) { return check_apot_dot<Vapot_dot_40>(o, 40); }},
          {"apot_array/8x8x128", 2'000, false, [](const CheckOptions& o) { return check_apot_array<Vapot_array_8x8x128>(o, 8, 8, 128); }},
          {"apot_array/2x2x128", 200'000, false, [](const CheckOptions& o) { return check_apot_array<Vapot_array>(o, 2, 2, 128); }},
          {"apot_array/3x2x40", 500'000, false, [](const CheckOptions& o) { return check_apot_array<Vapot_array_3x2x40>(o, 3, 2, 40); }},
      });
}

}  // namespace dyad::cosim
