// An HMQ search on a small network: phases, targets, determinism, resume, cancellation.
#include <algorithm>

#include "dyad/base/files.hpp"
#include "dyad/training/hmq.hpp"
#include "support.hpp"
#include "support/test_data.hpp"

namespace dyad::training {
namespace {
using namespace testing_support;
using dyad::testing_support::TemporaryFolder;

const network::Normalization kNormalization{{0.4f}, {0.3f}};
const std::vector<int> kBits = {8, 6, 4, 2};

class HmqSearch : public testing::Test {
 protected:
  void SetUp() override {
    if (!DYAD_HAS_TRAINING) GTEST_SKIP() << "this build has no training module (LibTorch)";
    Random random(17);
    const Window window{.kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
    net_.name = "small";
    network::NodeId x = add_input(net_, {8, 8, 1});
    x = add_simple(net_, "relu1", network::OpKind::kRelu, {add_conv(net_, "conv1", x, 1, 8, window, random)});
    x = add_simple(net_, "relu2", network::OpKind::kRelu, {add_conv(net_, "conv2", x, 8, 8, window, random)});
    x = add_simple(net_, "pool", network::OpKind::kGlobalAveragePool, {x});
    finish(net_, add_linear(net_, "fc", x, 8, 4, random));
    data_ = random_images(96, {8, 8, 1}, 4, 5);
    layers_ = {{"conv1", {8}, {8}, true, 0.02f, 64},
               {"conv2", kBits, kBits, false, std::nullopt, 512},
               {"fc", kBits, kBits, false, std::nullopt, 8}};
    HmqTarget target{"bops", 0, 0, 100, false, {}};
    const double macs[] = {50, 500, 100};
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      auto& grid = target.cost.emplace_back();
      for (const int w : layers_[l].weight_bits) {
        grid.emplace_back();
        for (const int a : layers_[l].activation_bits) grid.back().push_back(macs[l] * w * a);
      }
      target.at_most_bits += grid[0][0];
    }
    target.at_most_bits += target.fixed;
    target.limit = 0.3 * target.at_most_bits;
    targets_ = {target};
    options_.epochs = 5;
    options_.batch = 16;
    options_.epoch_images = 64;
    options_.threads = 1;
    options_.choose = [](const std::vector<HmqProbabilities>& probabilities) -> Result<BitAssignment> {
      BitAssignment assignment;
      for (const HmqProbabilities& layer : probabilities) {
        const auto best = [](const std::vector<double>& p) {
          return p.size() == 1 ? 8 : kBits[static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin())];
        };
        assignment[layer.name] = {best(layer.weight), best(layer.activation)};
      }
      return assignment;
    };
  }

  HmqResult run() {
    auto result = hmq_search(net_, data_, kNormalization, layers_, targets_, options_);
    EXPECT_TRUE(result) << result.error().place << ": " << result.error().message;
    return std::move(*result);
  }

  network::Network net_;
  network::Dataset data_;
  std::vector<HmqLayer> layers_;
  std::vector<HmqTarget> targets_;
  HmqOptions options_;
};

void expect_same(const HmqResult& a, const HmqResult& b) {
  EXPECT_EQ(a.assignment, b.assignment);
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    EXPECT_EQ(a.layers[l].numbers.weights.values, b.layers[l].numbers.weights.values);
    EXPECT_EQ(a.layers[l].numbers.weights.scales, b.layers[l].numbers.weights.scales);
    EXPECT_EQ(a.layers[l].numbers.bias, b.layers[l].numbers.bias);
    EXPECT_EQ(a.layers[l].numbers.input, b.layers[l].numbers.input);
    EXPECT_EQ(a.probabilities[l].weight, b.probabilities[l].weight);
    EXPECT_EQ(a.probabilities[l].activation, b.probabilities[l].activation);
  }
  ASSERT_EQ(a.epochs.size(), b.epochs.size());
  for (std::size_t i = 0; i < a.epochs.size(); ++i) {
    EXPECT_EQ(a.epochs[i].task_loss, b.epochs[i].task_loss);
    EXPECT_EQ(a.epochs[i].compression, b.epochs[i].compression);
  }
}

TEST_F(HmqSearch, SearchesThenTrainsAtTheChosenBits) {
  const HmqResult result = run();
  ASSERT_EQ(result.epochs.size(), 5u);
  EXPECT_FALSE(result.epochs[2].is_final);
  EXPECT_TRUE(result.epochs[3].is_final);
  EXPECT_EQ(result.epochs[3].compression, result.epochs[2].compression);  // logits stand still
  for (const HmqTrainedLayer& layer : result.layers) {
    const BitWidth format{layer.numbers.bits.weight, true};
    for (const std::int8_t value : layer.numbers.weights.values.values()) {
      EXPECT_GE(value, format.lowest());
      EXPECT_LE(value, format.highest());
    }
    EXPECT_EQ(layer.weight_threshold, std::exp2(std::round(std::log2(layer.weight_threshold))));
    EXPECT_EQ(layer.numbers.input.format.bits, layer.numbers.bits.activation);
  }
  EXPECT_EQ(result.layers[0].numbers.input, (quantizer::ScaledFormat{{8, true}, 0.02f}));
}

TEST_F(HmqSearch, TargetLossDrivesTheExpectedCostBelowTheLimit) {
  options_.start = HmqStart::kPublished;  // 95 % on 8 bits
  options_.logits_rate = 0.5;
  options_.epochs = 12;
  options_.final_fraction = 0.1;
  const HmqResult result = run();
  EXPECT_LT(result.epochs.front().compression[0], 2.0);
  EXPECT_GE(result.epochs[10].compression[0], 0.9 / 0.3);  // the loss is flat where the limit is kept
  options_.gamma = 0;
  EXPECT_LT(run().epochs[10].compression[0], 0.9 / 0.3);  // without it nothing does
}

TEST_F(HmqSearch, BalancedStartKeepsTheLimit) {
  options_.epochs = 2;
  options_.logits_rate = 0;
  EXPECT_NEAR(run().epochs[0].compression[0], 1 / 0.3, 0.01);
}

TEST_F(HmqSearch, RuleFixesActivationsByTensorSize) {
  options_.activations = HmqActivations::kRule;
  const HmqResult result = run();
  EXPECT_EQ(result.assignment.at("conv2").activation, 4);  // the largest searched tensor: 32 / 8
  EXPECT_EQ(result.assignment.at("fc").activation, 8);
}

TEST_F(HmqSearch, IsDeterministicForASeed) {
  const HmqResult first = run();
  expect_same(first, run());
  options_.seed = 2;
  EXPECT_NE(first.epochs[0].task_loss, run().epochs[0].task_loss);
}

TEST_F(HmqSearch, ResumedRunEqualsAnUninterruptedOne) {
  const HmqResult whole = run();
  for (const int stop_in : {2, 3, 4, 5}) {  // within the search phase, before and within the final phase
    const TemporaryFolder folder;
    options_.checkpoint = folder / "checkpoint.safetensors";
    int steps = 0;
    options_.cancelled = [&] { return ++steps > (stop_in - 1) * 4 + 2; };
    const HmqResult stopped = run();
    EXPECT_TRUE(stopped.was_cancelled);
    EXPECT_EQ(stopped.epochs.size(), static_cast<std::size_t>(stop_in - 1));
    EXPECT_TRUE(stopped.layers.empty());
    options_.cancelled = nullptr;
    options_.resume = true;
    const HmqResult resumed = run();
    EXPECT_EQ(resumed.resumed_after, stop_in - 1);
    expect_same(whole, resumed);
    options_.weight_rate *= 2;  // another run
    const auto other = hmq_search(net_, data_, kNormalization, layers_, targets_, options_);
    ASSERT_FALSE(other);
    EXPECT_NE(other.error().message.find("other options"), std::string::npos) << other.error().message;
    options_.weight_rate /= 2;
    options_.resume = false;
    options_.checkpoint.clear();
  }
}

TEST_F(HmqSearch, BudgetLeavesOutEpochsButNeverAPhase) {
  options_.budget_seconds = 1e-9;
  const HmqResult result = run();
  EXPECT_EQ(result.planned_epochs, 2);
  ASSERT_EQ(result.epochs.size(), 2u);
  EXPECT_TRUE(result.epochs[1].is_final);
}

TEST_F(HmqSearch, LearnsFromLabels) {
  options_.teacher = HmqTeacher::kLabels;
  options_.epochs = 24;
  options_.weight_rate = 5e-3;
  options_.augment = false;
  const HmqResult result = run();
  EXPECT_LT(result.epochs.back().task_loss, 0.95 * result.epochs.front().task_loss);
}

TEST_F(HmqSearch, NamesAnOptionThatCannotBe) {
  options_.epochs = 1;
  const auto result = hmq_search(net_, data_, kNormalization, layers_, targets_, options_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().place, "--epochs");
}

}  // namespace
}  // namespace dyad::training
