// Reconstruction on small networks of every kind of graph: what it evaluates is what the integer network computes, blocks improve,
// integers stay in their range, and the same seed gives the same numbers.
#include "dyad/training/reconstruction.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "dyad/network/float_executor.hpp"
#include "dyad/quantizer/lowering.hpp"
#include "dyad/quantizer/post_training.hpp"
#include "support/small_networks.hpp"

#define DYAD_NEEDS_TRAINING() \
  if (!DYAD_HAS_TRAINING) GTEST_SKIP() << "this build has no training module (LibTorch)"

namespace dyad::training {
namespace {
using namespace quantizer;

CalibratedNetwork calibrated_network(const Case& c, std::int64_t images = 96, WeightRule rule = WeightRule::kPower3) {
  PostTrainingOptions options;
  options.weights = rule;
  return must(CalibratedNetwork::calibrate(c.make(), noise(images, c.size, c.channels), centred(c.channels), options));
}

ReconstructionOptions few_iterations(int iterations = 40) {
  ReconstructionOptions options;
  options.iterations = iterations;
  options.batch = 16;
  options.seed = 5;
  options.threads = 1;  // tensors are small: threads would only wait for each other
  return options;
}

IntegerNetwork lowered(const CalibratedNetwork& calibrated, const NetworkNumbers& numbers) {
  return must(lower(calibrated.folded(), calibrated.normalization(), numbers, calibrated.options()));
}

// The forward pass of reconstruction computes accumulators in float32 and requantizes with real ratios; the integer network's are dyadic
// with 31 bits. They differ at near ties only: an activation then differs by one step, which most logits never feel. What rounding does
// at all is the yardstick: the difference from the float network.
void expect_same_logits(const CalibratedNetwork& calibrated, const NetworkNumbers& numbers, const char* name) {
  const Case* c = std::find_if(std::begin(kCases), std::end(kCases), [&](const Case& other) { return std::string(other.name) == name; });
  const Dataset fresh = noise(64, c->size, c->channels, 99);
  const IntegerNetwork network = lowered(calibrated, numbers);
  const Tensor<float> integers = integer_logits(network, fresh);
  const Tensor<float> real =
      must(quantized_forward(calibrated.folded(), fresh, calibrated.normalization(), numbers, calibrated.options().rounding));
  ASSERT_EQ(integers.size(), real.size());
  const Tensor<float> exact = network::evaluate(calibrated.folded(), fresh.normalized(0, 64, calibrated.normalization()));
  std::vector<double> differences;
  double sum = 0, rounding = 0;
  for (std::int64_t i = 0; i < real.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(integers[i]) - static_cast<double>(real[i]));
    differences.push_back(difference);
    sum += difference * difference;
    rounding += std::pow(static_cast<double>(real[i]) - static_cast<double>(exact[i]), 2);
  }
  std::nth_element(differences.begin(), differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2), differences.end());
  // Half of all logits within two steps of the integer logits or of float32; 0.1 % of the rounding's own power in all.
  const double step = network.output_scales[0];
  EXPECT_LE(differences[differences.size() / 2], 2 * step + 1e-5) << name;
  EXPECT_LE(sum, 1e-3 * rounding) << name;
}

TEST(Reconstruction, EvaluatesWhatTheIntegerNetworkComputes) {
  DYAD_NEEDS_TRAINING();
  for (const Case& c : kCases)
    for (const LayerBits bits : {LayerBits{4, 4}, LayerBits{3, 6}}) {
      const CalibratedNetwork calibrated = calibrated_network(c);
      expect_same_logits(calibrated, must(calibrated.numbers(uniform_assignment(calibrated.folded(), bits, false))), c.name);
    }
}

TEST(Reconstruction, LowersTheErrorOfBlocksAndLayers) {
  DYAD_NEEDS_TRAINING();
  for (const Case& c : kCases)
    for (const Granularity granularity : {Granularity::kBlock, Granularity::kLayer}) {
      const CalibratedNetwork calibrated = calibrated_network(c);
      const NetworkNumbers start = must(calibrated.numbers(uniform_assignment(calibrated.folded(), {3, 4}, true)));
      ReconstructionOptions options = few_iterations();
      options.granularity = granularity;
      const Reconstruction result = must(reconstruct(calibrated.folded(), calibrated.images(), calibrated.normalization(), start, options));
      ASSERT_EQ(result.blocks.size(), find_blocks(calibrated.folded(), granularity).size()) << c.name;
      std::size_t layers = 0;
      double before = 0, after = 0;
      for (const BlockRecord& block : result.blocks) {
        layers += block.layers.size();
        before += block.error_before;
        after += block.error_after;
        EXPECT_LE(block.error_after, block.error_before) << c.name << " " << block.target;
        EXPECT_EQ(block.iterations, 40);
      }
      EXPECT_EQ(layers, calibrated.layers().size());
      EXPECT_LT(after, 0.85 * before) << c.name << " " << to_string(granularity);
      expect_same_logits(calibrated, result.numbers, c.name);

      // The logits that run are nearer to the float network's too.
      const Tensor<float> exact = evaluate_float(calibrated, calibrated.images());
      const double error_start = logits_error(exact, integer_logits(lowered(calibrated, start), calibrated.images())).mse;
      const double error = logits_error(exact, integer_logits(lowered(calibrated, result.numbers), calibrated.images())).mse;
      EXPECT_LT(error, error_start) << c.name << " " << to_string(granularity);
    }
}

TEST(Reconstruction, KeepsIntegersInTheirRangeAndMovesThemByOneStep) {
  DYAD_NEEDS_TRAINING();
  for (const WeightRule rule : {WeightRule::kPower3, WeightRule::kMse})
    for (const int bits : {2, 3, 8}) {
      const CalibratedNetwork calibrated = calibrated_network(kCases[0], 32, rule);
      const NetworkNumbers start = must(calibrated.numbers(uniform_assignment(calibrated.folded(), {bits, 4}, true)));
      const Reconstruction result =
          must(reconstruct(calibrated.folded(), calibrated.images(), calibrated.normalization(), start, few_iterations(20)));
      const BitWidth format{bits, true};
      for (const auto& [id, numbers] : result.numbers.layers) {
        const LayerNumbers& before = start.layers.at(id);
        const Tensor<float>& weight = calibrated.folded().node(id).weight;
        EXPECT_EQ(numbers.weights.scales, before.weights.scales);
        EXPECT_GT(numbers.input.scale, 0);
        const std::int64_t size = weight.size() / weight.extent(0);
        for (std::int64_t i = 0; i < weight.size(); ++i) {
          const int q = numbers.weights.values[i];
          ASSERT_GE(q, rule == WeightRule::kPower3 ? -format.highest() : format.lowest());
          ASSERT_LE(q, format.highest());
          const float scaled = std::clamp(weight[i] / before.weights.scales[static_cast<std::size_t>(i / size)],
                                          static_cast<float>(format.lowest()), static_cast<float>(format.highest()));
          ASSERT_LE(std::fabs(static_cast<float>(q) - scaled), 1.0f + 1e-4f) << i;
        }
      }
    }
}

TEST(Reconstruction, IsTheSameForASeedAndLeavesTheImagesStepAlone) {
  DYAD_NEEDS_TRAINING();
  const CalibratedNetwork calibrated = calibrated_network(kCases[1], 48);
  const NetworkNumbers start = must(calibrated.numbers(uniform_assignment(calibrated.folded(), {4, 4}, true)));
  const auto learned = [&](std::uint64_t seed) {
    ReconstructionOptions options = few_iterations(3);
    options.seed = seed;
    options.threads = 2;
    return must(reconstruct(calibrated.folded(), calibrated.images(), calibrated.normalization(), start, options)).numbers;
  };
  const NetworkNumbers first = learned(1), again = learned(1), other = learned(2);
  bool has_other_bias = false;
  for (const auto& [id, numbers] : first.layers) {
    const LayerNumbers& repeated = again.layers.at(id);
    EXPECT_TRUE(std::equal(numbers.weights.values.values().begin(), numbers.weights.values.values().end(),
                           repeated.weights.values.values().begin()));
    EXPECT_EQ(numbers.bias, repeated.bias);
    EXPECT_EQ(numbers.input, repeated.input);
    has_other_bias = has_other_bias || numbers.bias != other.layers.at(id).bias;
  }
  EXPECT_TRUE(has_other_bias);
  const NodeId stem = calibrated.layers()[0];
  EXPECT_EQ(first.layers.at(stem).input, start.layers.at(stem).input);
  // A learned step never reaches beyond ReLU6, which the integer network does not cut (0.001 for the float32 quotient).
  for (const NodeId layer : calibrated.layers()) {
    const NodeId source = calibrated.folded().inputs(layer)[0];
    const ScaledFormat& input = first.layers.at(layer).input;
    if (calibrated.folded().node(source).kind == OpKind::kRelu6) {
      EXPECT_LE(input.scale * static_cast<float>(input.format.highest()), 6.001f);
    }
  }
}

TEST(Reconstruction, StopsCleanlyWhenCancelled) {
  DYAD_NEEDS_TRAINING();
  const CalibratedNetwork calibrated = calibrated_network(kCases[0], 32);
  const NetworkNumbers start = must(calibrated.numbers(uniform_assignment(calibrated.folded(), {3, 4}, true)));
  ReconstructionOptions options = few_iterations(10);
  std::int64_t seen = 0, total = 0;
  options.progress = [&](const ReconstructionProgress& at) {
    seen = at.step;
    total = at.steps;
  };
  options.cancelled = [&] { return seen >= 25; };
  const Reconstruction result = must(reconstruct(calibrated.folded(), calibrated.images(), calibrated.normalization(), start, options));
  EXPECT_TRUE(result.was_cancelled);
  EXPECT_EQ(result.blocks.size(), 2u);  // the third was being learned
  EXPECT_EQ(total, 10 * static_cast<std::int64_t>(find_blocks(calibrated.folded(), Granularity::kBlock).size()));
  const NodeId last = calibrated.layers().back();
  EXPECT_EQ(result.numbers.layers.at(last).bias, start.layers.at(last).bias);
  EXPECT_TRUE(lower(calibrated.folded(), calibrated.normalization(), result.numbers, calibrated.options()));
}

TEST(Reconstruction, BadInputIsAnError) {
  const CalibratedNetwork calibrated = calibrated_network(kCases[0], 8);
  const NetworkNumbers start = must(calibrated.numbers(uniform_assignment(calibrated.folded(), {4, 4}, true)));
  const auto error_of = [&](const Dataset& images, const network::Normalization& normalization, const ReconstructionOptions& options) {
    const auto result = reconstruct(calibrated.folded(), images, normalization, start, options);
    EXPECT_FALSE(result);
    return result ? std::string() : result.error().place + ": " + result.error().message;
  };
  ReconstructionOptions options;
  EXPECT_EQ(error_of(noise(0, 8, 3), centred(3), options), "noise: no images to reconstruct on");
  EXPECT_EQ(error_of(noise(2, 9, 3), centred(3), options), "noise: the images are not (8, 8, 3)");
  EXPECT_EQ(error_of(noise(2, 8, 3), centred(1), options), "normalization: has not one mean and standard deviation for each of 3 channels");
  options.iterations = -1;
  EXPECT_EQ(error_of(noise(2, 8, 3), centred(3), options), "--iterations: must not be negative");
  options = {};
  options.images = -5;
  EXPECT_EQ(error_of(noise(2, 8, 3), centred(3), options), "--reconstruction-images: must not be negative");
  options = {};
  options.warmup = 1;
  EXPECT_EQ(error_of(noise(2, 8, 3), centred(3), options), "warmup: must be in [0, 1)");
  if (!DYAD_HAS_TRAINING) {
    EXPECT_NE(error_of(noise(2, 8, 3), centred(3), {}).find("this build has no training module"), std::string::npos);
  }
}

}  // namespace
}  // namespace dyad::training
