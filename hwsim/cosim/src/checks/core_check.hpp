/// \file Drives a Verilated core and its reference model side by side at the ports: random layers, random stalls on every port, every
/// output compared in every cycle, and every result compared with plain integer arithmetic.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "checks/announced_slots.hpp"
#include "checks/core_layers.hpp"
#include "checks/lockstep.hpp"
#include "checks/port_bits.hpp"
#include "checks/result_parameters.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/tile_core.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// The words of one operand: tiles that the core has handed out slots for, one word after another.
class PortFeed {
 public:
  explicit PortFeed(PortLayer::Feed feed) : feed_(std::move(feed)) {}
  /// The core handed out that many slots.
  void grant(std::int64_t slots) {
    for (; slots > 0 && allowed_ < feed_.tiles; --slots)
      allowed_ += ++slot_ % feed_.group_slots == 0 ? feed_.last_slot_tiles : feed_.slot_tiles;
  }
  const PackedBits* word() {
    if (words_.empty() && tile_ < std::min(allowed_, feed_.tiles)) {
      for (PackedBits& word : feed_.words(tile_)) words_.push_back(std::move(word));
      ++tile_;
    }
    return words_.empty() ? nullptr : &words_.front();
  }
  void taken() { words_.pop_front(); }

 private:
  PortLayer::Feed feed_;
  std::deque<PackedBits> words_;
  std::int64_t slot_ = 0, allowed_ = 0, tile_ = 0;
};

/// `options.cases` layers. `expected` is the core's reference model of this shape, `family` the operands of its array.
template <class Model>
Check check_core(const std::string& name, const CheckOptions& options, const reference::TileCoreShape& shape, reference::TileCore expected,
                 CoreFamily& family) {
  Check check{name, 0, 0, ""};
  if (const std::string difference = announced_slots_difference<Model>(options.mutant); !difference.empty()) check.mismatch(difference);
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  LayerMaker maker(shape, family, options.seed);
  std::vector<Willingness> willing;
  for (std::uint64_t i = 0; i < 9; ++i) willing.emplace_back(options.seed * 16 + i);
  Random random(options.seed, 1);
  reference::TileCore::Inputs in;
  std::optional<PortFeed> activations, weights;
  PortLayer layer;
  std::size_t registers_sent = 0, parameters_sent = 0, residual_beats_sent = 0, beats_out = 0;
  bool started = true, stalls = true;
  const auto beats = static_cast<std::size_t>(shape.beats()), lanes = static_cast<std::size_t>(shape.lanes);
  PackedBits column_bits, residual_bits(shape.lanes * 32);
  dut->prog_valid_i = dut->act_valid_i = dut->wgt_valid_i = dut->par_valid_i = dut->res_valid_i = 0;
  dut->act_slots_ready_i = dut->wgt_slots_ready_i = dut->piece_ready_i = dut->out_ready_i = 0;
  dut.reset();
  bool have_layer = false;
  std::int64_t layer_began = 0;
  while (!compare.stop()) {
    // A layer is over when nothing runs any more; then all its results must have come out.
    if (!have_layer || (started && !expected.running())) {
      if (have_layer) {
        compare.at(dut.cycle());
        if (beats_out != layer.results.size() * beats)
          compare.differ("layer " + std::to_string(check.cases) + " ended before its last result");
        if (++check.cases == options.cases || compare.stop()) break;
      }
      layer = maker.next();
      activations.emplace(layer.activations);
      weights.emplace(layer.weights);
      registers_sent = parameters_sent = residual_beats_sent = beats_out = 0;
      started = false;
      have_layer = true;
      stalls = random.below(4) != 0;
      layer_began = dut.cycle();
    }
    if (dut.cycle() - layer_began > 2'000'000) {
      check.mismatch("layer " + std::to_string(check.cases) + " makes no progress");
      break;
    }
    const auto willingly = [&](std::size_t port) { return willing[port].next() || !stalls; };

    // Streams: a beat that is offered stays.
    if (!in.prog_valid && !started && willingly(0)) {
      in.prog_valid = true;
      in.prog_data = registers_sent < layer.registers.size()
                         ? static_cast<std::uint64_t>(layer.registers[registers_sent].first) << 32 | layer.registers[registers_sent].second
                         : std::uint64_t{layer.registers[0].second};
      dut->prog_data_i = in.prog_data;
    }
    const bool live = expected.running();
    const PackedBits* word;
    if (live && !in.act_valid && (word = activations->word()) && willingly(1)) {
      in.act_valid = true;
      in.act_data = *word;
      set_port(dut->act_data_i, in.act_data);
    }
    if (live && !in.wgt_valid && (word = weights->word()) && willingly(2)) {
      in.wgt_valid = true;
      in.wgt_data = *word;
      set_port(dut->wgt_data_i, in.wgt_data);
    }
    // Parameters and residual operands may come before their layer starts.
    if (!in.par_valid && parameters_sent < layer.results.size() && willingly(3)) {
      in.par_valid = true;
      in.par_data = layer.parameters[parameters_sent];
      set_port(dut->par_data_i, packed_columns(in.par_data));
    }
    if (!in.res_valid && residual_beats_sent < layer.residuals.size() * beats && willingly(4)) {
      in.res_valid = true;
      const auto& from = layer.residuals[residual_beats_sent / beats];
      in.res_data.clear();
      for (std::size_t l = 0; l < lanes; ++l) {
        in.res_data.push_back(static_cast<std::uint32_t>(from[residual_beats_sent % beats * lanes + l]));
        residual_bits.set(static_cast<std::int64_t>(l) * 32, 32, in.res_data.back());
      }
      set_port(dut->res_data_i, residual_bits);
    }
    in.act_slots_ready = willingly(5);
    in.wgt_slots_ready = willingly(6);
    in.piece_ready = willingly(7);
    in.out_ready = willingly(8);
    dut->prog_valid_i = in.prog_valid;
    dut->act_valid_i = in.act_valid;
    dut->wgt_valid_i = in.wgt_valid;
    dut->par_valid_i = in.par_valid;
    dut->res_valid_i = in.res_valid;
    dut->act_slots_ready_i = in.act_slots_ready;
    dut->wgt_slots_ready_i = in.wgt_slots_ready;
    dut->piece_ready_i = in.piece_ready;
    dut->out_ready_i = in.out_ready;
    dut.settle();

    compare.at(dut.cycle());
    compare.same("prog_ready_o", dut->prog_ready_o, expected.prog_ready());
    compare.same("running_o", dut->running_o, expected.running());
    compare.same("act_ready_o", dut->act_ready_o, expected.act_ready());
    compare.same("wgt_ready_o", dut->wgt_ready_o, expected.wgt_ready());
    compare.same("act_slots_valid_o", dut->act_slots_valid_o, expected.act_slots_valid());
    if (expected.act_slots_valid()) compare.same("act_slots_o", dut->act_slots_o, expected.act_slots());
    compare.same("wgt_slots_valid_o", dut->wgt_slots_valid_o, expected.wgt_slots_valid());
    if (expected.wgt_slots_valid()) compare.same("wgt_slots_o", dut->wgt_slots_o, expected.wgt_slots());
    compare.same("par_ready_o", dut->par_ready_o, expected.par_ready());
    compare.same("res_ready_o", dut->res_ready_o, expected.res_ready());
    compare.same("piece_valid_o", dut->piece_valid_o, expected.piece_valid());
    compare.same("out_valid_o", dut->out_valid_o, expected.out_valid());
    if (expected.out_valid()) {
      const auto result = beats_out / beats, from = beats_out % beats * lanes;
      for (std::size_t l = 0; l < lanes; ++l) {
        if (!expected.out_data()[l]) continue;  // places without a value, and averages of sums beyond what the divider promises
        compare.same("out_data_o", port_word(dut->out_data_o, l), *expected.out_data()[l]);
        if (in.out_ready && result < layer.results.size() && from + l < layer.results[result].size() &&
            port_word(dut->out_data_o, l) != static_cast<std::uint32_t>(layer.results[result][from + l]))
          compare.differ("layer " + std::to_string(check.cases) + ", result " + std::to_string(result) + ", element " +
                         std::to_string(from + l) + " is " + std::to_string(static_cast<std::int32_t>(port_word(dut->out_data_o, l))) +
                         ", plain arithmetic gives " + std::to_string(layer.results[result][from + l]));
      }
      beats_out += in.out_ready;
    }

    // What the clock edge does to the streams.
    if (live) {
      if (expected.act_slots_valid() && in.act_slots_ready) activations->grant(expected.act_slots());
      if (expected.wgt_slots_valid() && in.wgt_slots_ready) weights->grant(expected.wgt_slots());
    }
    const bool prog = in.prog_valid && expected.prog_ready(), act = in.act_valid && expected.act_ready(),
               wgt = in.wgt_valid && expected.wgt_ready();
    const bool par = in.par_valid && expected.par_ready(), res = in.res_valid && expected.res_ready();
    if (prog) started = registers_sent++ == layer.registers.size();
    expected.clock(in);
    dut.clock();
    if (prog) in.prog_valid = false;
    if (act) {
      activations->taken();
      in.act_valid = false;
    }
    if (wgt) {
      weights->taken();
      in.wgt_valid = false;
    }
    if (par) {
      ++parameters_sent;
      in.par_valid = false;
    }
    if (res) {
      ++residual_beats_sent;
      in.res_valid = false;
    }
  }
  return check;
}

}  // namespace dyad::cosim
