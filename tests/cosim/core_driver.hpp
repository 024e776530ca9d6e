// Runs one layer through a Verilated core with constant operands and nothing that stalls: when results are complete, and what they are.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "checks/port_bits.hpp"
#include "checks/result_parameters.hpp"
#include "dyad/cosim/dut.hpp"

namespace dyad::cosim {

/// Every result is the sum of `jobs` jobs of `words` words of K. One job: a tile of weights stays, activations stream through four slots.
/// Several: each job has tiles of its own, in four slots and four regions.
struct ConstantLayer {
  std::int64_t results = 1, jobs = 1, words = 1;
  std::int64_t activation_entries = 1, weight_entries = 1;  ///< of a tile
  std::int64_t weight_rows = 1;                             ///< words of an entry of the weight memory
  std::int64_t columns = 1, beats = 1;
  std::uint32_t register_9 = 0, flags = 0;  ///< of the family
  std::int64_t weight_zero_point = 0;
  std::vector<PackedBits> activations, weights;  ///< word n of every tile is element n modulo the size

  std::vector<std::int64_t> complete;  ///< cycles in which results were complete
  std::vector<std::int32_t> values;    ///< lane 0 of every beat
};

template <class Model>
void run_layer(Dut<Model>& dut, ConstantLayer& layer) {
  const std::int64_t tiles = layer.results * layer.jobs, weight_tiles = layer.jobs == 1 ? 1 : tiles,
                     activation_words = layer.activation_entries, weight_words = layer.weight_entries * layer.weight_rows;
  const std::vector<std::pair<int, std::int64_t>> program{
      {1, std::int64_t{layer.flags} | 3 | 3 << 6},
      {2, weight_tiles},
      {3, weight_tiles},
      {4, 1},
      {5, 1},
      {6, tiles / weight_tiles},
      {7, layer.jobs},
      {8, layer.words},
      {9, layer.register_9},
      {10, layer.beats},
      {11, weight_words},
      {12, activation_words},
      {13, 4 | 4 << 16},
      {14, layer.weight_entries},
      {15, layer.activation_entries},
      {16, layer.weight_entries},
      {18, INT32_MIN},
      {19, INT32_MAX},
      {0, 0},
  };
  dut->act_valid_i = dut->wgt_valid_i = dut->res_valid_i = dut->prog_valid_i = 0;
  dut->act_slots_ready_i = dut->wgt_slots_ready_i = dut->piece_ready_i = dut->out_ready_i = 1;
  reference::ResultStage::Column column;
  column.weight_zero_point = static_cast<std::int32_t>(layer.weight_zero_point);
  set_port(dut->par_data_i, packed_columns(std::vector<reference::ResultStage::Column>(static_cast<std::size_t>(layer.columns), column)));
  dut->par_valid_i = 1;
  dut.reset();
  for (const auto& [index, value] : program) {
    dut->prog_valid_i = 1;
    dut->prog_data_i = static_cast<std::uint64_t>(index) << 32 | static_cast<std::uint32_t>(value);
    dut.settle();
    ASSERT_TRUE(dut->prog_ready_o);
    dut.clock();
  }
  dut->prog_valid_i = 0;
  // A word is sent when its slot was granted.
  std::int64_t activations_sent = 0, weights_sent = 0, activations_granted = 0, weights_granted = 0;
  for (std::int64_t cycle = 0; cycle < 100'000; ++cycle) {
    dut->act_valid_i = activations_sent < std::min(activations_granted, tiles) * activation_words;
    dut->wgt_valid_i = weights_sent < std::min(weights_granted, weight_tiles) * weight_words;
    set_port(dut->act_data_i, layer.activations[static_cast<std::size_t>(activations_sent % activation_words) % layer.activations.size()]);
    set_port(dut->wgt_data_i, layer.weights[static_cast<std::size_t>(weights_sent % weight_words) % layer.weights.size()]);
    dut.settle();
    if (!dut->running_o) return;
    if (dut->act_slots_valid_o) activations_granted += dut->act_slots_o;
    if (dut->wgt_slots_valid_o) weights_granted += dut->wgt_slots_o;
    activations_sent += dut->act_valid_i && dut->act_ready_o;
    weights_sent += dut->wgt_valid_i && dut->wgt_ready_o;
    if (dut->piece_valid_o) layer.complete.push_back(dut.cycle());
    if (dut->out_valid_o) layer.values.push_back(static_cast<std::int32_t>(port_word(dut->out_data_o, 0)));
    dut.clock();
  }
  FAIL() << "the layer does not end";
}

}  // namespace dyad::cosim
