/// \file Drives a Verilated fusion_array and its reference model side by side.
#pragma once

#include "checks/array_check.hpp"
#include "dyad/cosim/reference/fusion_array.hpp"

namespace dyad::cosim {

/// Words of random formats; a format stays for a while or changes with every word.
class FusionArrayStimulus : public ArrayStimulus<reference::FusionArray> {
 public:
  explicit FusionArrayStimulus(std::uint64_t seed) : random_(seed) {}

  void next(reference::FusionArray::Inputs& in, bool restart) {
    in.first = restart || random_.below(16) == 0;
    in.sum = random_.coin();
    if (random_.below(8) == 0) steady_ = random_.coin();
    if (!steady_ || in.first)
      in.format = {static_cast<int>(random_.below(3)), static_cast<int>(random_.below(3)), random_.coin(), random_.coin(),
                   static_cast<int>(random_.below(3))};
    fill_operands(in.activations, 8, random_);
    fill_operands(in.weights, 32, random_);
  }
  template <class Model>
  void drive(Dut<Model>& dut, const reference::FusionArray::Inputs& in) const {
    dut->in_first_i = in.first;
    dut->in_sum_i = in.sum;
    dut->in_activation_mode_i = static_cast<std::uint8_t>(in.format.activation_mode);
    dut->in_weight_mode_i = static_cast<std::uint8_t>(in.format.weight_mode);
    dut->in_activation_signed_i = in.format.activation_signed;
    dut->in_weight_signed_i = in.format.weight_signed;
    dut->in_pass_shift_i = static_cast<std::uint8_t>(in.format.pass_shift);
    set_port(dut->in_activations_i, in.activations);
    set_port(dut->in_weights_i, in.weights);
  }

 private:
  Random random_;
  bool steady_ = false;
};

/// `options.cases` captured results; every output is compared in every cycle.
template <class Model>
Check check_fusion_array(const CheckOptions& options, int rows, int columns) {
  return compare_array<Model>("fusion_array", options, reference::FusionArray(rows, columns), FusionArrayStimulus(options.seed));
}

}  // namespace dyad::cosim
