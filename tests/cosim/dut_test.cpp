// A failed assertion of the RTL ends as an exception with a message, not as an abort; models may come and go in any order.
#include "dyad/cosim/dut.hpp"

#include <Vresult_sequencer.h>
#include <Vstream_skid.h>
#include <gtest/gtest.h>

#include "dyad/cosim/check.hpp"

namespace dyad::cosim {
namespace {

TEST(Dut, DiesAfterLaterOnesDid) {
  const auto first = std::make_unique<Dut<Vresult_sequencer>>();
  { Dut<Vstream_skid> second; }
  Dut<Vstream_skid> third;
}

// A beat that was never reserved leaves the output buffer: an assertion of result_sequencer.
TEST(Dut, TurnsAFailedAssertionIntoAnException) {
  Dut<Vresult_sequencer> dut;
  dut->offer_i = dut->complete_i = dut->parameters_in_i = dut->residual_in_i = dut->piece_ready_i = 0;
  dut->drain_cycles_i = 4;
  dut->beat_out_i = 0;
  dut.reset();
  dut->beat_out_i = 1;
  dut.settle();
  try {
    dut.clock();
    FAIL() << "the assertion did not fire";
  } catch (const AssertionFailed& failure) {
    EXPECT_NE(std::string(failure.what()).find("result_sequencer.sv"), std::string::npos) << failure.what();
    EXPECT_NE(std::string(failure.what()).find("a_beats_were_reserved"), std::string::npos) << failure.what();
  }
}

TEST(RunCheck, CountsAFailedAssertionAsAMismatch) {
  const RegisteredCheck failing{"failing", 1, false,
                                [](const CheckOptions&) -> Check { throw AssertionFailed("rtl/x.sv:3: a_rule (in top.u_x)"); }};
  const Check check = run_check(failing, {});
  EXPECT_EQ(check.name, "failing");
  EXPECT_EQ(check.mismatches, 1);
  EXPECT_EQ(check.first, "rtl/x.sv:3: a_rule (in top.u_x)");
}

}  // namespace
}  // namespace dyad::cosim
