/// \file Drives a Verilated result_sequencer and its reference model side by side.
#pragma once

#include "checks/lockstep.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/result_sequencer.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` tiles of accumulators, complete or partial, with and without residual operands; supplies, receivers and offers stall at
/// random. `beats` and `output_beats` are the parameters of the model.
template <class Model>
Check check_result_sequencer(const CheckOptions& options, std::int64_t beats = 4, std::int64_t output_beats = 32) {
  Check check{"result_sequencer", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  reference::ResultSequencer expected(beats, output_beats);
  reference::ResultSequencer::Inputs in;
  Random random(options.seed);
  Willingness offers(options.seed + 1), parameters(options.seed + 2), residuals(options.seed + 3), beats_out(options.seed + 4),
      pieces(options.seed + 5);
  constexpr std::int64_t kParameterDepth = 8;
  dut->offer_i = dut->complete_i = dut->parameters_in_i = dut->residual_in_i = dut->beat_out_i = dut->piece_ready_i = 0;
  dut->residual_i = 0;
  dut->drain_cycles_i = 1;
  dut.reset();
  std::int64_t produced = 0;  // reserved beats that may have come out
  bool offered = false;
  std::int64_t endless = 0;  // cycles until a reset ends a drain of more than 2^31 cycles; 0: an ordinary one
  const std::int64_t most_cycles = 1000 * options.cases + 100'000;
  while (check.cases < options.cases && !compare.stop()) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    const bool reset = endless > 0 ? --endless == 0 : random.below(5000) == 0;
    // Layers change when everything has left; supplies of the next may already be there.
    if (!offered && expected.idle() && random.below(8) == 0) {
      if (expected.residual() == 0) in.residual = random.coin();
      const std::int64_t least = in.residual ? 2 * beats : beats;
      in.drain_cycles = random.coin() ? least : random.between(least, least + 20);
      if (random.below(256) == 0) {
        in.drain_cycles = (std::int64_t{1} << 31) + random.between(0, 3);
        endless = 100;
      }
    }
    if (!offered && (offered = offers.next())) in.complete = random.below(3) != 0;
    if (!offered) in.complete = random.coin();
    in.offer = offered;
    in.parameters_in = expected.parameters() < kParameterDepth && parameters.next();
    in.residual_in = in.residual && expected.residual() < kParameterDepth * beats && residuals.next();
    in.beat_out = produced > 0 && beats_out.next();
    in.piece_ready = pieces.next();
    dut->rst_ni = !reset;
    dut->drain_cycles_i = static_cast<std::uint32_t>(in.drain_cycles);
    dut->residual_i = in.residual;
    dut->offer_i = in.offer;
    dut->complete_i = in.complete;
    dut->parameters_in_i = in.parameters_in;
    dut->residual_in_i = in.residual_in;
    dut->beat_out_i = in.beat_out;
    dut->piece_ready_i = in.piece_ready;
    dut.settle();

    compare.at(dut.cycle());
    compare.same("accept_o", dut->accept_o, expected.accept(in));
    compare.same("piece_valid_o", dut->piece_valid_o, expected.piece_valid());
    compare.same("idle_o", dut->idle_o, expected.idle());
    const bool taken = in.offer && expected.accept(in);
    check.cases += taken;

    produced -= in.beat_out;
    if (reset) {
      expected.reset();
      in.drain_cycles = 2 * beats;
      produced = 0;
      offered = false;
    } else {
      expected.clock(in);
      if (taken && in.complete) produced += beats;
      if (taken) offered = false;
    }
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
