/// \file What a core says of its memories when a layer starts, for counts that no small memory holds.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "dyad/cosim/dut.hpp"

namespace dyad::cosim {

/// Starts layers with counts that use all their bits, far more than the memories hold: both memories must hand out as many slots as the
/// program says. Nothing is fed. Says what differs; empty if nothing does.
template <class Model>
std::string announced_slots_difference(int mutant) {
  constexpr std::uint32_t kCounts[] = {0xa5c3, 0x5a3c};
  for (const std::uint32_t regions : kCounts)
    for (const bool weights_stay : {false, true}) {
      const std::uint32_t stream_slots = regions ^ 0xffff;
      Dut<Model> dut(mutant);
      dut->prog_valid_i = dut->act_valid_i = dut->wgt_valid_i = dut->par_valid_i = dut->res_valid_i = 0;
      dut->act_slots_ready_i = dut->wgt_slots_ready_i = dut->piece_ready_i = dut->out_ready_i = 0;
      dut.reset();
      const std::pair<std::uint64_t, std::uint32_t> beats[] = {
          {1, 2u | static_cast<std::uint32_t>(weights_stay)}, {13, stream_slots | regions << 16}, {0, 1}};
      dut->prog_valid_i = 1;
      for (const auto& [index, value] : beats) {
        dut->prog_data_i = index << 32 | value;
        dut.settle();
        dut.clock();
      }
      dut->prog_valid_i = 0;
      for (int i = 0; i < 4; ++i) {
        dut.settle();
        dut.clock();
      }
      dut.settle();
      const std::uint32_t activations = weights_stay ? stream_slots : regions, weights = weights_stay ? regions : stream_slots;
      if (dut->act_slots_o != activations || dut->wgt_slots_o != weights)
        return "slots " + std::to_string(dut->act_slots_o) + " and " + std::to_string(dut->wgt_slots_o) + ", expected " +
               std::to_string(activations) + " and " + std::to_string(weights);
    }
  return "";
}

}  // namespace dyad::cosim
