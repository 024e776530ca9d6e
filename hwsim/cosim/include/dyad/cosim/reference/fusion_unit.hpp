/// \file Reference model of rtl/fusion_unit.sv.
#pragma once

#include <cstdint>

namespace dyad::cosim::reference {

/// Widths, signs and pass of one word of operands.
struct FusionFormat {
  int activation_mode = 0, weight_mode = 0;  ///< 0: 2 bits, 1: 4 bits, 2: 8 bits
  bool activation_signed = false, weight_signed = false;
  int pass_shift = 0;  ///< 0: by 0, 1: by 8, 2: by 16

  int activation_bits() const { return 2 << activation_mode; }
  int weight_bits() const { return 2 << weight_mode; }
  /// Elements of a 32-bit word: 16 bricks of 2 x 2 bits.
  int elements() const { return 64 / (activation_bits() * weight_bits()); }
};

/// Element `index` of a word of elements of `bits` bits, element 0 in the lowest.
inline std::int32_t fusion_element(std::uint32_t word, int index, int bits, bool is_signed) {
  const std::int32_t value = static_cast<std::int32_t>(word >> (index * bits) & ((1u << bits) - 1));
  return is_signed && value >= 1 << (bits - 1) ? value - (1 << bits) : value;
}

/// The product of element `index`.
inline std::int32_t fusion_product(std::uint32_t activations, std::uint32_t weights, int index, const FusionFormat& format) {
  return fusion_element(activations, index, format.activation_bits(), format.activation_signed) *
         fusion_element(weights, index, format.weight_bits(), format.weight_signed);
}

/// Sum of the products of all elements, before the shift of the pass.
inline std::int32_t fusion_dot(std::uint32_t activations, std::uint32_t weights, const FusionFormat& format) {
  std::int32_t sum = 0;
  for (int e = 0; e < format.elements(); ++e) sum += fusion_product(activations, weights, e, format);
  return sum;
}

/// Sum of the activations that take part.
inline std::int32_t fusion_activation_sum(std::uint32_t activations, const FusionFormat& format) {
  std::int32_t sum = 0;
  for (int e = 0; e < format.elements(); ++e) sum += fusion_element(activations, e, format.activation_bits(), format.activation_signed);
  return sum;
}

}  // namespace dyad::cosim::reference
