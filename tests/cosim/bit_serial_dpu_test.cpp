#include <Vbit_serial_dpu.h>
#include <gtest/gtest.h>

#include "checks/port_bits.hpp"
#include "dyad/cosim/dut.hpp"
#include "dyad/cosim/reference/bit_serial_array.hpp"

namespace dyad::cosim {
namespace {

// Presents one pair in which the lowest `ones` bits are set in both words, and leaves the bus idle afterwards.
void present(Dut<Vbit_serial_dpu>& dut, int ones, bool first, bool shift, bool negate) {
  PackedBits word(256);
  for (int i = 0; i < ones; ++i) word.set(i, 1, 1);
  set_port(dut->in_activations_i, word);
  set_port(dut->in_weights_i, word);
  dut->in_valid_i = 1;
  dut->in_first_i = first;
  dut->in_shift_i = shift;
  dut->in_negate_i = negate;
  dut.settle();
  dut.clock();
  dut->in_valid_i = 0;
}

void idle(Dut<Vbit_serial_dpu>& dut, int cycles) {
  for (int i = 0; i < cycles; ++i) {
    dut.settle();
    dut.clock();
  }
}

std::int32_t accumulator(Dut<Vbit_serial_dpu>& dut) {
  dut.settle();
  return static_cast<std::int32_t>(dut->out_acc_o);
}

// 5; 2 * 5 - 256 = -246; -246 + 0; 2 * -246 + 7 = -485. A pair is seen three cycles after it was presented.
TEST(BitSerialDpu, FollowsTheFormulaByHand) {
  Dut<Vbit_serial_dpu> dut;
  dut->in_valid_i = 0;
  dut.reset();
  present(dut, 5, true, false, false);
  present(dut, 256, false, true, true);
  present(dut, 0, false, false, true);
  EXPECT_EQ(accumulator(dut), 5);  // cycle 3
  present(dut, 7, false, true, false);
  EXPECT_EQ(accumulator(dut), -246);  // cycle 4
  idle(dut, 1);
  EXPECT_EQ(accumulator(dut), -246);
  idle(dut, 1);
  EXPECT_EQ(accumulator(dut), -485);
  idle(dut, 5);
  EXPECT_EQ(accumulator(dut), -485);
}

// in_first_i wins over in_shift_i, and nothing of the job before is left.
TEST(BitSerialDpu, FirstPairForgetsTheJobBefore) {
  Dut<Vbit_serial_dpu> dut;
  dut->in_valid_i = 0;
  dut.reset();
  present(dut, 200, true, false, false);
  present(dut, 3, true, true, true);
  idle(dut, 2);
  EXPECT_EQ(accumulator(dut), -3);
}

// 4 bits by 2 bits: diagonals 4, 3, 2, 1, 0; the accumulator doubles at the first pair of each but the first.
TEST(PlaneOrder, GoesByDiagonalsFromTheHighestPlane) {
  struct Step {
    int activation, weight;
    bool shift;
  };
  const Step expected[] = {{3, 1, false}, {3, 0, true}, {2, 1, false}, {2, 0, true},
                           {1, 1, false}, {1, 0, true}, {0, 1, false}, {0, 0, true}};
  const std::vector<reference::PlanePair> order = reference::plane_order(4, 2);
  ASSERT_EQ(order.size(), std::size(expected));
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(order[i].activation, expected[i].activation) << i;
    EXPECT_EQ(order[i].weight, expected[i].weight) << i;
    EXPECT_EQ(order[i].shift, expected[i].shift) << i;
  }
}

}  // namespace
}  // namespace dyad::cosim
