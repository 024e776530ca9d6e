// Layers of levels: the file, the overflow proof, post-training quantization to level sets, and what each refuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <tuple>

#include "dyad/base/files.hpp"
#include "dyad/base/json.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/safetensors.hpp"
#include "dyad/quantizer/post_training.hpp"
#include "support/small_networks.hpp"
#include "support/test_data.hpp"

namespace dyad::quantizer {
namespace {

using testing_support::TemporaryFolder;

PostTrainingOptions with_levels(LevelScheme weights, LevelScheme activations) {
  PostTrainingOptions options;
  options.weight_levels = weights;
  options.activation_levels = activations;
  return options;
}

CalibratedNetwork calibrated(const Case& c, const PostTrainingOptions& options) {
  return must(CalibratedNetwork::calibrate(c.make(), noise(64, c.size, c.channels), centred(c.channels), options));
}

IntegerNetwork apot_network() {
  const auto network = calibrated({"residual", residual_network, 8, 3}, with_levels(LevelScheme::kApot, LevelScheme::kApot));
  return must(network.quantize(uniform_assignment(network.folded(), {4, 4}, false)));
}

TEST(Levels, IntegersFollowTheFloatTwinOnEveryGraph) {
  for (const Case& c : kCases)
    for (const LevelScheme scheme : {LevelScheme::kApot, LevelScheme::kPot}) {
      const auto network = calibrated(c, with_levels(scheme, LevelScheme::kApot));
      const Dataset fresh = noise(32, c.size, c.channels, 99);
      for (const LayerBits bits : {LayerBits{4, 6}, LayerBits{4, 4}, LayerBits{2, 3}}) {
        const BitAssignment assignment = uniform_assignment(network.folded(), bits, false);
        const IntegerNetwork net = must(network.quantize(assignment));
        const Tensor<float> scalar = integer_logits(net, fresh), twin = must(evaluate_quantized(network, assignment, fresh));
        // As in lowering_test.cpp: carriers of 16 bits and float sums move values across thresholds; steps are coarse.
        EXPECT_LT(logits_error(twin, scalar).mse / variance(twin), bits.activation == 6 ? 2e-3 : 1.5e-2)
            << c.name << " " << to_string(scheme) << " W" << bits.weight << "A" << bits.activation;
        EXPECT_EQ(scalar, integer_logits(net, fresh, "cpu")) << c.name;
      }
    }
}

TEST(Levels, WeightsAndActivationsAreLevels) {
  const IntegerNetwork net = apot_network();
  const auto magnitudes = level_magnitudes({LevelScheme::kApot, 3});
  int weighted = 0, decided = 0;
  for (const IntegerLayer& layer : net.layers) {
    if (!layer.output_levels.is_uniform()) {
      ++decided;
      EXPECT_EQ(layer.output_levels, (LevelSet{LevelScheme::kApot, 4}));
      EXPECT_EQ(layer.output, (BitWidth{6, false}));
      for (const Requantization& r : layer.requantizations) EXPECT_EQ(r.rounding, Rounding::kFloor);
    }
    if (layer.weight_levels.is_uniform()) continue;
    ++weighted;
    EXPECT_EQ(layer.weight_bits.bits, 4);
    for (const std::int8_t w : layer.weights.values())
      EXPECT_TRUE(std::binary_search(magnitudes.begin(), magnitudes.end(), std::abs(static_cast<int>(w)))) << layer.name;
  }
  EXPECT_EQ(weighted, 7);  // all but the stem and the classifier
  EXPECT_GT(decided, 3);
}

TEST(Levels, SignedActivationsHaveSignedLevels) {
  const auto network = calibrated({"mobile", mobile_network, 8, 3}, with_levels(LevelScheme::kApot, LevelScheme::kApot));
  const IntegerNetwork net = must(network.quantize(uniform_assignment(network.folded(), {5, 5}, false)));
  int is_signed = 0;
  for (const IntegerLayer& layer : net.layers)
    if (!layer.output_levels.is_uniform() && layer.output.is_signed) {
      ++is_signed;
      EXPECT_EQ(layer.output_levels.magnitude_bits, 4);  // the sign takes one of five bits
      EXPECT_EQ(layer.output, (BitWidth{7, true}));      // 48
    }
  EXPECT_GT(is_signed, 0);
}

// The chosen step against all 101 candidates, each level found by comparing distances.
TEST(Levels, WeightStepsMinimizeTheError) {
  PostTrainingOptions options = with_levels(LevelScheme::kApot, LevelScheme::kUniform);
  options.weights = WeightRule::kMse;
  const auto network = calibrated({"residual", residual_network, 8, 3}, options);
  const NodeId layer = network.layers()[1];
  const Tensor<float>& w = network.folded().node(layer).weight;
  for (const int bits : {2, 3, 4, 5, 6}) {
    const QuantizedWeights q = network.quantize_weights(layer, bits);
    const auto magnitudes = level_magnitudes({LevelScheme::kApot, bits - 1});
    const std::int64_t size = w.size() / w.extent(0);
    for (std::int64_t k = 0; k < w.extent(0); ++k) {
      const std::span<const float> values = w.values().subspan(static_cast<std::size_t>(k * size), static_cast<std::size_t>(size));
      const auto error = [&](double step) {
        double sum = 0;
        for (const float v : values) {
          double least = INFINITY;
          for (const std::int32_t m : magnitudes) least = std::min(least, std::fabs(std::fabs(static_cast<double>(v)) - m * step));
          sum += least * least;
        }
        return sum;
      };
      double most = 0, best = INFINITY, mine = 0;
      for (const float v : values) most = std::max(most, std::fabs(static_cast<double>(v)));
      for (int percent = 20; percent <= 120; ++percent) best = std::min(best, error(most / magnitudes.back() * percent / 100));
      const double step = q.scales[static_cast<std::size_t>(k)];
      for (std::int64_t i = 0; i < size; ++i) {
        const double d = static_cast<double>(values[static_cast<std::size_t>(i)]) - q.values[k * size + i] * step;
        mine += d * d;
      }
      EXPECT_NEAR(mine, best, 1e-5 * best) << bits << " bits, channel " << k;
    }
  }
}

TEST(Levels, BitsWithoutASetAreAnErrorNamingTheLayer) {
  const auto apot = calibrated({"residual", residual_network, 8, 3}, with_levels(LevelScheme::kApot, LevelScheme::kApot));
  const auto pot = calibrated({"residual", residual_network, 8, 3}, with_levels(LevelScheme::kPot, LevelScheme::kUniform));
  for (const auto& [network, bits] : {std::pair{&apot, LayerBits{7, 4}}, {&apot, LayerBits{4, 7}}, {&pot, LayerBits{5, 4}}}) {
    const auto net = network->quantize(uniform_assignment(network->folded(), bits, false));
    ASSERT_FALSE(net) << bits.weight << " " << bits.activation;
    EXPECT_NE(net.error().message.find("conv"), std::string::npos) << net.error().message;
  }
  EXPECT_TRUE(apot.quantize(uniform_assignment(apot.folded(), {6, 6}, false)));
  EXPECT_TRUE(pot.quantize(uniform_assignment(pot.folded(), {4, 7}, false)));  // uniform activations
}

TEST(Levels, ResNet20KeepsItsAccuracyAfterTraining) {
  DYAD_NEEDS_DATA("cifar10/resnet20.onnx");
  const auto folder = *testing_support::data_folder() / "cifar10";
  const Network float_network = must(network::import_onnx(folder / "resnet20.onnx"));
  const Dataset train = must(network::load_dataset(folder.string(), network::Split::kTrain));
  const Dataset test = must(network::load_dataset(folder.string(), network::Split::kTest));
  std::vector<std::int64_t> some;
  for (std::int64_t i = 0; i < train.size() && some.size() < 256; i += train.size() / 256) some.push_back(i);
  double best = 0;
  for (const auto& [scheme, activations, bits, goal] : {std::tuple{LevelScheme::kApot, LevelScheme::kApot, LayerBits{5, 5}, 91.0},
                                                        {LevelScheme::kApot, LevelScheme::kApot, LayerBits{4, 4}, 90.3}}) {
    const auto network = must(CalibratedNetwork::calibrate(
        float_network, train.subset(some), network::default_normalization(float_network, 3), with_levels(scheme, activations)));
    const IntegerNetwork net = must(network.quantize(uniform_assignment(network.folded(), bits, false)));
    const double top1 = top1_percent(integer_logits(net, test, "cpu"), test.labels);
    RecordProperty(std::string(to_string(scheme)) + std::to_string(bits.weight), std::to_string(top1));
    EXPECT_GE(top1, goal) << to_string(scheme) << " W" << bits.weight << "A" << bits.activation;
    best = std::max(best, top1);
  }
  EXPECT_LE(best, 92.5);  // the float network has 91.73
}

TEST(LevelsFile, RoundTripIsExact) {
  const TemporaryFolder folder;
  const IntegerNetwork net = apot_network();
  ASSERT_TRUE(save(net, folder / "a.dyad"));
  const IntegerNetwork loaded = must(load_integer_network(folder / "a.dyad"));
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    EXPECT_EQ(loaded.layers[i].input_levels, net.layers[i].input_levels);
    EXPECT_EQ(loaded.layers[i].output_levels, net.layers[i].output_levels);
    EXPECT_EQ(loaded.layers[i].weight_levels, net.layers[i].weight_levels);
  }
  ASSERT_TRUE(save(loaded, folder / "b.dyad"));
  EXPECT_EQ(*read_bytes(folder / "a.dyad"), *read_bytes(folder / "b.dyad"));
  const Dataset images = noise(9, 8, 3, 3);
  EXPECT_EQ(integer_logits(net, images), integer_logits(loaded, images));
}

TEST(LevelsFile, TheFirstMajorVersionIsRead) {
  const TemporaryFolder folder;
  const auto network = calibrated({"residual", residual_network, 8, 3}, {});
  const IntegerNetwork net = must(network.quantize(uniform_assignment(network.folded(), {4, 4}, false)));
  ASSERT_TRUE(save(net, folder / "a.dyad"));
  auto file = must(network::read_raw_safetensors(folder / "a.dyad"));
  Json json = Json::parse(file.metadata.at("dyad"));
  EXPECT_EQ(json["schema"], "dyad.integer_network/2");
  json["schema"] = "dyad.integer_network/1";
  file.metadata["dyad"] = json.dump();
  ASSERT_TRUE(network::write_raw_safetensors(folder / "old.dyad", file));
  const Dataset images = noise(9, 8, 3, 3);
  EXPECT_EQ(integer_logits(net, images), integer_logits(must(load_integer_network(folder / "old.dyad")), images));
}

TEST(LevelsFile, EveryMalformationIsAnErrorAtItsPlace) {
  const TemporaryFolder folder;
  const IntegerNetwork net = apot_network();
  ASSERT_TRUE(save(net, folder / "good.dyad"));
  const auto good = must(network::read_raw_safetensors(folder / "good.dyad"));
  // A convolution of levels that reads and writes levels.
  const auto found = std::find_if(net.layers.begin(), net.layers.end(), [](const IntegerLayer& l) {
    return l.op == IntegerOp::kConv && !l.weight_levels.is_uniform() && !l.output_levels.is_uniform();
  });
  ASSERT_NE(found, net.layers.end());
  const auto at = static_cast<std::size_t>(found - net.layers.begin());
  const std::string index = std::to_string(at), place = "/layers/" + index;
  struct Malformation {
    const char* what;
    std::function<void(Json&, network::RawSafetensors&)> damage;
    std::string place;
  };
  const Malformation cases[] = {
      {"levels in the first version", [](Json& j, auto&) { j["schema"] = "dyad.integer_network/1"; }, "levels"},
      {"unknown scheme", [&](Json& j, auto&) { j["layers"][at]["weight_levels"]["scheme"] = "log"; }, place + "/weight_levels"},
      {"unknown key", [&](Json& j, auto&) { j["layers"][at]["weight_levels"]["alpha"] = 1; }, place + "/weight_levels"},
      {"7 magnitude bits", [&](Json& j, auto&) { j["layers"][at]["weight_levels"]["magnitude_bits"] = 7; }, place + "/weight_levels"},
      {"6 magnitude bits of weights",
       [&](Json& j, auto&) {
         j["layers"][at]["weight_levels"]["magnitude_bits"] = 6;
         j["layers"][at]["weight_bits"] = 7;
       },
       place + "/weight_levels"},
      {"weight bits of another set", [&](Json& j, auto&) { j["layers"][at]["weight_bits"] = 5; }, place + "/weight_bits"},
      {"a weight between levels", [&](Json&, auto& f) { f.tensors[index + ".weights"].bytes[0] = 5; }, place + "/weights"},
      {"inputs said to be uniform", [&](Json& j, auto&) { j["layers"][at].erase("input_levels"); }, place + "/input_levels/0"},
      {"two sets for one input",
       [&](Json& j, auto&) {
         j["layers"][at]["input_levels"].push_back({{"scheme", "uniform"}});
       },
       place + "/input_levels"},
      {"rounding of a decision", [&](Json& j, auto&) { j["layers"][at]["requantizations"][0]["rounding"] = "half_up"; },
       place + "/requantizations/0"},
      {"zero point of a decision", [&](Json& j, auto&) { j["layers"][at]["requantizations"][0]["zero_point"] = 1; },
       place + "/requantizations/0"},
      {"padding that is no level", [&](Json& j, auto&) { j["layers"][at]["input_zero_point"] = 5; }, place + "/input_zero_point"},
      {"output of powers of two", [&](Json& j, auto&) { j["layers"][at]["output_levels"]["scheme"] = "pot"; }, place + "/output_levels"},
      {"output format of another set", [&](Json& j, auto&) { j["layers"][at]["output"]["bits"] = 7; }, place + "/output"},
      {"bits of the assignment", [&](Json& j, auto&) { j["assignment"][net.layers[at].name]["a"] = 6; }, "assignment"},
  };
  for (const Malformation& m : cases) {
    network::RawSafetensors file = good;
    Json json = Json::parse(file.metadata.at("dyad"));
    m.damage(json, file);
    file.metadata["dyad"] = json.dump();
    ASSERT_TRUE(network::write_raw_safetensors(folder / "bad.dyad", file)) << m.what;
    const auto loaded = load_integer_network(folder / "bad.dyad");
    ASSERT_FALSE(loaded) << m.what;
    EXPECT_NE(loaded.error().place.find(m.place), std::string::npos)
        << m.what << ": " << loaded.error().place << " " << loaded.error().message;
    EXPECT_FALSE(loaded.error().hint.empty()) << m.what;
  }
}

// 1,000,000 taps of weight 48 on inputs up to 48 (6 bits): 2.3e9 at the levels' bound, 3.0e9 at the format's; 900,000 fit only by levels.
TEST(LevelsOverflow, TheBoundIsThatOfTheLevels) {
  for (const auto& [taps, fits] : {std::pair<std::int64_t, bool>{900000, true}, {1000000, false}}) {
    IntegerLayer layer;
    layer.name = "fc";
    layer.shape.in_channels = taps;
    layer.shape.out_channels = 1;
    layer.weight_levels = {LevelScheme::kApot, 4};
    layer.weight_bits = {5, true};
    layer.inputs = {BitWidth{6, false}};
    layer.input_levels = {{LevelScheme::kApot, 4}};
    layer.weights = Tensor<std::int8_t>({1, 1, 1, taps});
    for (std::int8_t& w : layer.weights.values()) w = 48;
    const AccumulatorBounds bounds = accumulator_bounds(layer).at(0);
    EXPECT_EQ(bounds.highest, taps * 48 * 48);
    EXPECT_EQ(bounds.lowest, 0);
    EXPECT_EQ(bounds.highest <= INT32_MAX, fits);
    EXPECT_GT(taps * 48 * 63, INT32_MAX);
    layer.inputs = {BitWidth{7, true}};
    EXPECT_EQ(accumulator_bounds(layer).at(0).lowest, -taps * 48 * 48);
  }
}

}  // namespace
}  // namespace dyad::quantizer
