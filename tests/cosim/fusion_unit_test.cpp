#include <Vfusion_unit.h>
#include <gtest/gtest.h>

#include "checks/fusion_unit_check.hpp"

namespace dyad::cosim {
namespace {

// Every pair of element values at every place, in all nine pairs of modes and all four pairs of signs. The other elements hold other values
// at the same time; a pass shift rides along. This exhausts the products: a product depends on its own element only, which the fusion_unit
// proofs show, and the values that the others hold here vary.
TEST(FusionUnit, MultipliesEveryPairOfValuesInEveryMode) {
  Dut<Vfusion_unit> dut;
  std::int64_t words = 0;
  for (int modes = 0; modes < 9; ++modes)
    for (int signs = 0; signs < 4; ++signs) {
      reference::FusionFormat format{modes % 3, modes / 3, (signs & 1) != 0, (signs & 2) != 0, 0};
      const int activation_bits = format.activation_bits(), weight_bits = format.weight_bits(), elements = format.elements();
      for (std::uint32_t a = 0; a < 1u << activation_bits; ++a)
        for (std::uint32_t w = 0; w < 1u << weight_bits; ++w) {
          // Element e gets (a + 5 e, w + 3 e): over the loops every element gets every pair. Above the last element: garbage.
          std::uint32_t activations = 0xdeadbeefu, weights = 0xc0ffee11u;
          for (int e = 0; e < elements; ++e) {
            const std::uint32_t activation_mask = ((1u << activation_bits) - 1), weight_mask = ((1u << weight_bits) - 1);
            activations = (activations & ~(activation_mask << e * activation_bits)) |
                          ((a + 5u * static_cast<std::uint32_t>(e)) & activation_mask) << e * activation_bits;
            weights = (weights & ~(weight_mask << e * weight_bits)) | ((w + 3u * static_cast<std::uint32_t>(e)) & weight_mask)
                                                                          << e * weight_bits;
          }
          format.pass_shift = static_cast<int>(words++ % 3);
          ASSERT_EQ(fusion_unit_difference(dut, activations, weights, format), "");
        }
    }
  // 4 * (2^4 + 2 * 2^6 + 2^8 + 2 * 2^10 + 2 * 2^12 + 2^16)
  EXPECT_EQ(words, 4 * (16 + 2 * 64 + 256 + 2 * 1024 + 2 * 4096 + 65536));
}

// 16 bit operands by passes over their halves: 16 x 8 in two, 16 x 16 in four. The results are modulo 2^32.
TEST(FusionUnit, MultipliesSixteenBitsByPasses) {
  Dut<Vfusion_unit> dut;
  Random random(3);
  const auto pass = [&](std::uint32_t activation, bool activation_signed, std::uint32_t weight, bool weight_signed, int shift) {
    dut->in_activation_mode_i = 2;
    dut->in_weight_mode_i = 2;
    dut->in_activation_signed_i = activation_signed;
    dut->in_weight_signed_i = weight_signed;
    dut->in_pass_shift_i = static_cast<std::uint8_t>(shift);
    dut->in_activations_i = activation;
    dut->in_weights_i = weight;
    dut.settle();
    return static_cast<std::uint32_t>(dut->out_sum_o);
  };
  constexpr std::uint32_t kCorners[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0x80ff, 0xff80, 0xffff};
  constexpr std::uint64_t kCornerCount = std::size(kCorners);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint32_t a = i % 2 == 0 ? kCorners[random.below(kCornerCount)] : static_cast<std::uint32_t>(random.below(1 << 16));
    const std::uint32_t w = i % 3 == 0 ? kCorners[random.below(kCornerCount)] : static_cast<std::uint32_t>(random.below(1 << 16));
    const bool a_signed = random.coin(), w_signed = random.coin();
    const std::int64_t a_value = a_signed ? static_cast<std::int16_t>(a) : static_cast<std::int64_t>(a);
    const std::int64_t w_value = w_signed ? static_cast<std::int16_t>(w) : static_cast<std::int64_t>(w);
    const std::uint32_t al = a & 0xff, ah = a >> 8, wl = w & 0xff, wh = w >> 8;
    ASSERT_EQ(pass(al, false, wl, false, 0) + pass(ah, a_signed, wl, false, 1) + pass(al, false, wh, w_signed, 1) +
                  pass(ah, a_signed, wh, w_signed, 2),
              static_cast<std::uint32_t>(a_value * w_value))
        << a_value << " * " << w_value;
    const std::int64_t w8_value = w_signed ? static_cast<std::int8_t>(w) : static_cast<std::int64_t>(wl);
    ASSERT_EQ(pass(al, false, wl, w_signed, 0) + pass(ah, a_signed, wl, w_signed, 1), static_cast<std::uint32_t>(a_value * w8_value));
  }
}

}  // namespace
}  // namespace dyad::cosim
