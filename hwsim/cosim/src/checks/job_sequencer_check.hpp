/// \file Drives a Verilated job_sequencer and its reference model side by side.
#pragma once

#include <algorithm>

#include "checks/lockstep.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/job_sequencer.hpp"
#include "dyad/cosim/stalls.hpp"

namespace dyad::cosim {

/// `options.cases` jobs of random layers; tiles arrive, operands are issued and accumulators accepted at random times; now and then a
/// reset. `address_bits`: both address parameters of the model.
template <class Model>
Check check_job_sequencer(const CheckOptions& options, int address_bits = 6) {
  Check check{"job_sequencer", 0, 0, ""};
  Lockstep compare(check);
  Dut<Model> dut(options.mutant);
  reference::JobSequencer expected;
  reference::JobSequencer::Layer layer;
  Random random(options.seed);
  Willingness streams(options.seed + 1), residents(options.seed + 2), accepts(options.seed + 3);
  const auto count = [&](std::int64_t most) { return random.between(1, most); };
  dut->start_i = dut->stream_done_i = dut->resident_done_i = dut->job_issued_i = dut->accept_i = 0;
  dut.reset();
  const std::uint64_t mask = (std::uint64_t{1} << address_bits) - 1;
  std::int64_t stream_left = 0, resident_left = 0, operands_left = 0, longest_job = 1;
  const std::int64_t most_cycles = 400 * options.cases + 100'000;
  while (check.cases < options.cases && !compare.stop()) {
    if (dut.cycle() > most_cycles) {
      check.mismatch("no progress");
      break;
    }
    const bool reset = random.below(5000) == 0;
    const bool start = !reset && !expected.active() && random.below(3) == 0;
    if (start) {
      layer = {};
      layer.group_blocks = count(3);
      layer.blocks = layer.group_blocks * count(3);
      layer.block_tiles = count(5);
      layer.last_block_tiles = count(layer.block_tiles);
      layer.rows = count(5);
      layer.jobs_per_result = random.coin() ? 1 : count(4);
      layer.has_resident = random.below(4) != 0;
      layer.stream_slots = count(4);
      layer.stream_stride = random.between(0, 60 / layer.stream_slots);
      layer.regions = count(3);
      layer.region_stride = random.between(0, 60 / layer.regions);
      layer.resident_stride = random.between(0, 12);
      dut->blocks_i = static_cast<std::uint32_t>(layer.blocks);
      dut->group_blocks_i = static_cast<std::uint16_t>(layer.group_blocks);
      dut->block_tiles_i = static_cast<std::uint16_t>(layer.block_tiles);
      dut->last_block_tiles_i = static_cast<std::uint16_t>(layer.last_block_tiles);
      dut->rows_i = static_cast<std::uint32_t>(layer.rows);
      dut->jobs_per_result_i = static_cast<std::uint16_t>(layer.jobs_per_result);
      dut->has_resident_i = layer.has_resident;
      dut->stream_slots_i = static_cast<std::uint16_t>(layer.stream_slots);
      dut->stream_stride_i = static_cast<std::uint8_t>(layer.stream_stride);
      dut->regions_i = static_cast<std::uint16_t>(layer.regions);
      dut->region_stride_i = static_cast<std::uint8_t>(layer.region_stride);
      dut->resident_stride_i = static_cast<std::uint8_t>(layer.resident_stride);
      longest_job = count(6);
    }
    // What comes between layers, the start forgets.
    const bool stray = !start && !expected.active() && random.below(16) == 0;
    const bool stream_done = stray || (!start && stream_left > 0 && streams.next());
    const bool resident_done = stray || (!start && resident_left > 0 && residents.next());
    // Between jobs the sequencer of the operands has issued everything, or has not begun; the module may not care.
    const auto before = expected.outputs(false, false);
    const bool issued = before.running ? operands_left <= 1 : random.coin();
    const bool accept = accepts.next();
    dut->rst_ni = !reset;
    dut->start_i = start;
    dut->stream_done_i = stream_done;
    dut->resident_done_i = resident_done;
    dut->job_issued_i = issued;
    dut->accept_i = accept;
    dut.settle();

    compare.at(dut.cycle());
    const auto out = expected.outputs(issued, accept);
    compare.same("job_start_o", dut->job_start_o, out.job_start);
    compare.same("offer_o", dut->offer_o, out.offer);
    compare.same("handover_o", dut->handover_o, out.handover);
    compare.same("release_stream_o", dut->release_stream_o, out.release_stream);
    compare.same("release_resident_o", dut->release_resident_o, out.release_resident);
    compare.same("active_o", dut->active_o, out.active);
    if (out.starting) {
      compare.same("stream_base_o", dut->stream_base_o, static_cast<std::uint64_t>(out.starting->stream_base) & mask);
      if (layer.has_resident)
        compare.same("resident_base_o", dut->resident_base_o, static_cast<std::uint64_t>(out.starting->resident_base) & mask);
    }
    if (out.running) {
      compare.same("first_of_result_o", dut->first_of_result_o, out.running->first_of_result);
      compare.same("last_of_result_o", dut->last_of_result_o, out.running->last_of_result);
    }
    check.cases += out.handover;

    if (operands_left > 1) --operands_left;
    if (out.job_start) operands_left = count(longest_job);
    stream_left -= stream_done && !stray;
    resident_left -= resident_done && !stray;
    if (reset) {
      expected.reset();
      stream_left = resident_left = 0;
    } else if (start) {
      expected.start(layer);
      for (const auto& job : expected.jobs()) {
        stream_left += job.takes_stream;
        resident_left += job.takes_resident;
      }
    } else {
      expected.clock(issued, accept, stream_done, resident_done);
    }
    dut.clock();
  }
  return check;
}

}  // namespace dyad::cosim
