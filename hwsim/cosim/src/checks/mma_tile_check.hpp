/// \file Drives a Verilated mma_tile and its reference model side by side.
#pragma once

#include "checks/array_check.hpp"
#include "dyad/cosim/reference/mma_tile.hpp"

namespace dyad::cosim {

/// Pairs of random formats; a format stays for a while or changes with every pair.
class MmaTileStimulus : public ArrayStimulus<reference::MmaTile> {
 public:
  explicit MmaTileStimulus(std::uint64_t seed) : random_(seed) {}

  void next(reference::MmaTile::Inputs& in, bool restart) {
    in.first = restart || random_.below(16) == 0;
    if (random_.below(8) == 0) steady_ = random_.coin();
    if (!steady_ || in.first) in.format = {static_cast<int>(random_.below(4)), random_.coin(), random_.coin()};
    fill_operands(in.activations, 8, random_);
    fill_operands(in.weights, 8, random_);
  }
  template <class Model>
  void drive(Dut<Model>& dut, const reference::MmaTile::Inputs& in) const {
    dut->in_first_i = in.first;
    dut->in_mode_i = static_cast<std::uint8_t>(in.format.mode);
    dut->in_activation_signed_i = in.format.activation_signed;
    dut->in_weight_signed_i = in.format.weight_signed;
    set_port(dut->in_activations_i, in.activations);
    set_port(dut->in_weights_i, in.weights);
  }

 private:
  Random random_;
  bool steady_ = false;
};

/// `options.cases` captured results; every output is compared in every cycle.
template <class Model>
Check check_mma_tile(const CheckOptions& options, int rows, int columns, int word_bits) {
  return compare_array<Model>("mma_tile", options, reference::MmaTile(rows, columns, word_bits), MmaTileStimulus(options.seed));
}

}  // namespace dyad::cosim
