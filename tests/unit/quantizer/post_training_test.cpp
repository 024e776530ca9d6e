// Calibration, weight rules and probes against slow references, and ResNet-20 on real images.
#include "dyad/quantizer/post_training.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "dyad/base/files.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/network/float_executor.hpp"
#include "dyad/network/import.hpp"
#include "support/small_networks.hpp"
#include "support/test_data.hpp"

namespace dyad::quantizer {
namespace {

TEST(Calibration, BytesDoNotDependOnTheNumberOfThreads) {
  const testing_support::TemporaryFolder folder;
  std::vector<std::uint8_t> bytes[2];
  std::vector<LogitsError> errors[2];
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), noise(70, 8, 3), centred(3), {}));
    const auto index = static_cast<std::size_t>(threads / 3);
    ASSERT_TRUE(save(must(calibrated.quantize(uniform_assignment(calibrated.folded(), {4, 5}, false))), folder / "n.dyad"));
    bytes[index] = must(read_bytes(folder / "n.dyad"));
    const std::vector<LayerProbe> probes{{calibrated.layers()[1], 3, {}}, {calibrated.layers()[2], {}, 3}};
    errors[index] = must(probe_errors(calibrated, noise(40, 8, 3, 4), probes));
  }
  set_thread_count(0);
  EXPECT_EQ(bytes[0], bytes[1]);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(errors[0][i].mse, errors[1][i].mse);
    EXPECT_EQ(errors[0][i].kl, errors[1][i].kl);
  }
}

TEST(Calibration, BiasCorrectionMatchesTheMeansOfTheLogits) {
  const Dataset calibration = noise(50, 8, 3);
  double steps[2] = {0, 0};  // largest difference of a class's mean, in steps of its accumulator
  for (const bool corrected : {false, true}) {
    PostTrainingOptions options;
    options.bias_correction = corrected;
    const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), calibration, centred(3), options));
    const Tensor<float> reference = evaluate_float(calibrated, calibration);
    const BitAssignment assignment = uniform_assignment(calibrated.folded(), {3, 3}, false);
    const Tensor<float> quantized = must(evaluate_quantized(calibrated, assignment, calibration));
    const NodeId fc = calibrated.layers().back();
    for (std::int64_t c = 0; c < 5; ++c) {
      double difference = 0;
      for (std::int64_t i = 0; i < 50; ++i) difference += quantized[i * 5 + c] - reference[i * 5 + c];
      const double step = calibrated.quantize_weights(fc, 8).scales[static_cast<std::size_t>(c)] * calibrated.input_scale(fc, 8);
      steps[corrected] = std::max(steps[corrected], std::fabs(difference / 50) / step);
    }
  }
  EXPECT_LT(steps[1], 0.51);  // the bias is a whole number of steps
  EXPECT_GT(steps[0], 5);
}

TEST(Calibration, BadInputIsAnError) {
  const Network net = residual_network();
  EXPECT_FALSE(CalibratedNetwork::calibrate(net, noise(0, 8, 3), centred(3), {}));
  EXPECT_FALSE(CalibratedNetwork::calibrate(net, noise(2, 9, 3), centred(3), {}));
  EXPECT_FALSE(CalibratedNetwork::calibrate(net, noise(2, 8, 3), centred(1), {}));
  PostTrainingOptions options;
  options.activations = "magic";
  EXPECT_FALSE(CalibratedNetwork::calibrate(net, noise(2, 8, 3), centred(3), options));
  options = {};
  options.residual_bits = 17;
  EXPECT_FALSE(CalibratedNetwork::calibrate(net, noise(2, 8, 3), centred(3), options));
  Network broken = net;
  broken.node(*broken.find("conv3")).weight[0] = std::numeric_limits<float>::infinity();
  const auto infinite = CalibratedNetwork::calibrate(broken, noise(2, 8, 3), centred(3), {});
  ASSERT_FALSE(infinite);
  EXPECT_NE(infinite.error().place.find("conv3"), std::string::npos);
  EXPECT_FALSE(CalibratedNetwork::calibrate(must(network::make_topology("resnet20", {})), noise(2, 32, 3), centred(3), {}));  // no weights

  const auto calibrated = must(CalibratedNetwork::calibrate(net, noise(4, 8, 3), centred(3), {}));
  const BitAssignment good = uniform_assignment(calibrated.folded(), {4, 4}, false);
  for (const auto& [bits, what] : {std::pair(LayerBits{9, 4}, "9"), {LayerBits{4, 1}, "1"}, {LayerBits{0, 4}, "0"}}) {
    BitAssignment bad = good;
    bad["conv3"] = bits;
    const auto result = calibrated.quantize(bad);
    ASSERT_FALSE(result) << what;
    EXPECT_NE(result.error().message.find("conv3"), std::string::npos);
  }
  BitAssignment missing = good, extra = good;
  missing.erase("conv3");
  extra["ghost"] = {4, 4};
  EXPECT_FALSE(calibrated.quantize(missing));
  EXPECT_FALSE(calibrated.quantize(extra));
}

TEST(WeightRules, FindTheBestOfTheirCandidates) {
  Builder b(4, 2);
  const NodeId conv = b.conv(0, 5, 3);
  b.linear(b.op(OpKind::kGlobalAveragePool, {conv}), 2, 5);
  const Network net = b.finish();
  const Tensor<float>& weight = net.node(conv).weight;
  const std::int64_t size = weight.size() / 5;
  for (const auto& [rule, power] : {std::pair(WeightRule::kMse, 2), {WeightRule::kPower3, 3}, {WeightRule::kMinMax, 0}}) {
    PostTrainingOptions options;
    options.weights = rule;
    const auto calibrated = must(CalibratedNetwork::calibrate(net, noise(4, 4, 2), centred(2), options));
    for (int bits = 2; bits <= 8; ++bits) {
      const QuantizedWeights q = calibrated.quantize_weights(calibrated.layers()[0], bits);
      const double highest = (1 << (bits - 1)) - 1, lowest = rule == WeightRule::kMse ? -highest - 1 : -highest;
      for (std::int64_t c = 0; c < 5; ++c) {
        double widest = 0;
        for (std::int64_t i = 0; i < size; ++i) widest = std::max(widest, std::fabs(static_cast<double>(weight[c * size + i])));
        const double scale = q.scales[static_cast<std::size_t>(c)];
        for (std::int64_t i = 0; i < size; ++i) {
          const double expected = std::clamp(std::nearbyint(weight[c * size + i] / scale), lowest, highest);
          ASSERT_NEAR(q.values[c * size + i], expected, 1) << "a value on a tie may go either way";
          ASSERT_GE(q.values[c * size + i], lowest);
        }
        if (power == 0) {
          EXPECT_NEAR(scale, widest / highest, widest * 1e-6);
          continue;
        }
        const auto error = [&](double step) {
          double sum = 0;
          for (std::int64_t i = 0; i < size; ++i) {
            const double x = weight[c * size + i];
            sum += std::pow(std::fabs(x - std::clamp(std::nearbyint(x / step), lowest, highest) * step), power);
          }
          return sum;
        };
        double best = std::numeric_limits<double>::infinity();
        for (int percent = 20; percent <= 120; ++percent) best = std::min(best, error(widest / highest * percent / 100));
        EXPECT_LE(error(scale), best * 1.0001) << "bits " << bits << " channel " << c;
      }
    }
  }
}

TEST(Probes, EqualTheDirectComputation) {
  const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), noise(32, 8, 3), centred(3), {}));
  const Dataset fresh = noise(21, 8, 3, 8);  // not a multiple of the batch
  std::vector<LayerProbe> probes;
  for (const NodeId layer : calibrated.layers()) {
    probes.push_back({layer, 3, {}});
    probes.push_back({layer, {}, 3});
    probes.push_back({layer, 4, 5});
    probes.push_back({layer, {}, {}});
  }
  const auto errors = must(probe_errors(calibrated, fresh, probes));
  const Tensor<float> images = fresh.normalized(0, 21, calibrated.normalization());
  const Tensor<float> reference = network::evaluate(calibrated.folded(), images);
  for (std::size_t p = 0; p < probes.size(); ++p) {
    // The whole network again, with the one layer's weights replaced and its input rounded value by value.
    const LayerProbe& probe = probes[p];
    std::vector<Tensor<float>> values(calibrated.folded().size());
    for (const NodeId id : calibrated.folded().execution_order()) {
      const Node& node = calibrated.folded().node(id);
      if (node.kind == OpKind::kInput) {
        values[id] = images;
        continue;
      }
      std::vector<const Tensor<float>*> inputs;
      for (const NodeId input : calibrated.folded().inputs(id)) inputs.push_back(&values[input]);
      if (id != probe.layer) {
        values[id] = network::evaluate_node(calibrated.folded(), id, inputs);
        continue;
      }
      Tensor<float> input = *inputs[0], weight = node.weight;
      if (probe.input_bits) {
        const BitWidth format = calibrated.input_format(id, *probe.input_bits);
        const float scale = calibrated.input_scale(id, *probe.input_bits), reciprocal = 1.0f / scale;
        for (float& v : input.values())
          v = std::clamp(std::nearbyint(v * reciprocal), static_cast<float>(format.lowest()), static_cast<float>(format.highest())) * scale;
      }
      if (probe.weight_bits) {
        const QuantizedWeights q = calibrated.quantize_weights(id, *probe.weight_bits);
        for (std::int64_t i = 0; i < weight.size(); ++i)
          weight[i] = static_cast<float>(q.values[i]) * q.scales[static_cast<std::size_t>(i / (weight.size() / weight.extent(0)))];
      }
      values[id] = network::evaluate_weighted(calibrated.folded(), id, input, weight, node.bias);
    }
    const LogitsError direct = logits_error(reference, std::move(values[calibrated.folded().output()]).reshaped(reference.shape()));
    EXPECT_NEAR(errors[p].mse, direct.mse, 1e-9 + 1e-6 * direct.mse) << p;
    EXPECT_NEAR(errors[p].kl, direct.kl, 1e-9 + 1e-6 * direct.kl) << p;
    if (!probe.weight_bits && !probe.input_bits) {
      EXPECT_EQ(errors[p].mse, 0);
    } else {
      EXPECT_GT(errors[p].mse, 0);
    }
  }
}

TEST(LogitsErrors, ByHand) {
  // Squares 1, 0, 4, 1 over two images of two classes; softmax (1/2, 1/2) against logits (1, 0).
  const Tensor<float> a({2, 2}, {0, 0, 1, 1}), b({2, 2}, {1, 0, 3, 2});
  const LogitsError e = logits_error(a, b);
  EXPECT_DOUBLE_EQ(e.mse, 6.0 / 4);
  const double kl = std::log(1 + std::exp(1.0)) - 0.5 - std::log(2.0);  // the same for both images
  EXPECT_NEAR(e.kl, kl, 1e-12);
  EXPECT_EQ(top1_percent(b, std::vector<std::int32_t>{0, 1}), 50);
  EXPECT_EQ(top1_percent(Tensor<float>({1, 3}, {2, 2, 1}), std::vector<std::int32_t>{0}), 100);  // the first among equals
}

// Bars of the real network, 0.8 points below what all 10,000 images give (docs/quantizer/post_training.md): 2,000 images move by that much.
TEST(ResNet20, IntegerAccuracyOnRealImages) {
  DYAD_NEEDS_DATA("cifar10/resnet20.onnx");
  const auto folder = *testing_support::data_folder() / "cifar10";
  const Network net = must(network::load_model((folder / "resnet20.onnx").string(), {}, {}));
  Dataset train = must(network::load_dataset(folder / "train_5k.bin", network::Split::kTrain));
  const Dataset all = must(network::load_dataset(folder / "test_batch.bin", network::Split::kTest));
  Random random(kSeed);
  std::vector<std::int64_t> chosen = random_permutation(train.size(), random);
  chosen.resize(1024);
  std::vector<std::int64_t> first(2000);
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<std::int64_t>(i);
  const Dataset test = all.subset(first);
  const auto calibrated =
      must(CalibratedNetwork::calibrate(net, train.subset(chosen), must(network::normalization_from_name("imagenet", 3)), {}));
  const std::tuple<LayerBits, double> bars[] = {{{8, 8}, 91.0}, {{6, 6}, 90.9}, {{4, 8}, 90.6}, {{4, 4}, 90.1}};
  for (const auto& [bits, bar] : bars) {
    const IntegerNetwork integer = must(calibrated.quantize(uniform_assignment(calibrated.folded(), bits, false)));
    EXPECT_GE(top1_percent(integer_logits(integer, test, "cpu"), test.labels), bar)
        << "W" << bits.weight << "A" << bits.activation << " seed " << kSeed;
  }
}

}  // namespace
}  // namespace dyad::quantizer
