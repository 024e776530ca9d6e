// Training: two steps against the update rule worked out here in double, batch-norm statistics, schedules, and learning.
#include <algorithm>
#include <numbers>

#include "support.hpp"
#include "support/test_data.hpp"

namespace dyad::training {
namespace {
using namespace testing_support;

const network::Normalization kUnit2{{0, 0}, {1, 1}};

/// Softmax regression of two features into two classes.
network::Network linear_network() {
  network::Network net;
  Random random(3);
  finish(net, add_linear(net, "fc", add_input(net, {1, 1, 2}), 2, 2, random));
  return net;
}

TrainOptions plain_options() {
  TrainOptions options;
  options.augment = false;
  options.warmup = 0;
  options.keep_best = false;
  options.threads = 1;
  return options;
}

TEST(Train, FollowsNesterovWithWeightDecay) {
  DYAD_NEEDS_TRAINING();
  const network::Network net = linear_network();
  const network::Dataset data = random_images(6, {1, 1, 2}, 2, 9);
  TrainOptions options = plain_options();
  options.epochs = 3;
  options.batch = 6;  // every image in every step: the order plays no part
  options.learning_rate = 0.5;
  options.momentum = 0.8;
  options.weight_decay = 0.01;
  const auto result = train(net, data, data, kUnit2, options);
  ASSERT_TRUE(result) << result.error().message;

  // Weights w[class][feature], biases b[class]; m = momentum m + g; p -= rate (g + momentum m); decay on w only.
  double w[2][2], b[2], mw[2][2] = {}, mb[2] = {};
  const network::Node& fc = net.node(network::weighted_nodes(net).front());
  for (int k = 0; k < 2; ++k) {
    b[k] = fc.bias[static_cast<std::size_t>(k)];
    for (int c = 0; c < 2; ++c) w[k][c] = fc.weight[k * 2 + c];
  }
  std::vector<double> losses;
  for (int step = 0; step < 3; ++step) {
    double gw[2][2] = {}, gb[2] = {}, loss = 0;
    for (std::int64_t i = 0; i < 6; ++i) {
      const double x[2] = {data.images[2 * i] / 255.0, data.images[2 * i + 1] / 255.0};
      double e[2];
      for (int k = 0; k < 2; ++k) e[k] = std::exp(b[k] + w[k][0] * x[0] + w[k][1] * x[1]);
      const int label = data.labels[static_cast<std::size_t>(i)];
      loss -= std::log(e[label] / (e[0] + e[1])) / 6;
      for (int k = 0; k < 2; ++k) {
        const double slope = (e[k] / (e[0] + e[1]) - (k == label)) / 6;
        gb[k] += slope;
        for (int c = 0; c < 2; ++c) gw[k][c] += slope * x[c];
      }
    }
    losses.push_back(loss);
    const double rate = 0.5 * 0.5 * (1 + std::cos(std::numbers::pi * step / 3));  // half a cosine over 3 steps
    for (int k = 0; k < 2; ++k) {
      mb[k] = 0.8 * mb[k] + gb[k];
      b[k] -= rate * (gb[k] + 0.8 * mb[k]);
      for (int c = 0; c < 2; ++c) {
        gw[k][c] += 0.01 * w[k][c];
        mw[k][c] = 0.8 * mw[k][c] + gw[k][c];
        w[k][c] -= rate * (gw[k][c] + 0.8 * mw[k][c]);
      }
    }
    EXPECT_NEAR(result->epochs[static_cast<std::size_t>(step)].learning_rate, rate, 1e-12);
    EXPECT_NEAR(result->epochs[static_cast<std::size_t>(step)].loss, loss, 1e-6);
  }
  const Tensor<float>& weight = result->weights.tensors.at("fc.weight");
  ASSERT_EQ(weight.shape(), (Shape{2, 2}));
  for (int k = 0; k < 2; ++k) {
    EXPECT_NEAR(result->weights.tensors.at("fc.bias")[k], b[k], 2e-6);
    for (int c = 0; c < 2; ++c) EXPECT_NEAR(weight[k * 2 + c], w[k][c], 2e-6);
  }
}

TEST(Train, UpdatesRunningStatisticsAsPyTorchDoes) {
  DYAD_NEEDS_TRAINING();
  network::Network net;
  Random random(5);
  network::NodeId x = add_batch_norm(net, "bn", add_input(net, {2, 2, 1}), 1, random);
  x = add_simple(net, "pool", network::OpKind::kGlobalAveragePool, {x});
  finish(net, add_linear(net, "fc", x, 1, 2, random));
  const float mean_before = net.node(*net.find("bn")).batch_norm.mean[0],
              variance_before = net.node(*net.find("bn")).batch_norm.variance[0];
  const network::Dataset data = random_images(4, {2, 2, 1}, 2, 6);
  TrainOptions options = plain_options();
  options.epochs = 1;
  options.batch = 4;
  const auto result = train(net, data, data, {{0}, {1}}, options);
  ASSERT_TRUE(result) << result.error().message;
  // One step over 16 values: running = 0.9 running + 0.1 batch, with the unbiased variance (divided by 15).
  double mean = 0, squares = 0;
  for (const std::uint8_t pixel : data.images.values()) mean += pixel / 255.0 / 16;
  for (const std::uint8_t pixel : data.images.values()) squares += (pixel / 255.0 - mean) * (pixel / 255.0 - mean);
  EXPECT_NEAR(result->weights.tensors.at("bn.running_mean")[0], 0.9 * mean_before + 0.1 * mean, 1e-6);
  EXPECT_NEAR(result->weights.tensors.at("bn.running_var")[0], 0.9 * variance_before + 0.1 * squares / 15, 1e-6);
}

TEST(Train, LearnsFromARandomStartAndWritesAModelThatLoads) {
  DYAD_NEEDS_TRAINING();
  const auto net = network::make_topology("resnet8-fmnist", {});
  ASSERT_TRUE(net) << net.error().message;
  const network::Dataset images = random_images(256, {28, 28, 1}, 10, 31), test = random_images(100, {28, 28, 1}, 10, 32);
  const dyad::testing_support::TemporaryFolder folder;
  TrainOptions options;
  options.epochs = 4;
  options.batch = 32;
  options.augment = false;
  options.out = folder / "weights.safetensors";
  options.command = "a test";
  std::int64_t steps = 0;
  options.progress = [&](const TrainingProgress& progress) {
    EXPECT_EQ(progress.steps, 8);
    EXPECT_EQ(progress.step, steps++ % 8 + 1);
    EXPECT_GE(progress.seconds_left, 0);
  };
  const auto result = train(*net, images, test, {{0.286f}, {0.353f}}, options);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(steps, 32);
  EXPECT_GT(result->top1, 60.0) << "ten classes, 10 % by chance";
  double best = 0;
  for (const EpochRecord& epoch : result->epochs) best = std::max(best, epoch.top1);
  EXPECT_EQ(result->top1, best);

  const auto file = network::read_safetensors(options.out);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->tensors, result->weights.tensors);
  EXPECT_EQ(file->metadata.at("topology"), "resnet8-fmnist");
  EXPECT_EQ(file->metadata.at("command"), "a test");
  EXPECT_EQ(file->metadata.at("mean"), "0.286");
  auto loaded = *net;
  const auto status = network::load_weights(loaded, *file, "weights.safetensors");
  ASSERT_TRUE(status) << status.error().message;
  // The loaded network scores what training said.
  const auto logits = forward(loaded, test.normalized(0, test.size(), *loaded.normalization));
  ASSERT_TRUE(logits);
  int correct = 0;
  for (std::int64_t i = 0; i < test.size(); ++i) {
    const auto row = logits->values().subspan(static_cast<std::size_t>(i * 10), 10);
    correct += std::max_element(row.begin(), row.end()) - row.begin() == test.labels[static_cast<std::size_t>(i)];
  }
  EXPECT_EQ(result->top1, correct);
}

TEST(Train, StopsEarlyAndByTheStepSchedule) {
  DYAD_NEEDS_TRAINING();
  const network::Dataset data = random_images(8, {1, 1, 2}, 2, 9);
  TrainOptions options = plain_options();
  options.epochs = 40;
  options.batch = 4;  // 80 steps
  options.learning_rate = 1.0;
  options.schedule = LearningRateSchedule::kStep;
  options.warmup = 0.1;
  options.step_milestones = {0.5, 0.75};
  const auto full = train(linear_network(), data, data, kUnit2, options);
  ASSERT_TRUE(full) << full.error().message;
  ASSERT_EQ(full->epochs.size(), 40u);
  EXPECT_DOUBLE_EQ(full->epochs[0].learning_rate, 2.0 / 8);  // second of 8 warm-up steps
  EXPECT_DOUBLE_EQ(full->epochs[10].learning_rate, 1.0);
  EXPECT_DOUBLE_EQ(full->epochs[20].learning_rate, 0.1);  // steps 40 and 41 of 80
  EXPECT_DOUBLE_EQ(full->epochs[39].learning_rate, 0.01);

  options.early_stop = 3;
  const auto early = train(linear_network(), data, data, kUnit2, options);
  ASSERT_TRUE(early);
  ASSERT_TRUE(early->stopped_early);
  const std::size_t last = early->epochs.size();
  ASSERT_LT(last, 40u);
  const auto best =
      std::max_element(early->epochs.begin(), early->epochs.end(), [](const auto& a, const auto& b) { return a.top1 < b.top1; });
  EXPECT_EQ(best->epoch + 3, static_cast<int>(last));
}

TEST(Train, RefusesBadOptions) {
  const network::Network net = linear_network();
  const network::Dataset data = random_images(8, {1, 1, 2}, 2, 9);
  const auto place_of = [&](const auto& change) {
    TrainOptions options;
    change(options);
    const auto result = train(net, data, data, kUnit2, options);
    return result ? std::string("accepted") : result.error().place;
  };
  EXPECT_EQ(place_of([](TrainOptions& o) { o.epochs = 0; }), "--epochs");
  EXPECT_EQ(place_of([](TrainOptions& o) { o.batch = 1; }), "--batch");
  EXPECT_EQ(place_of([](TrainOptions& o) { o.learning_rate = 0; }), "--lr");
  EXPECT_EQ(place_of([](TrainOptions& o) { o.learning_rate = NAN; }), "--lr");
  EXPECT_EQ(place_of([](TrainOptions& o) { o.warmup = 1; }), "--warmup");
  EXPECT_EQ(place_of([](TrainOptions& o) { o.resume = true; }), "--resume");
}

}  // namespace
}  // namespace dyad::training
