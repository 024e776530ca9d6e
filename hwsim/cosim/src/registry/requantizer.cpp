#include <Vaverage_divider_floor.h>
#include <Vaverage_divider_half_away.h>
#include <Vaverage_divider_half_up.h>
#include <Vaverage_divider_hawq.h>
#include <Vaverage_pool_9_8.h>
#include <Vaverage_pool_floor.h>
#include <Vaverage_pool_half_away.h>
#include <Vaverage_pool_half_up.h>
#include <Vaverage_pool_hawq.h>
#include <Vdyadic_requantizer_20x32_8.h>
#include <Vdyadic_requantizer_24x16_9.h>
#include <Vdyadic_requantizer_floor.h>
#include <Vdyadic_requantizer_gemmlowp.h>
#include <Vdyadic_requantizer_half_away.h>
#include <Vdyadic_requantizer_half_even.h>
#include <Vdyadic_requantizer_half_up.h>
#include <Vresidual_adder_16x20_9.h>
#include <Vresidual_adder_floor.h>
#include <Vresidual_adder_gemmlowp.h>
#include <Vresidual_adder_half_away.h>
#include <Vresidual_adder_half_even.h>
#include <Vresidual_adder_half_up.h>

#include "checks/average_check.hpp"
#include "checks/dyadic_requantizer_check.hpp"
#include "checks/residual_adder_check.hpp"
#include "registry.hpp"

namespace dyad::cosim {

void add_requantizer_checks(std::vector<RegisteredCheck>& checks) {
  checks.insert(
      checks.end(),
      {
          {"dyadic_requantizer/half_up", 30'200'000, false, check_dyadic_requantizer<Vdyadic_requantizer_half_up, Rounding::kHalfUp>},
          {"dyadic_requantizer/half_even", 30'200'000, false, check_dyadic_requantizer<Vdyadic_requantizer_half_even, Rounding::kHalfEven>},
          {"dyadic_requantizer/half_away", 30'200'000, false, check_dyadic_requantizer<Vdyadic_requantizer_half_away, Rounding::kHalfAway>},
          {"dyadic_requantizer/floor", 30'200'000, false, check_dyadic_requantizer<Vdyadic_requantizer_floor, Rounding::kFloor>},
          {"dyadic_requantizer/gemmlowp", 30'200'000, false, check_dyadic_requantizer<Vdyadic_requantizer_gemmlowp, Rounding::kGemmlowp>},
          {"dyadic_requantizer/half_even_24x16_9", 2'000'000, false,
           check_dyadic_requantizer<Vdyadic_requantizer_24x16_9, Rounding::kHalfEven, 24, 16, 9>},
          {"dyadic_requantizer/gemmlowp_20x32_8", 2'000'000, false,
           check_dyadic_requantizer<Vdyadic_requantizer_20x32_8, Rounding::kGemmlowp, 20, 32, 8>},
          {"residual_adder/half_up", 2'000'000, false, check_residual_adder<Vresidual_adder_half_up, Rounding::kHalfUp>},
          {"residual_adder/half_even", 2'000'000, false, check_residual_adder<Vresidual_adder_half_even, Rounding::kHalfEven>},
          {"residual_adder/half_away", 2'000'000, false, check_residual_adder<Vresidual_adder_half_away, Rounding::kHalfAway>},
          {"residual_adder/floor", 2'000'000, false, check_residual_adder<Vresidual_adder_floor, Rounding::kFloor>},
          {"residual_adder/gemmlowp", 2'000'000, false, check_residual_adder<Vresidual_adder_gemmlowp, Rounding::kGemmlowp>},
          {"residual_adder/half_away_16x20_9", 1'000'000, false,
           check_residual_adder<Vresidual_adder_16x20_9, Rounding::kHalfAway, 16, 20, 9>},
          {"average_divider/half_up", 2'000'000, false, check_average_divider<Vaverage_divider_half_up, AverageRounding::kHalfUp>},
          {"average_divider/half_away", 2'000'000, false, check_average_divider<Vaverage_divider_half_away, AverageRounding::kHalfAway>},
          {"average_divider/floor", 2'000'000, false, check_average_divider<Vaverage_divider_floor, AverageRounding::kFloor>},
          {"average_divider/hawq", 2'000'000, false, check_average_divider<Vaverage_divider_hawq, AverageRounding::kHawq>},
          {"average_pool/half_up", 2'000'000, false, check_average_pool<Vaverage_pool_half_up, AverageRounding::kHalfUp>},
          {"average_pool/half_away", 2'000'000, false, check_average_pool<Vaverage_pool_half_away, AverageRounding::kHalfAway>},
          {"average_pool/floor", 2'000'000, false, check_average_pool<Vaverage_pool_floor, AverageRounding::kFloor>},
          {"average_pool/hawq", 2'000'000, false, check_average_pool<Vaverage_pool_hawq, AverageRounding::kHawq>},
          {"average_pool/half_up_9_8", 1'000'000, false, check_average_pool<Vaverage_pool_9_8, AverageRounding::kHalfUp, 9, 8>},
      });
}

}  // namespace dyad::cosim
