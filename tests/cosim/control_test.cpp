// The control modules of the cores: what random stimuli meet too seldom, and their timing worked by hand.
#include <Vbit_plane_sequencer.h>
#include <Vjob_sequencer.h>
#include <Vresult_sequencer.h>
#include <Vtile_fetch.h>
#include <gtest/gtest.h>

#include <vector>

#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/bit_plane_sequencer.hpp"

namespace dyad::cosim {
namespace {

// Every pair of widths with every signedness, two words: 1,024 jobs back to back.
TEST(BitPlaneSequencer, IssuesEveryPairOfWidths) {
  Dut<Vbit_plane_sequencer> dut;
  dut->start_i = 0;
  dut.reset();
  for (int job = 0; job < 16 * 16 * 4; ++job) {
    reference::BitPlaneSequencer::Job expected;
    expected.words = 2;
    expected.activation_bits = job / 4 % 16 + 1;
    expected.weight_bits = job / 64 + 1;
    expected.activation_signed = job & 1;
    expected.weight_signed = job & 2;
    dut->words_i = 2;
    dut->activation_bits_i = static_cast<std::uint8_t>(expected.activation_bits);
    dut->weight_bits_i = static_cast<std::uint8_t>(expected.weight_bits);
    dut->activation_signed_i = expected.activation_signed;
    dut->weight_signed_i = expected.weight_signed;
    dut->activation_base_i = dut->weight_base_i = 0;
    dut->start_i = 1;
    dut.settle();
    ASSERT_EQ(dut->issue_o, 0);
    dut.clock();
    dut->start_i = 0;
    const auto issues = reference::BitPlaneSequencer::issues(expected);
    ASSERT_EQ(issues.size(), static_cast<std::size_t>(2 * expected.activation_bits * expected.weight_bits));
    for (const auto& issue : issues) {
      dut.settle();
      ASSERT_EQ(dut->issue_o, 1);
      ASSERT_EQ(dut->activation_entry_o, issue.activation_entry) << "job " << job;
      ASSERT_EQ(dut->weight_entry_o, issue.weight_entry) << "job " << job;
      ASSERT_EQ(dut->first_o, issue.first);
      if (!issue.first) {
        ASSERT_EQ(dut->shift_o, issue.shift);
      }
      ASSERT_EQ(dut->negate_o, issue.negate);
      ASSERT_EQ(dut->sum_o, issue.sum);
      if (issue.sum) {
        ASSERT_EQ(dut->sum_negate_o, issue.sum_negate);
      }
      ASSERT_EQ(dut->issued_o, &issue == &issues.back());
      dut.clock();
    }
    dut.settle();
  }
}

// The sum of products of planes with these controls is the product: 3-bit signed times 2-bit unsigned, all values.
TEST(BitPlaneSequencer, ControlsMakeAProduct) {
  reference::BitPlaneSequencer::Job job;
  job.activation_bits = 3;
  job.weight_bits = 2;
  job.activation_signed = true;
  const auto issues = reference::BitPlaneSequencer::issues(job);
  for (int a = -4; a <= 3; ++a)
    for (int w = 0; w <= 3; ++w) {
      int acc = 0, sum = 0;
      for (const auto& issue : issues) {
        const int i = a >> issue.activation_entry & 1, j = w >> issue.weight_entry & 1;
        acc = (issue.first ? 0 : issue.shift ? 2 * acc : acc) + (issue.negate ? -1 : 1) * (i & j);
        sum = (issue.first ? 0 : issue.shift ? 2 * sum : sum) + (issue.sum_negate ? -1 : 1) * (issue.sum ? i : 0);
      }
      EXPECT_EQ(acc, a * w) << a << " * " << w;
      EXPECT_EQ(sum, a);
    }
}

// The timing diagram of docs/rtl/job_sequencer.md.
TEST(JobSequencer, HandsOverAndStartsInTheSameCycle) {
  Dut<Vjob_sequencer> dut;
  dut->start_i = dut->stream_done_i = dut->resident_done_i = dut->job_issued_i = dut->accept_i = 0;
  dut->blocks_i = dut->rows_i = 1;
  dut->group_blocks_i = 1;
  dut->block_tiles_i = dut->last_block_tiles_i = 2;
  dut->jobs_per_result_i = 1;
  dut->has_resident_i = 0;
  dut->stream_slots_i = dut->regions_i = 1;
  dut->stream_stride_i = dut->region_stride_i = dut->resident_stride_i = 0;
  dut.reset();
  const std::vector<int> start{1, 0, 0, 0, 0, 0, 0, 0, 0}, done{0, 1, 0, 0, 0, 0, 0, 0, 0}, issued{1, 1, 1, 0, 0, 1, 1, 0, 0},
      accept{1, 1, 1, 1, 1, 0, 1, 1, 1};
  const std::vector<int> job_start{0, 0, 1, 0, 0, 0, 1, 0, 0}, offer{0, 0, 0, 0, 0, 1, 1, 0, 0}, handover{0, 0, 0, 0, 0, 0, 1, 0, 0};
  for (std::size_t t = 0; t < start.size(); ++t) {
    dut->start_i = static_cast<std::uint8_t>(start[t]);
    dut->stream_done_i = static_cast<std::uint8_t>(done[t]);
    dut->job_issued_i = static_cast<std::uint8_t>(issued[t]);
    dut->accept_i = static_cast<std::uint8_t>(accept[t]);
    dut.settle();
    EXPECT_EQ(dut->job_start_o, job_start[t]) << "cycle " << t;
    EXPECT_EQ(dut->offer_o, offer[t]) << "cycle " << t;
    EXPECT_EQ(dut->handover_o, handover[t]) << "cycle " << t;
    dut.clock();
  }
}

// The timing diagram of docs/rtl/result_sequencer.md; 4 beats a result, drains of 4 cycles here.
TEST(ResultSequencer, WaitsForTheReceiver) {
  Dut<Vresult_sequencer> dut;
  dut->drain_cycles_i = 4;
  dut->residual_i = dut->offer_i = dut->residual_in_i = dut->beat_out_i = 0;
  dut->complete_i = dut->piece_ready_i = 1;
  dut->parameters_in_i = 0;
  dut.reset();
  dut->parameters_in_i = 1;
  for (int i = 0; i < 2; ++i) {
    dut.settle();
    dut.clock();
  }
  dut->parameters_in_i = 0;
  const std::vector<int> offer{1, 1, 1, 1, 1, 0, 0, 0, 0, 0}, accept{1, 0, 0, 0, 1, 0, 0, 0, 0, 0}, piece{0, 0, 0, 0, 1, 0, 0, 0, 1, 1},
      ready{1, 1, 1, 1, 1, 1, 1, 1, 0, 1};
  for (std::size_t t = 0; t < offer.size(); ++t) {
    dut->offer_i = static_cast<std::uint8_t>(offer[t]);
    dut->piece_ready_i = static_cast<std::uint8_t>(ready[t]);
    dut.settle();
    EXPECT_EQ(dut->accept_o, accept[t]) << "cycle " << t;  // in the end: no parameters are left
    EXPECT_EQ(dut->piece_valid_o, piece[t]) << "cycle " << t;
    dut.clock();
  }
}

// A layer without this memory takes no word and hands out no slot.
TEST(TileFetch, NoSlotsTakeNothing) {
  Dut<Vtile_fetch> dut;
  dut->start_i = 1;
  dut->words_i = 1;
  dut->tile_stride_i = dut->slot_stride_i = 0;
  dut->slots_i = 0;
  dut->slot_tiles_i = dut->last_slot_tiles_i = dut->group_slots_i = 1;
  dut->in_valid_i = dut->release_i = 0;
  dut->slots_ready_i = 1;
  dut.reset();
  dut.settle();
  dut.clock();
  dut->start_i = 0;
  dut->in_valid_i = 1;
  for (int t = 0; t < 20; ++t) {
    dut.settle();
    EXPECT_EQ(dut->in_ready_o, 0);
    EXPECT_EQ(dut->write_o, 0);
    EXPECT_EQ(dut->slots_valid_o, 0);
    dut.clock();
  }
}

// Two slots of one tile of two words, as in docs/rtl/tile_fetch.md (8 words an entry here).
TEST(TileFetch, StopsWhenNoSlotIsOpen) {
  Dut<Vtile_fetch> dut;
  dut->start_i = 1;
  dut->words_i = 2;
  dut->tile_stride_i = 1;
  dut->slot_stride_i = 1;
  dut->slots_i = 2;
  dut->slot_tiles_i = dut->last_slot_tiles_i = dut->group_slots_i = 1;
  dut->in_valid_i = dut->release_i = 0;
  dut->slots_ready_i = 1;
  dut.reset();
  dut.settle();
  dut.clock();
  dut->start_i = 0;
  dut->in_valid_i = 1;
  const std::vector<int> ready{1, 1, 1, 1, 0, 1, 1, 0}, entry{0, 0, 1, 1, -1, 0, 0, -1}, row{0, 1, 0, 1, -1, 0, 1, -1},
      done{0, 0, 1, 0, 1, 0, 0, 1}, release{0, 0, 0, 0, 1, 0, 0, 0}, slots{2, 0, 0, 0, 0, 1, 0, 0};
  for (std::size_t t = 0; t < ready.size(); ++t) {
    dut->release_i = static_cast<std::uint8_t>(release[t]);
    dut.settle();
    EXPECT_EQ(dut->in_ready_o, ready[t]) << "cycle " << t + 1;
    if (entry[t] >= 0) {
      EXPECT_EQ(dut->write_entry_o, entry[t]) << "cycle " << t + 1;
      EXPECT_EQ(dut->write_row_o, row[t]) << "cycle " << t + 1;
    }
    EXPECT_EQ(dut->tile_done_o, done[t]) << "cycle " << t + 1;
    EXPECT_EQ(dut->slots_valid_o ? dut->slots_o : 0, slots[t]) << "cycle " << t + 1;
    dut.clock();
  }
}

}  // namespace
}  // namespace dyad::cosim
