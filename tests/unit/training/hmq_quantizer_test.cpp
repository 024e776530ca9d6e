// The HMQ quantizer of the module: the reference implementation's values, and gradients worked out here in double.
#include <numeric>

#include "dyad/training/hmq.hpp"
#include "support.hpp"
#include "support/vector_json.hpp"

namespace dyad::training {
namespace {
using dyad::testing_support::vector_cases;
using dyad::testing_support::VectorCase;
using quantizer::HmqRanges;

Tensor<float> row(const std::vector<float>& values) { return Tensor<float>({static_cast<std::int64_t>(values.size())}, values); }

HmqProbe probe_of(const VectorCase& v, const std::string& values, HmqRanges ranges) {
  HmqProbe probe;
  probe.values = row(v.floats(values));
  probe.logits = v.floats("logits");
  probe.ranges = ranges;
  return probe;
}

TEST(HmqQuantizer, AgreesWithTheReference) {
  DYAD_NEEDS_TRAINING();
  DYAD_NEEDS_VECTORS("hmq_");
  int compared = 0;
  for (const VectorCase& v : vector_cases("hmq_")) {
    const std::string kind = v.text("kind");
    if (kind == "weights_eval") {
      HmqProbe probe = probe_of(v, "w", HmqRanges::kPublished);
      probe.space = {v.json.at("bits_list").get<std::vector<int>>(), v.integer("n_shifts")};
      float largest = 0;
      for (const float value : probe.values.values()) largest = std::max(largest, std::fabs(value));
      probe.maximum = quantizer::hmq_maximum(static_cast<double>(largest), true);
      EXPECT_EQ(probe.maximum, static_cast<double>(v.floats("base_threshold")[0])) << v.where;
      const std::vector<double> p = quantizer::hmq_probabilities(probe.logits);
      const auto expected_p = v.floats("prob");
      double bits = 0;
      for (std::size_t i = 0; i < p.size(); ++i) {
        EXPECT_NEAR(p[i], static_cast<double>(expected_p[i]), 1e-6) << v.where << " " << i;
        bits += p[i] * probe.space.bits[i / 8];
      }
      EXPECT_NEAR(bits, static_cast<double>(v.floats("expected_bits")[0]), 1e-5) << v.where;
      EXPECT_EQ(quantizer::hmq_choose(probe.space, probe.logits).bits, static_cast<int>(v.json.at("bit_width").get<double>())) << v.where;
      const auto result = hmq_probe(probe);
      ASSERT_TRUE(result) << result.error().message;
      const auto expected = v.floats("w_q");
      for (std::size_t i = 0; i < expected.size(); ++i, ++compared)
        EXPECT_EQ(result->output[static_cast<std::int64_t>(i)], expected[i]) << v.where << " " << i;
    } else if (kind == "activation_iir_then_5bit") {
      double base = 0;
      for (const auto& step : v.json.at("steps")) {
        base = quantizer::hmq_track(base, step.at("max").get<double>(), v.json.at("alpha").get<double>());
        EXPECT_NEAR(base, step.at("base").at(0).get<double>(), 1e-5) << v.where;
      }
      HmqProbe probe = probe_of(v, "x", HmqRanges::kPublished);
      probe.space = {{5}, static_cast<int>(probe.logits.size())};
      probe.maximum = quantizer::hmq_maximum(base, false);
      probe.is_signed = false;
      EXPECT_EQ(quantizer::hmq_choose(probe.space, probe.logits).shift, v.integer("threshold_index")) << v.where;
      const auto result = hmq_probe(probe);
      ASSERT_TRUE(result) << result.error().message;
      const auto expected = v.floats("x_q");
      for (std::size_t i = 0; i < expected.size(); ++i, ++compared)
        EXPECT_EQ(result->output[static_cast<std::int64_t>(i)], expected[i]) << v.where << " " << i;
    } else {
      ADD_FAILURE() << v.where << ": the kind \"" << kind << "\" is not known to this test";
    }
  }
  EXPECT_GT(compared, 0);
}

TEST(HmqQuantizer, ExactRangesAreThoseOfTheBits) {
  DYAD_NEEDS_TRAINING();
  HmqProbe probe;
  probe.values = row({-9, -1, 0, 1, 9});
  probe.space = {{4}, 1};
  probe.logits = {0};
  probe.maximum = 8;  // signed step 1, unsigned step 1/2
  for (const bool is_signed : {true, false})
    for (const HmqRanges ranges : {HmqRanges::kHardwareExact, HmqRanges::kPublished}) {
      probe.is_signed = is_signed;
      probe.ranges = ranges;
      const auto result = hmq_probe(probe);
      ASSERT_TRUE(result) << result.error().message;
      const bool exact = ranges == HmqRanges::kHardwareExact;
      EXPECT_EQ(result->output[0], !is_signed ? 0.0f : exact ? -8.0f : -7.0f);
      EXPECT_EQ(result->output[4], is_signed ? (exact ? 7.0f : 8.0f) : (exact ? 7.5f : 8.0f));
    }
}

/// What the gradients should be, in double: parameters by finite differences of smooth functions, the rest by the rules.
TEST(HmqQuantizer, GradientsFollowTheRules) {
  DYAD_NEEDS_TRAINING();
  constexpr std::int64_t kRows = 3, kColumns = 40;
  for (const std::uint64_t seed : {1u, 2u, 3u})
    for (const bool is_signed : {true, false})
      for (const HmqRanges ranges : {HmqRanges::kHardwareExact, HmqRanges::kPublished}) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Random random(seed, is_signed ? 1 : 2);
        HmqProbe probe;
        probe.space = {{5, 3, 2}, 3};
        probe.maximum = 2;
        probe.is_signed = is_signed;
        probe.ranges = ranges;
        probe.temperature = 0.7;
        const std::size_t options = probe.space.size();
        probe.values = Tensor<float>({kRows, kColumns});
        probe.upstream = Tensor<float>({kRows, kColumns});
        for (float& value : probe.values.values()) value = static_cast<float>(1.5 * random.normal());
        for (float& value : probe.upstream.values()) value = static_cast<float>(random.normal());
        for (std::size_t i = 0; i < options; ++i) probe.logits.push_back(static_cast<float>(random.normal()));
        for (std::size_t i = 0; i < kRows * options; ++i) probe.uniforms.push_back(static_cast<float>(random.uniform()));
        const auto result = hmq_probe(probe);
        ASSERT_TRUE(result) << result.error().message;

        const auto parameters = [&](const std::vector<double>& logits, std::size_t r) {  // step and levels of a row
          double sum = 0, step = 0, threshold = 0;
          for (std::size_t i = 0; i < options; ++i) {
            const double u = static_cast<double>(probe.uniforms[r * options + i]);
            const double p = std::exp((logits[i] - std::log(-std::log(u + 1e-6) + 1e-6)) / probe.temperature);
            const double t = 2 / std::pow(2.0, static_cast<double>(i % 3));
            sum += p;
            threshold += p * t;
            step += p * t / std::pow(2.0, probe.space.bits[i / 3] - (is_signed ? 1 : 0));
          }
          return std::pair(step / sum, threshold / step);
        };
        const std::vector<double> logits(probe.logits.begin(), probe.logits.end());
        std::vector<double> expected(options, 0.0);
        for (std::size_t r = 0; r < kRows; ++r) {
          const auto [step, levels] = parameters(logits, r);
          const bool exact = ranges == HmqRanges::kHardwareExact;
          const double highest = exact ? levels - 1 : levels, lowest = is_signed ? (exact ? -levels : 1 - levels) : 0;
          double step_gradient = 0, levels_gradient = 0;
          for (std::int64_t c = 0; c < kColumns; ++c) {
            const std::int64_t i = static_cast<std::int64_t>(r) * kColumns + c;
            const double x = static_cast<double>(probe.values[i]) / step, g = static_cast<double>(probe.upstream[i]), q = std::nearbyint(x);
            const bool above = q > highest, below = q < lowest, inside = !above && !below;
            EXPECT_NEAR(static_cast<double>(result->output[i]), step * std::clamp(q, lowest, highest), 2e-5);
            EXPECT_EQ(result->gradient_values[i], inside ? probe.upstream[i] : 0.0f);
            step_gradient += g * (inside ? q - x : above ? highest : lowest);
            levels_gradient += g * step * (static_cast<double>(above) - (is_signed && below ? 1 : 0));
          }
          for (std::size_t k = 0; k < options; ++k) {
            constexpr double kMove = 1e-5;
            std::vector<double> up = logits, down = logits;
            up[k] += kMove;
            down[k] -= kMove;
            const auto [step_up, levels_up] = parameters(up, r);
            const auto [step_down, levels_down] = parameters(down, r);
            expected[k] += (step_gradient * (step_up - step_down) + levels_gradient * (levels_up - levels_down)) / (2 * kMove);
          }
        }
        for (std::size_t k = 0; k < options; ++k)
          EXPECT_NEAR(static_cast<double>(result->gradient_logits[k]), expected[k], 1e-3 * (1 + std::fabs(expected[k]))) << k;
      }
}

}  // namespace
}  // namespace dyad::training
