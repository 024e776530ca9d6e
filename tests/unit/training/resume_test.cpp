// A run that was killed and resumed gives the same bytes as one that was not.
#include "dyad/base/files.hpp"
#include "support.hpp"
#include "support/test_data.hpp"

namespace dyad::training {
namespace {
using namespace testing_support;
using dyad::testing_support::TemporaryFolder;

const network::Normalization kNormalization{{0.4f}, {0.3f}};

network::Network small_network() {
  Random random(17);
  const Window window{.kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  network::Network net;
  net.name = "small";
  network::NodeId x = add_input(net, {8, 8, 1});
  x = add_batch_norm(net, "bn1", add_conv(net, "conv1", x, 1, 8, window, random, 1, false), 8, random);
  x = add_simple(net, "relu1", network::OpKind::kRelu, {x});
  x = add_simple(net, "pool", network::OpKind::kGlobalAveragePool, {x});
  finish(net, add_linear(net, "fc", x, 8, 4, random));
  return net;
}

TrainOptions options_in(const TemporaryFolder& folder) {
  TrainOptions options;
  options.epochs = 5;
  options.batch = 16;
  options.threads = 2;
  options.checkpoint = folder / "checkpoint.safetensors";
  options.out = folder / "out.safetensors";
  return options;
}

void expect_same_log(const TrainingResult& a, const TrainingResult& b) {
  ASSERT_EQ(a.epochs.size(), b.epochs.size());
  for (std::size_t i = 0; i < a.epochs.size(); ++i) {
    EXPECT_EQ(a.epochs[i].epoch, b.epochs[i].epoch);
    EXPECT_EQ(a.epochs[i].loss, b.epochs[i].loss);
    EXPECT_EQ(a.epochs[i].top1, b.epochs[i].top1);
    EXPECT_EQ(a.epochs[i].top1_train, b.epochs[i].top1_train);
    EXPECT_EQ(a.epochs[i].learning_rate, b.epochs[i].learning_rate);
  }
}

TEST(Resume, GivesTheBytesOfAnUninterruptedRun) {
  DYAD_NEEDS_TRAINING();
  const network::Network net = small_network();
  const network::Dataset images = random_images(83, {8, 8, 1}, 4, 1), test = random_images(40, {8, 8, 1}, 4, 2);
  const TemporaryFolder whole_folder, cut_folder;
  const auto whole = train(net, images, test, kNormalization, options_in(whole_folder));
  ASSERT_TRUE(whole) << whole.error().message;

  // Stopped in the middle of epochs 2 and 4 (6 steps an epoch: 5 batches of 16 and one of 3).
  TrainOptions options = options_in(cut_folder);
  for (const int last_step : {9, 13}) {
    int polls = 0;
    options.cancelled = [&] { return ++polls > last_step; };
    const auto part = train(net, images, test, kNormalization, options);
    ASSERT_TRUE(part) << part.error().message;
    EXPECT_TRUE(part->was_cancelled);
    options.resume = true;
  }
  options.cancelled = {};
  const auto resumed = train(net, images, test, kNormalization, options);
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->resumed_after, 3);  // epoch 1, then 2 and 3
  EXPECT_EQ(resumed->weights.tensors, whole->weights.tensors);
  expect_same_log(*resumed, *whole);
  EXPECT_EQ(*read_bytes(options.out), *read_bytes(whole_folder / "out.safetensors"));
  // The states themselves, momentum included, are equal too.
  EXPECT_EQ(network::read_safetensors(options.checkpoint)->tensors,
            network::read_safetensors(whole_folder / "checkpoint.safetensors")->tensors);

  // Resuming a finished run does no step and gives its result again.
  options.progress = [](const TrainingProgress&) { ADD_FAILURE() << "a finished run was trained further"; };
  const auto again = train(net, images, test, kNormalization, options);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->weights.tensors, whole->weights.tensors);
}

TEST(Resume, RefusesAnotherRunAndADamagedFile) {
  DYAD_NEEDS_TRAINING();
  const network::Network net = small_network();
  const network::Dataset images = random_images(32, {8, 8, 1}, 4, 1), test = random_images(8, {8, 8, 1}, 4, 2);
  const TemporaryFolder folder;
  TrainOptions options = options_in(folder);
  options.epochs = 1;
  ASSERT_TRUE(train(net, images, test, kNormalization, options));
  options.resume = true;
  options.learning_rate = 0.05;
  const auto other_rate = train(net, images, test, kNormalization, options);
  ASSERT_FALSE(other_rate);
  EXPECT_NE(other_rate.error().place.find("checkpoint.safetensors:/__metadata__/run"), std::string::npos) << other_rate.error().place;

  options.learning_rate = options_in(folder).learning_rate;
  network::Dataset other_images = images;
  other_images.images[5] ^= 1;
  EXPECT_FALSE(train(net, other_images, test, kNormalization, options));
  EXPECT_TRUE(train(net, images, test, kNormalization, options));

  auto bytes = *read_bytes(options.checkpoint);
  bytes.resize(bytes.size() / 2);
  ASSERT_TRUE(write_bytes(options.checkpoint, bytes));
  EXPECT_FALSE(train(net, images, test, kNormalization, options));
  ASSERT_TRUE(network::write_safetensors(options.checkpoint, {}));
  const auto no_checkpoint = train(net, images, test, kNormalization, options);
  ASSERT_FALSE(no_checkpoint);
  EXPECT_NE(no_checkpoint.error().message.find("is no checkpoint"), std::string::npos);
}

}  // namespace
}  // namespace dyad::training
