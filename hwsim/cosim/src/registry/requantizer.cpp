#include <Vdyadic_requantizer_20x32_8.h>
#include <Vdyadic_requantizer_24x16_9.h>
#include <Vdyadic_requantizer_floor.h>
#include <Vdyadic_requantizer_gemmlowp.h>
#include <Vdyadic_requantizer_half_away.h>
#include <Vdyadic_requantizer_half_even.h>
#include <Vdyadic_requantizer_half_up.h>

#include "checks/dyadic_requantizer_check.hpp"
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
      });
}

}  // namespace dyad::cosim
