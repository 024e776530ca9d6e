#include <Vstream_skid.h>
#include <gtest/gtest.h>

#include "dyad/cosim/dut.hpp"

namespace dyad::cosim {
namespace {

TEST(StreamSkid, HoldsTwoBeatsWhileStalled) {
  Dut<Vstream_skid> dut;
  dut->in_valid_i = 0;
  dut->out_ready_i = 0;
  dut.reset();
  for (const int beat : {11, 22}) {
    dut->in_valid_i = 1;
    dut->in_data_i = static_cast<std::uint16_t>(beat);
    dut.settle();
    EXPECT_EQ(dut->in_ready_o, 1) << beat;
    dut.clock();
  }
  dut->in_data_i = 33;
  dut.settle();
  EXPECT_EQ(dut->in_ready_o, 0);  // both places are taken
  EXPECT_EQ(dut->out_data_o, 11);
  dut->in_valid_i = 0;
  dut->out_ready_i = 1;
  dut.settle();
  dut.clock();
  dut.settle();
  EXPECT_EQ(dut->out_data_o, 22);
  dut.clock();
  dut.settle();
  EXPECT_EQ(dut->out_valid_o, 0);
}

// A stream that never stalls moves one beat a cycle.
TEST(StreamSkid, KeepsFullThroughput) {
  Dut<Vstream_skid> dut;
  dut->in_valid_i = 1;
  dut->out_ready_i = 1;
  dut.reset();
  for (int cycle = 0; cycle < 100; ++cycle) {
    dut->in_data_i = static_cast<std::uint16_t>(cycle);
    dut.settle();
    ASSERT_EQ(dut->in_ready_o, 1);
    if (cycle > 0) {
      ASSERT_EQ(dut->out_valid_o, 1);
      ASSERT_EQ(dut->out_data_o, cycle - 1);
    }
    dut.clock();
  }
}

}  // namespace
}  // namespace dyad::cosim
