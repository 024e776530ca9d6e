/// \file Drives a Verilated result_stage and its reference model side by side.
#pragma once

#include "checks/lockstep.hpp"
#include "checks/port_bits.hpp"
#include "checks/result_parameters.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/result_stage.hpp"

namespace dyad::cosim {

/// `options.cases` tiles of accumulators at every distance that is allowed, alone or several to a result, with all operations and random
/// parameters; resets in the middle of some. The other arguments are the parameters of the model.
template <class Model>
Check check_result_stage(const CheckOptions& options, std::int64_t rows, std::int64_t columns, std::int64_t lanes, Rounding rounding,
                         AverageRounding average_rounding) {
  using Stage = reference::ResultStage;
  Check check{"result_stage", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  Stage expected(rows, columns, lanes);
  Stage::Layer layer;
  layer.rounding = rounding;
  layer.average_rounding = average_rounding;
  Stage::Tile tile;
  std::vector<Stage::Column> parameters(static_cast<std::size_t>(columns));
  std::vector<std::uint32_t> residual(static_cast<std::size_t>(lanes));
  Random random(options.seed);
  const std::int64_t results = rows * columns;
  PackedBits acc(results * 32), sum(rows * 32), other(results * 32), parameter_bits(columns * kColumnBits), residual_bits(lanes * 32);
  const auto fill = [&](reference::ResultValues& values, PackedBits& bits, std::int64_t count, bool wild) {
    values.resize(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      const auto value = static_cast<std::uint32_t>(wild ? random.next() : static_cast<std::uint64_t>(random.between(-40'000, 40'000)));
      values[static_cast<std::size_t>(i)] = value;
      bits.set(i * 32, 32, value);
    }
  };
  dut->acc_valid_i = 0;
  dut.reset();
  std::int64_t parts_left = 0, distance = 0;
  bool change = true, new_parameters = true;
  const std::int64_t most_cycles = 1000 * options.cases + 100'000;
  while (check.cases < options.cases && !compare.stop()) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    const bool reset = random.below(5000) == 0;
    if (parts_left == 0 && random.below(100) == 0) change = true;
    if (change && expected.empty() && !reset) {
      change = false;
      random_result_layer(layer, random);
      layer.other_is_here = layer.operation == Stage::Operation::kAdd && random.coin();
      layer.half_rate = layer.operation == Stage::Operation::kAdd && !layer.other_is_here;
      drive_result_layer(dut, layer);
    }
    if (new_parameters) {
      for (Stage::Column& column : parameters) column = random_column(random);
      parameter_bits = packed_columns(parameters);
      new_parameters = false;
    }
    for (std::int64_t l = 0; l < lanes; ++l) {
      residual[static_cast<std::size_t>(l)] =
          static_cast<std::uint32_t>(random.below(8) == 0 ? random.next() : static_cast<std::uint64_t>(random.between(-300, 300)));
      residual_bits.set(l * 32, 32, residual[static_cast<std::size_t>(l)]);
    }
    // Neighbouring tiles are Beats drains apart at least; those of a result too.
    const bool comes = !change && distance <= 0 && expected.free() && random.below(3) != 0;
    if (comes) {
      tile.first = parts_left == 0;
      if (tile.first) parts_left = random.coin() ? 1 : random.between(1, 4);
      tile.last = parts_left == 1;
      const bool wild = random.below(8) == 0;
      fill(tile.acc, acc, results, wild);
      fill(tile.sum, sum, rows, wild);
      fill(tile.other, other, results, wild);
    } else {
      tile.first = random.coin();
      tile.last = random.coin();
    }
    dut->rst_ni = !reset;
    dut->acc_valid_i = comes;
    dut->acc_first_i = tile.first;
    dut->acc_last_i = tile.last;
    set_port(dut->acc_i, acc);
    set_port(dut->sum_i, sum);
    set_port(dut->other_i, other);
    set_port(dut->parameters_i, parameter_bits);
    set_port(dut->residual_i, residual_bits);
    dut.settle();

    compare.at(dut.cycle());
    compare.same("parameters_taken_o", dut->parameters_taken_o, expected.parameters_taken());
    compare.same("residual_taken_o", dut->residual_taken_o, expected.residual_taken(layer));
    compare.same("beat_valid_o", dut->beat_valid_o, expected.beat_valid());
    if (expected.beat_valid())
      for (std::size_t l = 0; l < static_cast<std::size_t>(lanes); ++l)
        if (expected.beat()[l]) compare.same("beat_o", port_word(dut->beat_o, l), *expected.beat()[l]);
    check.cases += comes && !reset;

    --distance;
    if (reset) {
      expected.reset();
      parts_left = 0;
      change = true;
      distance = 0;
    } else {
      new_parameters = expected.parameters_taken();
      if (comes) {
        --parts_left;
        distance = expected.beats() * (layer.half_rate ? 2 : 1) - 1;
        if (random.below(4) == 0) distance += random.between(0, 12);
      }
      expected.clock(layer, comes ? &tile : nullptr, parameters, residual);
    }
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
