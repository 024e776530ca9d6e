// Capacity, throughput and order of stream_fifo at depths that are and are not powers of two; every short sequence of stalls.
#include "dyad/cosim/reference/stream_fifo.hpp"

#include <Vstream_fifo.h>
#include <Vstream_fifo_1.h>
#include <Vstream_fifo_2.h>
#include <Vstream_fifo_5.h>
#include <gtest/gtest.h>

#include "dyad/cosim/dut.hpp"

namespace dyad::cosim {
namespace {

template <class Model>
void drive(Dut<Model>& dut, bool valid, int data, bool ready) {
  dut->in_valid_i = valid;
  dut->in_data_i = static_cast<std::uint16_t>(data);
  dut->out_ready_i = ready;
  dut.settle();
}

/// Fills the queue while the output stalls, then empties it.
template <class Model>
void expect_capacity(int depth) {
  SCOPED_TRACE("depth " + std::to_string(depth));
  Dut<Model> dut;
  drive(dut, false, 0, false);
  dut.reset();
  for (int beat = 0; beat < depth; ++beat) {
    drive(dut, true, 100 + beat, false);
    EXPECT_EQ(dut->in_ready_o, 1) << beat;
    EXPECT_EQ(dut->count_o, beat);
    dut.clock();
  }
  drive(dut, true, 999, false);
  EXPECT_EQ(dut->in_ready_o, 0);
  EXPECT_EQ(dut->count_o, depth);
  for (int beat = 0; beat < depth; ++beat) {
    drive(dut, false, 0, true);
    EXPECT_EQ(dut->out_valid_o, 1) << beat;
    EXPECT_EQ(dut->out_data_o, 100 + beat);
    dut.clock();
  }
  drive(dut, false, 0, true);
  EXPECT_EQ(dut->out_valid_o, 0);
  EXPECT_EQ(dut->count_o, 0);
}

TEST(StreamFifo, HoldsDepthBeatsInOrder) {
  expect_capacity<Vstream_fifo_1>(1);
  expect_capacity<Vstream_fifo_2>(2);
  expect_capacity<Vstream_fifo_5>(5);
  expect_capacity<Vstream_fifo>(8);
}

/// Beats that leave in 100 cycles when neither side stalls.
template <class Model>
int beats_in_100_cycles() {
  Dut<Model> dut;
  drive(dut, true, 0, true);
  dut.reset();
  int left = 0;
  for (int cycle = 0; cycle < 100; ++cycle) {
    drive(dut, true, cycle, true);
    left += dut->out_valid_o;
    dut.clock();
  }
  return left;
}

// Latency one cycle: the first beat leaves in the second cycle. With one place a beat must leave before the next is taken.
TEST(StreamFifo, MovesOneBeatACycle) {
  EXPECT_EQ(beats_in_100_cycles<Vstream_fifo>(), 99);
  EXPECT_EQ(beats_in_100_cycles<Vstream_fifo_5>(), 99);
  EXPECT_EQ(beats_in_100_cycles<Vstream_fifo_2>(), 99);
  EXPECT_EQ(beats_in_100_cycles<Vstream_fifo_1>(), 50);
}

/// All 4^cycles sequences of (valid, ready) from reset, each compared with the reference in every cycle.
template <class Model>
void expect_every_sequence(std::size_t depth, int cycles) {
  Dut<Model> dut;
  drive(dut, false, 0, false);
  for (unsigned sequence = 0; sequence < 1u << (2 * cycles); ++sequence) {
    dut.reset();
    reference::StreamFifo<int> expected(depth);
    for (int cycle = 0; cycle < cycles; ++cycle) {
      const unsigned bits = sequence >> (2 * cycle);
      const bool valid = (bits & 1) != 0, ready = (bits & 2) != 0;
      drive(dut, valid, cycle, ready);
      ASSERT_EQ(dut->in_ready_o, expected.in_ready()) << "sequence " << sequence << ", cycle " << cycle;
      ASSERT_EQ(dut->out_valid_o, expected.out_valid()) << "sequence " << sequence << ", cycle " << cycle;
      ASSERT_EQ(dut->count_o, expected.count()) << "sequence " << sequence << ", cycle " << cycle;
      if (expected.out_valid()) {
        ASSERT_EQ(dut->out_data_o, expected.out_data()) << "sequence " << sequence << ", cycle " << cycle;
      }
      expected.clock(valid, cycle, ready);
      dut.clock();
    }
  }
}

TEST(StreamFifo, EqualsReferenceForEverySequenceOfEightCycles) {
  expect_every_sequence<Vstream_fifo_1>(1, 8);
  expect_every_sequence<Vstream_fifo_2>(2, 8);
  expect_every_sequence<Vstream_fifo_5>(5, 8);
  expect_every_sequence<Vstream_fifo>(8, 8);
}

}  // namespace
}  // namespace dyad::cosim
