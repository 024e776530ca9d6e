/// \file Runs operands through the Verilated requantizer, residual adder and average divider, at 32 bits: RTL as a function.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dyad/base/dyadic.hpp"
#include "dyad/cosim/reference/average_divider.hpp"
#include "dyad/cosim/reference/dyadic_requantizer.hpp"
#include "dyad/cosim/reference/residual_adder.hpp"

namespace dyad::cosim {

/// The results of rtl/dyadic_requantizer.sv for these beats, in order, one beat a cycle. The five integer roundings.
/// Beats must keep to the module's contract: |multiplier| < 2^31, shift in [0, 62], lowest <= highest.
std::vector<std::int32_t> run_requantizer(Rounding rounding, std::span<const reference::RequantizerBeat> beats);
/// Likewise of rtl/residual_adder.sv.
std::vector<std::int32_t> run_residual_adder(Rounding rounding, std::span<const reference::ResidualBeat> beats);
/// Likewise of rtl/average_divider.sv. Each count is in [1, 65536] and each |sum| at most average_reciprocal(count)->largest_sum.
std::vector<std::int32_t> run_average_divider(AverageRounding rounding, std::span<const reference::AverageBeat> beats);

}  // namespace dyad::cosim
