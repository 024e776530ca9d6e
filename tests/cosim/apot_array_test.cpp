#include "dyad/cosim/reference/apot_array.hpp"

#include <Vapot_array.h>
#include <Vapot_pe.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "checks/apot_pe_check.hpp"
#include "checks/port_bits.hpp"
#include "dyad/base/random.hpp"
#include "support/vector_json.hpp"

namespace dyad::cosim {
namespace {

constexpr int kRows = 2, kColumns = 2, kWordBits = 128, kElements = kWordBits / 8;

TEST(ApotPe, MultipliesEveryActivationByEveryCode) {
  const Check check = check_apot_pe<Vapot_pe>({0, 1 << 17});
  EXPECT_EQ(check.mismatches, 0) << check.first;
}

// Level sets of the published quantizer: ours, as integers over the largest, and each level's codes back to it.
TEST(ApotCodes, HoldEveryPublishedLevelSet) {
  DYAD_NEEDS_VECTORS("apot_level_sets");
  const std::vector<testing_support::VectorCase> documents = testing_support::vector_cases("apot_level_sets");
  ASSERT_EQ(documents.size(), 1u);
  int sets = 0;
  for (const auto& [name, set] : documents[0].json.at("sets").items()) {
    SCOPED_TRACE(name);
    const int bits = name[1] - '0';
    const std::vector<int> levels = name.ends_with("_pot") ? reference::pot_levels(bits) : reference::apot_levels(bits);
    const std::vector<double> published = set.at("sorted").get<std::vector<double>>();
    ASSERT_EQ(levels.size(), published.size());
    const int denominator = levels.back();
    for (std::size_t i = 0; i < levels.size(); ++i) {
      EXPECT_NEAR(published[i] * denominator, levels[i], 1e-3 * std::max(1, denominator / 1000));  // float32 of level / denominator
      for (const int weight : {levels[i], -levels[i]}) {
        const std::vector<std::uint8_t> codes = reference::apot_codes(weight);
        ASSERT_GE(codes.size(), 1u) << weight;
        EXPECT_LE(codes.size(), name.ends_with("_pot") || bits <= 4 ? 1u : 2u) << weight;
        int value = 0;
        for (const std::uint8_t code : codes) value += reference::apot_code_value(code);
        EXPECT_EQ(value, weight);
      }
    }
    ++sets;
  }
  EXPECT_GE(sets, 9);
}

// 2 bits: 0 1 2 4 over 4; 3 bits: 0 1 2 3 4 6 8 10 over 10 (the table of the paper's set for alpha = 1).
TEST(ApotCodes, HaveTheLevelsOfTheTable) {
  EXPECT_EQ(reference::apot_levels(2), (std::vector<int>{0, 1, 2, 4}));
  EXPECT_EQ(reference::apot_levels(3), (std::vector<int>{0, 1, 2, 3, 4, 6, 8, 10}));
  EXPECT_EQ(reference::apot_levels(4), (std::vector<int>{0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48}));
  EXPECT_EQ(reference::apot_levels(5).size(), 32u);
  EXPECT_EQ(reference::apot_levels(6).size(), 64u);
  EXPECT_EQ(reference::apot_levels(6).back(), 448);
  EXPECT_TRUE(reference::apot_levels(7).empty());
}

// apot_code is the inverse of apot_code_value: every value has one canonical code, and what has none is refused.
TEST(ApotCodes, InvertTheValuesOfAllCodes) {
  std::set<int> values;
  for (int code = 0; code < 256; ++code) values.insert(reference::apot_code_value(static_cast<std::uint8_t>(code)));
  for (int weight = -40000; weight <= 40000; ++weight) {
    const std::optional<std::uint8_t> code = reference::apot_code(weight);
    ASSERT_EQ(code.has_value(), values.contains(weight)) << weight;
    if (code) {
      ASSERT_EQ(reference::apot_code_value(*code), weight);
    }
  }
}

// Six magnitude bits: weights of up to three terms, presented as two words of codes; the activations are counted once.
TEST(ApotArray, MultipliesThreeTermWeightsInTwoPasses) {
  Dut<Vapot_array> dut;
  dut->in_valid_i = 0;
  dut->in_capture_i = 0;
  dut.reset();
  Random random(7);
  const std::vector<int> levels = reference::apot_levels(6);
  PackedBits activations(kRows * kWordBits), first(kColumns * kWordBits), second(kColumns * kWordBits);
  int a[kRows][kElements], w[kColumns][kElements];
  for (int r = 0; r < kRows; ++r)
    for (int e = 0; e < kElements; ++e) {
      a[r][e] = static_cast<int>(random.between(-128, 127));
      activations.set(r * kWordBits + 8 * e, 8, static_cast<std::uint64_t>(a[r][e]));
    }
  for (int c = 0; c < kColumns; ++c)
    for (int e = 0; e < kElements; ++e) {
      w[c][e] = levels[random.below(64)] * (random.coin() ? -1 : 1);
      const std::vector<std::uint8_t> codes = reference::apot_codes(w[c][e]);
      first.set(c * kWordBits + 8 * e, 8, codes[0]);
      second.set(c * kWordBits + 8 * e, 8, codes.size() > 1 ? codes[1] : 0);
    }
  dut->in_valid_i = 1;
  dut->in_activation_signed_i = 1;
  set_port(dut->in_activations_i, activations);
  for (const bool is_first : {true, false}) {
    dut->in_first_i = is_first;
    dut->in_sum_i = is_first;
    set_port(dut->in_weights_i, is_first ? first : second);
    dut.settle();
    dut.clock();
  }
  dut->in_valid_i = 0;
  dut->in_capture_i = 1;
  dut.settle();
  dut.clock();
  dut->in_capture_i = 0;
  for (int i = 1; i < reference::ApotArray::kLatency; ++i) {
    dut.settle();
    EXPECT_EQ(dut->out_valid_o, 0);
    dut.clock();
  }
  dut.settle();
  ASSERT_EQ(dut->out_valid_o, 1);
  for (int r = 0; r < kRows; ++r) {
    int sum = 0;
    for (int e = 0; e < kElements; ++e) sum += a[r][e];
    EXPECT_EQ(static_cast<std::int32_t>(port_word(dut->out_sum_o, static_cast<std::size_t>(r))), sum);
    for (int c = 0; c < kColumns; ++c) {
      int product = 0;
      for (int e = 0; e < kElements; ++e) product += a[r][e] * w[c][e];
      EXPECT_EQ(static_cast<std::int32_t>(port_word(dut->out_acc_o, static_cast<std::size_t>(r * kColumns + c))), product) << r << ' ' << c;
    }
  }
}

}  // namespace
}  // namespace dyad::cosim
