// HAQ's action map, walls and quantizers against the published implementation's vectors (haq_*.json), and by hand.
#include "dyad/quantizer/haq.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "dyad/base/random.hpp"
#include "support/vector_json.hpp"

namespace dyad::quantizer {
namespace {

using testing_support::vector_cases;
using testing_support::VectorCase;

const std::vector<int> kChoices{2, 3, 4, 5, 6, 7, 8};
constexpr const char* kTable = "haq/latency_table_even_layers.json";

std::vector<LayerBits> pairs(const nlohmann::json& json) {
  std::vector<LayerBits> bits;
  for (const auto& pair : json) bits.push_back({pair.at(0).get<int>(), pair.at(1).get<int>()});
  return bits;
}

TEST(Haq, ActionsOfTheReference) {
  DYAD_NEEDS_VECTORS("haq_search_mechanics");
  int compared = 0;
  for (const VectorCase& v : vector_cases("haq_search_mechanics"))
    for (const auto& row : v.json.at("action_map")) {
      EXPECT_EQ(haq_action_bits(row.at(2).get<double>(), row.at(0).get<int>(), row.at(1).get<int>()), row.at(3).get<int>()) << row.dump();
      ++compared;
    }
  EXPECT_GT(compared, 0);
}

TEST(Haq, WeightWallOfTheReference) {
  DYAD_NEEDS_VECTORS("haq_search_mechanics");
  for (const VectorCase& v : vector_cases("haq_search_mechanics")) {
    const auto& wall = v.json.at("kmeans_action_wall");
    const auto weights = wall.at("layer_weights").get<std::vector<std::int64_t>>();
    const double all = static_cast<double>(std::accumulate(weights.begin(), weights.end(), std::int64_t{0}));
    for (const auto& one : wall.at("cases")) {
      auto bits = one.at("initial").get<std::vector<int>>();
      EXPECT_TRUE(haq_weight_wall(bits, weights, one.at("min_bit").get<int>(), one.at("preserve_ratio").get<double>() * 32 * all));
      EXPECT_EQ(bits, one.at("final").get<std::vector<int>>());
      double sum = 0;
      for (std::size_t i = 0; i < bits.size(); ++i) sum += static_cast<double>(bits[i]) * static_cast<double>(weights[i]);
      EXPECT_EQ(sum, one.at("weight_bits").get<double>());
    }
  }
}

/// The published table knows every second layer; the others cost as the layer before them. An activation of -1 bits is charged as 7, as
/// the reference's indexing does. The walk of the wall does not depend on the costs, only where it ends.
class HalfTable {
 public:
  HalfTable() {
    std::ifstream stream(*testing_support::data_folder() / kTable);
    table_ = nlohmann::json::parse(stream).at("table").get<std::vector<std::vector<std::vector<double>>>>();
  }
  double cost(std::span<const LayerBits> bits) const {
    double sum = 0;
    for (std::size_t i = 0; i < bits.size(); ++i) {
      const int activation = bits[i].activation < 0 ? 8 + bits[i].activation : bits[i].activation;
      sum += table_.at(i / 2).at(static_cast<std::size_t>(bits[i].weight - 1)).at(static_cast<std::size_t>(activation - 1));
    }
    return sum;
  }

 private:
  std::vector<std::vector<std::vector<double>>> table_;
};

TEST(Haq, WallOfTheReference) {
  DYAD_NEEDS_VECTORS("haq_search_mechanics");
  DYAD_NEEDS_DATA(kTable);
  const HalfTable table;
  for (const VectorCase& v : vector_cases("haq_search_mechanics"))
    for (const auto& one : v.json.at("final_action_wall")) {
      std::vector<LayerBits> bits = pairs(one.at("initial"));
      const std::vector<LayerBits> expected = pairs(one.at("final"));
      const int lowest = one.at("min_bit").get<int>();
      HaqWall wall;
      for (int b = lowest; b <= 8; ++b) wall.weight_choices.push_back(b);
      wall.activation_choices = wall.weight_choices;
      wall.fixed.resize(bits.size());
      wall.fixed.front() = LayerBits{8, -1};
      wall.fixed.back() = LayerBits{8, 8};
      // Bits within the published budget stay; others go down until they cost what the published result costs in this table.
      const bool within = one.at("initial") == one.at("final");
      const double limit = table.cost(within ? bits : expected);
      wall.keeps = [&](std::span<const LayerBits> now) { return table.cost(now) <= limit; };
      EXPECT_TRUE(haq_wall(bits, wall));
      EXPECT_EQ(bits, expected) << one.at("preserve_ratio");
    }
}

TEST(Haq, QuantizesAsTheReference) {
  DYAD_NEEDS_VECTORS("haq_linear_quant");
  int compared = 0;
  for (const VectorCase& v : vector_cases("haq_linear_quant")) {
    const std::vector<float> w = v.floats("w"), x = v.floats("x");
    const int w_bits = v.integer("w_bit"), a_bits = v.integer("a_bit");
    EXPECT_EQ(haq_weight_range(w, w_bits), v.one_float("weight_range")) << v.where;
    EXPECT_EQ(haq_activation_range(x, a_bits), v.one_float("activation_range")) << v.where;
    EXPECT_EQ(haq_quantize_weights(w, w_bits, v.one_float("weight_range")), v.floats("w_q")) << v.where;
    EXPECT_EQ(haq_quantize_activations(x, a_bits, v.one_float("activation_range")), v.floats("x_q")) << v.where;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST(Haq, ActionEndsByHand) {
  EXPECT_EQ(haq_action_bits(0, 1, 8), 0);  // rhe(0.5)
  EXPECT_EQ(haq_action_bits(0, 2, 8), 2);  // rhe(1.5)
  EXPECT_EQ(haq_action_bits(1, 1, 7), 8);  // rhe(7.5)
  EXPECT_EQ(haq_action_choice(0, 7), 0u);
  EXPECT_EQ(haq_action_choice(1, 7), 6u);
  EXPECT_EQ(haq_action_choice(1.0 / 7, 7), 1u);
}

TEST(Haq, NextLowerChoice) {
  const std::vector<int> choices{2, 4, 8};
  EXPECT_EQ(next_lower(choices, 8), 4);
  EXPECT_EQ(next_lower(choices, 5), 4);
  EXPECT_EQ(next_lower(choices, 2), 2);
  EXPECT_EQ(next_lower(choices, -1), -1);
}

TEST(Haq, WallTellsWhenNothingIsCheapEnough) {
  std::vector<LayerBits> bits(3, {8, 8});
  HaqWall wall{kChoices, kChoices, {LayerBits{8, 8}, std::nullopt, std::nullopt}, [](auto) { return false; }};
  EXPECT_FALSE(haq_wall(bits, wall));
  EXPECT_EQ(bits, (std::vector<LayerBits>{{8, 8}, {2, 2}, {2, 2}}));
}

TEST(Haq, WallNeverEndsAboveTheLimit) {
  constexpr std::uint64_t kSeed = 11;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  for (int round = 0; round < 200; ++round) {
    std::vector<LayerBits> bits(12);
    std::vector<double> work(12);
    for (std::size_t i = 0; i < bits.size(); ++i) {
      bits[i] = {static_cast<int>(random.between(2, 8)), static_cast<int>(random.between(2, 8))};
      work[i] = random.uniform() + 0.1;
    }
    const auto cost = [&](std::span<const LayerBits> now) {
      double sum = 0;
      for (std::size_t i = 0; i < now.size(); ++i) sum += work[i] * now[i].weight * now[i].activation;
      return sum;
    };
    const double limit = cost(std::vector<LayerBits>(12, {8, 8})) * (0.06 + 0.6 * random.uniform());
    const std::vector<LayerBits> before = bits;
    const bool kept = cost(bits) <= limit;
    HaqWall wall{kChoices, kChoices, std::vector<std::optional<LayerBits>>(12), [&](auto now) { return cost(now) <= limit; }};
    const bool done = haq_wall(bits, wall);
    EXPECT_EQ(done, cost(bits) <= limit);
    EXPECT_EQ(done, cost(std::vector<LayerBits>(12, {2, 2})) <= limit);
    if (kept) {
      EXPECT_EQ(bits, before);
    }
  }
}

TEST(Haq, ThresholdOfDegenerateTensors) {
  EXPECT_EQ(haq_divergence_threshold(std::vector<float>(20, 0.0f), 3), 0);
  EXPECT_EQ(haq_divergence_threshold(std::vector<float>{1, -2, 3}, 4), 3);  // 2 bins hold no 8 levels: the largest magnitude
  EXPECT_EQ(haq_divergence_threshold(std::vector<float>(9, -0.5f), 2), 0.5);
}

}  // namespace
}  // namespace dyad::quantizer
