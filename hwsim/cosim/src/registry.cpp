#include <Vapot_array.h>
#include <Vapot_array_3x2x40.h>
#include <Vapot_dot_40.h>
#include <Vapot_pe.h>
#include <Vbit_serial_array.h>
#include <Vbit_serial_array_3x2x65.h>
#include <Vbit_serial_dpu.h>
#include <Vbit_serial_dpu_100.h>
#include <Vmma_dot_40.h>
#include <Vmma_tile.h>
#include <Vmma_tile_3x2x40.h>
#include <Vstream_fifo.h>
#include <Vstream_fifo_1.h>
#include <Vstream_fifo_2.h>
#include <Vstream_fifo_5.h>
#include <Vstream_skid.h>

#include "checks/apot_array_check.hpp"
#include "checks/apot_dot_check.hpp"
#include "checks/apot_pe_check.hpp"
#include "checks/bit_serial_array_check.hpp"
#include "checks/bit_serial_dpu_check.hpp"
#include "checks/mma_dot_check.hpp"
#include "checks/mma_tile_check.hpp"
#include "checks/stream_fifo_check.hpp"
#include "checks/stream_skid_check.hpp"
#include "dyad/cosim/check.hpp"

namespace dyad::cosim {
const std::vector<RegisteredCheck>& registered_checks() {
  static const std::vector<RegisteredCheck> checks{
      {"stream_fifo/depth_1", 1'000'000, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo_1>(o, 1); }},
      {"stream_fifo/depth_2", 1'000'000, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo_2>(o, 2); }},
      {"stream_fifo/depth_5", 1'000'000, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo_5>(o, 5); }},
      {"stream_fifo/depth_8", 1'000'000, false, [](const CheckOptions& o) { return check_stream_fifo<Vstream_fifo>(o, 8); }},
      {"stream_skid", 1'000'000, false, check_stream_skid<Vstream_skid>},
      {"bit_serial_dpu/256", 100'000, false, [](const CheckOptions& o) { return check_bit_serial_dpu<Vbit_serial_dpu>(o, 256); }},
      {"bit_serial_dpu/100", 100'000, false, [](const CheckOptions& o) { return check_bit_serial_dpu<Vbit_serial_dpu_100>(o, 100); }},
      {"bit_serial_array/8x8x256", 20'000, false,
       [](const CheckOptions& o) { return check_bit_serial_array<Vbit_serial_array>(o, 8, 8, 256); }},
      {"bit_serial_array/3x2x65", 100'000, false,
       [](const CheckOptions& o) { return check_bit_serial_array<Vbit_serial_array_3x2x65>(o, 3, 2, 65); }},
      {"mma_dot/40", 200'000, false, [](const CheckOptions& o) { return check_mma_dot<Vmma_dot_40>(o, 40); }},
      {"mma_tile/8x8x128", 10'000, false, [](const CheckOptions& o) { return check_mma_tile<Vmma_tile>(o, 8, 8, 128); }},
      {"mma_tile/3x2x40", 100'000, false, [](const CheckOptions& o) { return check_mma_tile<Vmma_tile_3x2x40>(o, 3, 2, 40); }},
      {"apot_pe", 1 << 17, false, check_apot_pe<Vapot_pe>},
      {"apot_dot/40", 200'000, false, [](const CheckOptions& o) { return check_apot_dot<Vapot_dot_40>(o, 40); }},
      {"apot_array/8x8x128", 10'000, false, [](const CheckOptions& o) { return check_apot_array<Vapot_array>(o, 8, 8, 128); }},
      {"apot_array/3x2x40", 100'000, false, [](const CheckOptions& o) { return check_apot_array<Vapot_array_3x2x40>(o, 3, 2, 40); }},
  };
  return checks;
}

Check run_check(const RegisteredCheck& check, const CheckOptions& options) {
  Check result;
  try {
    result = check.run(options);
  } catch (const AssertionFailed& failure) {
    result.mismatch(failure.what());
  }
  result.name = check.name;
  return result;
}

}  // namespace dyad::cosim
