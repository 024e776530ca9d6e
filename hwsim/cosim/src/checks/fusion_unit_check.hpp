/// \file Drives a Verilated fusion_unit and its reference side by side.
#pragma once

#include "checks/array_check.hpp"
#include "dyad/cosim/reference/fusion_unit.hpp"

namespace dyad::cosim {

/// Compares all outputs of a fusion_unit for one word of operands: the named sum of every product, the whole, the shifted sum. Empty if
/// equal.
template <class Model>
std::string fusion_unit_difference(Dut<Model>& dut, std::uint32_t activations, std::uint32_t weights,
                                   const reference::FusionFormat& format) {
  dut->in_activation_mode_i = static_cast<std::uint8_t>(format.activation_mode);
  dut->in_weight_mode_i = static_cast<std::uint8_t>(format.weight_mode);
  dut->in_activation_signed_i = format.activation_signed;
  dut->in_weight_signed_i = format.weight_signed;
  dut->in_pass_shift_i = static_cast<std::uint8_t>(format.pass_shift);
  dut->in_activations_i = activations;
  dut->in_weights_i = weights;
  dut.settle();
  const auto sign_extend = [](std::uint64_t value, int bits) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(value) << (32 - bits)) >> (32 - bits);
  };
  const auto named = [&](int index) {
    switch (format.elements()) {
      case 16: {
        const std::uint64_t low = dut->out_bricks_o[0] | static_cast<std::uint64_t>(dut->out_bricks_o[1]) << 32;
        const std::uint64_t high = dut->out_bricks_o[1] | static_cast<std::uint64_t>(dut->out_bricks_o[2]) << 32;  // from bit 32 on
        return sign_extend(index < 8 ? low >> 5 * index : high >> (5 * index - 32), 5);
      }
      case 8: return sign_extend(dut->out_pairs_o >> 7 * index, 7);
      case 4: return sign_extend(dut->out_quads_o >> 11 * index, 11);
      case 2: return sign_extend(dut->out_halves_o >> 13 * index, 13);
      default: return sign_extend(dut->out_whole_o, 18);
    }
  };
  const std::string where = std::to_string(format.activation_bits()) + " x " + std::to_string(format.weight_bits()) +
                            " bits, activations " + std::to_string(activations) + (format.activation_signed ? " signed" : " unsigned") +
                            ", weights " + std::to_string(weights) + (format.weight_signed ? " signed: " : " unsigned: ");
  for (int e = 0; e < format.elements(); ++e)
    if (named(e) != reference::fusion_product(activations, weights, e, format))
      return where + "product " + std::to_string(e) + " is " + std::to_string(named(e)) + ", expected " +
             std::to_string(reference::fusion_product(activations, weights, e, format));
  const std::int32_t whole = reference::fusion_dot(activations, weights, format);
  if (sign_extend(dut->out_whole_o, 18) != whole)
    return where + "the whole is " + std::to_string(sign_extend(dut->out_whole_o, 18)) + ", expected " + std::to_string(whole);
  if (dut->out_sum_o != static_cast<std::uint32_t>(whole) << 8 * format.pass_shift)
    return where + "the sum of pass " + std::to_string(format.pass_shift) + " differs";
  return "";
}

/// `options.cases` words of operands in random formats.
template <class Model>
Check check_fusion_unit(const CheckOptions& options) {
  Check check{"fusion_unit", 0, 0, ""};
  Dut<Model> dut(options.mutant);
  Random random(options.seed);
  PackedBits operands(64);
  for (; check.cases < options.cases; ++check.cases) {
    const reference::FusionFormat format{static_cast<int>(random.below(3)), static_cast<int>(random.below(3)), random.coin(), random.coin(),
                                         static_cast<int>(random.below(3))};
    fill_operands(operands, 8, random);
    const std::string difference = fusion_unit_difference(dut, operands.words()[0], operands.words()[1], format);
    if (!difference.empty() && check.mismatch(difference)) break;
  }
  return check;
}

}  // namespace dyad::cosim
