/// \file Reference model of rtl/apot_pe.sv, and the codes of additive powers-of-two weights.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace dyad::cosim::reference {

/// Value of a weight code: (bit 7 ? -1 : 1) * (a + b), a = bits 6..3 (0: none, n: 2^(n-1)), b = bits 2..0 (0: none, n: 2^(n-1)).
/// -16448 .. 16448; 0x00 and 0x80 are both 0.
int apot_code_value(std::uint8_t code);

/// The code of an integer weight, if it is 0, a power of two up to 2^14, or the sum of two different powers of which the lower is at most
/// 2^6 and the higher at most 2^14, or the negative of one of those. Canonical: the higher term is a, a single term is a, 0 is 0x00.
std::optional<std::uint8_t> apot_code(int weight);

/// The codes whose values sum to an integer weight: one if apot_code has it, two if the magnitude has three terms that can be divided so
/// (all levels of five and six magnitude bits). Empty if neither.
std::vector<std::uint8_t> apot_codes(int weight);

/// Integer levels of an APoT weight with that many magnitude bits, 2..6, ascending: level k of the quantizer is the k-th of these over the
/// last.
std::vector<int> apot_levels(int magnitude_bits);

/// Powers of two: 0, 1, 2, ... 2^(2^magnitude_bits - 2); magnitude bits 1..4.
std::vector<int> pot_levels(int magnitude_bits);

/// activation * value(code); the low 8 bits of `activation`, signed or not.
std::int32_t apot_product(std::uint8_t activation, bool activation_signed, std::uint8_t code);

}  // namespace dyad::cosim::reference
