#include <Vfusion_core_4x2.h>
#include <Vfusion_core_8x8.h>
#include <gtest/gtest.h>

#include "checks/fusion_core_check.hpp"
#include "core_driver.hpp"

namespace dyad::cosim {
namespace {

TEST(FusionCore, RunsRandomLayersAsItsReferenceDoes) {
  for (const std::uint64_t seed : {11, 12, 13}) {
    SCOPED_TRACE(seed);
    const Check small = check_fusion_core<Vfusion_core_4x2>({seed, 60}, 4, 2, 64, 2);
    EXPECT_EQ(small.mismatches, 0) << small.first;
    EXPECT_EQ(small.cases, 60);
    const Check large = check_fusion_core<Vfusion_core_8x8>({seed, 40}, 8, 8, 1024, 4);
    EXPECT_EQ(large.mismatches, 0) << large.first;
    EXPECT_EQ(large.cases, 40);
  }
}

// Activations -3, weights -2 with the zero point 1, in every mix of widths: a word of K holds 4 rows * n products, n = 64 / (bits * bits)
// of the parts that a pass takes, and takes the passes of both; a result is words * 4 * n * -3 * (-2 - 1).
TEST(FusionCore, TakesAWordOfBothOperandsInEveryPass) {
  constexpr int kWords = 5;
  for (int a = 0; a < 4; ++a)
    for (int w = 0; w < 4; ++w) {
      SCOPED_TRACE("activations of " + std::to_string(2 << a) + ", weights of " + std::to_string(2 << w) + " bits");
      const int a_part = std::min(2 << a, 8), w_part = std::min(2 << w, 8), n = 64 / (a_part * w_part);
      const int a_passes = a == 3 ? 2 : 1, w_passes = w == 3 ? 2 : 1;
      ConstantLayer layer;
      layer.results = 8;
      layer.words = kWords;
      layer.activation_entries = kWords * a_passes;
      layer.weight_entries = kWords * w_passes;
      layer.weight_rows = 4;
      layer.columns = 2;
      layer.register_9 = static_cast<std::uint32_t>(a | w << 8);
      layer.flags = 1 << 2 | 1 << 3;
      layer.weight_zero_point = 1;
      // Two bits hold -2 to 1: -3 is 1 there.
      const int activation = a == 0 ? 1 : -3;
      for (int pass = 0; pass < a_passes; ++pass) {
        layer.activations.emplace_back(4 * 32);
        for (int r = 0; r < 4; ++r)
          for (int e = 0; e < n; ++e)
            layer.activations.back().set(r * 32 + e * a_part, a_part, static_cast<std::uint64_t>(activation >> pass * 8));
      }
      for (int pass = 0; pass < w_passes; ++pass)
        for (int r = 0; r < 4; ++r) {
          layer.weights.emplace_back(2 * 32);
          for (int c = 0; c < 2; ++c)
            for (int e = 0; e < n; ++e) layer.weights.back().set(c * 32 + e * w_part, w_part, static_cast<std::uint64_t>(-2 >> pass * 8));
        }
      Dut<Vfusion_core_4x2> dut;
      run_layer(dut, layer);
      ASSERT_EQ(layer.complete.size(), 8u);
      EXPECT_EQ(layer.values, std::vector<std::int32_t>(8, kWords * 4 * n * activation * (-2 - 1)));
      EXPECT_EQ(layer.complete[7] - layer.complete[6], kWords * a_passes * w_passes);
    }
}

}  // namespace
}  // namespace dyad::cosim
