// HMQ's formats, choices and schedules, by hand and against the reference implementation's schedule (hmq_*.json).
#include "dyad/quantizer/hmq.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/test_data.hpp"

namespace dyad::quantizer {
namespace {

TEST(Hmq, LargestThresholdIsAPowerOfTwo) {
  EXPECT_EQ(hmq_maximum(0.7, false), 1);
  EXPECT_EQ(hmq_maximum(0.7, true), 2);
  EXPECT_EQ(hmq_maximum(1.0, false), 1);  // an exact power stays
  EXPECT_EQ(hmq_maximum(1.01, false), 2);
  EXPECT_EQ(hmq_maximum(0.2, false), 0.25);
  EXPECT_EQ(hmq_maximum(0.0, true), 1);  // the published code takes its logarithm
}

TEST(Hmq, StepIsThresholdOverLevels) {
  // Threshold 4 / 2^1 = 2: signed 4 bits have 8 steps below it, unsigned 16.
  EXPECT_EQ(hmq_format({4, 1}, 4, true), (ScaledFormat{{4, true}, 0.25f}));
  EXPECT_EQ(hmq_format({4, 1}, 4, false), (ScaledFormat{{4, false}, 0.125f}));
}

TEST(Hmq, ChoosesBitsByMarginalThenShift) {
  // Probabilities .3 .1 | .2 .35 | .05 0: the marginals are .4, .55 and .05, the likeliest shift of the second is 1.
  const HmqSpace space{{8, 4, 2}, 2};
  const std::vector<float> logits = {std::log(.3f), std::log(.1f), std::log(.2f), std::log(.35f), std::log(.05f), -50.0f};
  const std::vector<double> marginal = hmq_marginal(space, logits);
  EXPECT_NEAR(marginal[0], .4, 1e-6);
  EXPECT_NEAR(marginal[1], .55, 1e-6);
  EXPECT_NEAR(marginal[2], .05, 1e-6);
  EXPECT_EQ(hmq_choose(space, logits), (HmqChoice{4, 1}));
  EXPECT_EQ(hmq_choose_shift(space, logits, 0), 0);
}

TEST(Hmq, PublishedStartGives95PercentToTheMostBits) {
  const HmqSpace space{{2, 8, 4}, 8};  // N = 24; with all others at logit 0: 24 * .95 / .05 = 456 against 23
  const std::vector<float> logits = hmq_published_start(space, std::vector<double>(24, 0.0));
  const std::vector<double> p = hmq_probabilities(logits);
  EXPECT_NEAR(p[8], 456.0 / 479, 1e-6);
  EXPECT_EQ(hmq_choose(space, logits), (HmqChoice{8, 0}));
  EXPECT_EQ(hmq_published_start(space, std::vector<double>(24, 0.5))[0], -0.5f);
}

TEST(Hmq, ShortCyclesSampleTheSameCurve) {
  EXPECT_EQ(hmq_temperature(0, 50), 1);
  EXPECT_NEAR(hmq_temperature(20, 50), std::exp(-.01 * 50), 1e-12);  // two fifths of 125 units
  EXPECT_EQ(hmq_temperature(40, 50), .5);                            // exp(-1) is below the floor
  EXPECT_EQ(hmq_temperature(50, 50), 1);                             // a new cycle
}

TEST(Hmq, ActivationRuleFollowsTensorSize) {
  EXPECT_EQ(hmq_activation_bits(1000, 1000, 8), 4);   // the largest tensor: 32 / 8
  EXPECT_EQ(hmq_activation_bits(800, 1000, 8), 5);    // floor(5.0)
  EXPECT_EQ(hmq_activation_bits(801, 1000, 8), 4);    // floor(4.99)
  EXPECT_EQ(hmq_activation_bits(100, 1000, 8), 8);    // 40 bits are 8
  EXPECT_EQ(hmq_activation_bits(1000, 1000, 16), 4);  // 2 bits are 4
}

TEST(Hmq, MovingMaximumFromZero) { EXPECT_NEAR(hmq_track(hmq_track(0, 10), 20), .9 * 20 + .1 * 9, 1e-12); }

TEST(Hmq, SchedulesAreTheReferences) {
  int compared = 0;
  for (const auto& file : testing_support::vector_files("hmq_")) {
    const auto json = nlohmann::json::parse(std::ifstream(file));
    if (!json.contains("schedule")) continue;
    // Cycles of 5 epochs of 5004 steps; the target rises from 4 in 4 levels of 5 epochs.
    for (const auto& entry : json.at("schedule").at("temp")) {
      EXPECT_NEAR(hmq_temperature(entry[0].get<std::int64_t>(), 5 * 5004), entry[1].get<double>(), 1e-12) << file << " " << entry;
      ++compared;
    }
    const auto& targets = json.at("schedule").at("target");
    for (const auto& entry : targets) {
      EXPECT_NEAR(hmq_target(entry[0].get<std::int64_t>() / 5, targets.front()[1].get<double>(), targets.back()[1].get<double>()),
                  entry[1].get<double>(), 1e-12)
          << file << " " << entry;
      ++compared;
    }
  }
  if (compared == 0) GTEST_SKIP() << "needs hmq_*.json under DYAD_VECTORS";
}

}  // namespace
}  // namespace dyad::quantizer
