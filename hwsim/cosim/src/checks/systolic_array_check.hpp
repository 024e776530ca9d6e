/// \file Drives a Verilated systolic_array and the reference model of its dataflow side by side.
#pragma once

#include "checks/array_check.hpp"
#include "dyad/cosim/reference/systolic_array.hpp"

namespace dyad::cosim {

/// Words of random operands; the signs stay for a while or change with every word.
class OutputStationaryStimulus : public ArrayStimulus<reference::OutputStationaryArray> {
 public:
  OutputStationaryStimulus(std::uint64_t seed, const reference::SystolicSize& size) : random_(seed), size_(size) {}

  void next(reference::OutputStationaryArray::Inputs& in, bool restart) {
    in.first = restart || random_.below(16) == 0;
    if (random_.below(8) == 0) steady_ = random_.coin();
    if (!steady_ || in.first) {
      in.activation_signed = random_.coin();
      in.weight_signed = random_.coin();
    }
    fill_operands(in.activations, size_.activation_width, random_);
    fill_operands(in.weights, size_.weight_width, random_);
  }
  template <class Model>
  void drive(Dut<Model>& dut, const reference::OutputStationaryArray::Inputs& in) const {
    dut->in_first_i = in.first;
    dut->in_activation_signed_i = in.activation_signed;
    dut->in_weight_signed_i = in.weight_signed;
    set_port(dut->in_activations_i, in.activations);
    set_port(dut->in_weights_i, in.weights);
    dut->in_load_i = in.first;  // without a meaning here
    dut->in_load_row_i = 0;
  }

 private:
  Random random_;
  reference::SystolicSize size_;
  bool steady_ = false;
};

/// Output stationary: `options.cases` captured results, as close to each other as the module allows; every output is compared in every
/// cycle.
template <class Model>
Check check_output_stationary(const CheckOptions& options, const reference::SystolicSize& size) {
  return compare_array<Model>("systolic_array", options, reference::OutputStationaryArray(size),
                              OutputStationaryStimulus(options.seed, size));
}

/// Weight stationary: `options.cases` words of activations with loads of weight rows in any order, before, between and together with them;
/// every output is compared in every cycle.
template <class Model>
Check check_weight_stationary(const CheckOptions& options, const reference::SystolicSize& size) {
  Check check{"systolic_array", 0, 0, ""};
  Dut<Model> dut(options.mutant);
  reference::WeightStationaryArray expected(size);
  Random random(options.seed);
  Willingness offers(options.seed + 1), loads(options.seed + 2);
  reference::WeightStationaryArray::Inputs in;
  in.activations = PackedBits(std::int64_t{size.rows} * size.activation_width);
  in.weights = PackedBits(std::int64_t{size.columns} * size.weight_width);
  dut->in_valid_i = 0;
  dut->in_load_i = 0;
  dut.reset();
  bool started = false, defined = false;  // weights are in use; a result has arrived
  const std::int64_t most_cycles = 400 * options.cases + 10'000;
  while (check.cases < options.cases) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    in.reset = random.below(1000) == 0;
    in.load = loads.next();
    if (in.load) {
      // Mostly the next row, so that all are reached; sometimes any.
      in.load_row =
          random.below(8) == 0 ? static_cast<int>(random.below(static_cast<std::uint64_t>(size.rows))) : (in.load_row + 1) % size.rows;
      fill_operands(in.weights, size.weight_width, random);
    }
    in.valid = offers.next() && (started || expected.loaded());
    if (in.valid) {
      in.first = expected.loaded() && (!started || random.below(6) == 0);
      in.activation_signed = random.coin();
      in.weight_signed = random.coin();
      fill_operands(in.activations, size.activation_width, random);
      started = true;
    }
    dut->rst_ni = !in.reset;
    dut->in_valid_i = in.valid;
    dut->in_first_i = in.first;
    dut->in_activation_signed_i = in.activation_signed;
    dut->in_weight_signed_i = in.weight_signed;
    dut->in_load_i = in.load;
    dut->in_load_row_i = static_cast<std::uint8_t>(in.load_row);
    dut->in_capture_i = random.coin();  // without a meaning here
    set_port(dut->in_activations_i, in.activations);
    set_port(dut->in_weights_i, in.weights);
    dut.settle();
    defined = defined || expected.out_valid();
    check.cases += expected.out_valid();
    const std::string difference = array_difference(dut, expected, defined);
    if (!difference.empty() && check.mismatch(difference)) break;
    expected.clock(in);
    dut.clock();
    if (in.reset) started = defined = false;
  }
  return check;
}

}  // namespace dyad::cosim
