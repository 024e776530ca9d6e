// What the estimates promise beyond their mean: honest standard errors, no dependence on threads, a true stopping rule.
#include "dyad/base/statistics.hpp"
#include "support.hpp"
#include "support/test_data.hpp"

namespace dyad::training {
namespace {
using namespace testing_support;

const network::Normalization kNormalization{{0.5f}, {0.3f}};

network::Network small_network(std::uint64_t seed) {
  Random random(seed);
  const Window window{
      .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  network::Network net;
  network::NodeId x = add_input(net, {7, 7, 1});
  x = add_conv(net, "conv1", x, 1, 5, window, random, 1, false);
  x = add_simple(net, "relu1", network::OpKind::kRelu, {add_batch_norm(net, "bn1", x, 5, random)});
  x = add_conv(net, "conv2", x, 5, 6, window, random, 1, false);
  x = add_simple(net, "relu2", network::OpKind::kRelu, {add_batch_norm(net, "bn2", x, 6, random)});
  x = add_simple(net, "pool", network::OpKind::kGlobalAveragePool, {x});
  finish(net, add_linear(net, "fc", x, 6, 4, random));
  return net;
}

HessianTraces estimate(const network::Network& net, const network::Dataset& data, const HessianOptions& options) {
  auto result = hessian_traces(net, data, kNormalization, options);
  EXPECT_TRUE(result) << result.error().message;
  return *std::move(result);
}

TEST(HessianTraces, StandardErrorMatchesTheSpreadOverSeeds) {
  DYAD_NEEDS_TRAINING();
  const network::Network net = small_network(11);
  const network::Dataset population = random_images(4096, {7, 7, 1}, 4, 12);
  for (const HessianMethod method : {HessianMethod::kGaussNewton, HessianMethod::kHutchinson}) {
    HessianOptions options;
    options.method = method;
    options.draws = method == HessianMethod::kGaussNewton ? 16 : 4;
    const HessianTraces truth = estimate(net, population, options);
    options.max_images = 128;
    options.draws = 2;
    constexpr int kSeeds = 60;
    std::vector<double> squares(truth.layers.size(), 0.0);
    for (int seed = 0; seed < kSeeds; ++seed) {
      options.seed = 1000 + static_cast<std::uint64_t>(seed);
      const HessianTraces sample = estimate(net, population, options);
      EXPECT_EQ(sample.images, 128);
      for (std::size_t i = 0; i < squares.size(); ++i) {
        const double z = (sample.layers[i].trace - truth.layers[i].trace) / sample.layers[i].trace_stderr;
        squares[i] += z * z / kSeeds;
      }
    }
    // Mean of 60 squared scores near 1. Student's t of 16 groups gives 15 / 13; skewed sums add some; the mean's own
    // standard deviation is about sqrt(2 / 60) = 0.18. An error of a factor sqrt(2) in the standard error is caught.
    for (std::size_t i = 0; i < squares.size(); ++i) {
      EXPECT_GT(squares[i], 0.55) << to_string(method) << " " << truth.layers[i].name;
      EXPECT_LT(squares[i], 1.95) << to_string(method) << " " << truth.layers[i].name;
    }
  }
}

TEST(HessianTraces, DoNotDependOnThreads) {
  DYAD_NEEDS_TRAINING();
  const network::Network net = small_network(21);
  const network::Dataset data = random_images(101, {7, 7, 1}, 4, 22);  // a prime: the last group is smaller
  for (const HessianMethod method : {HessianMethod::kGaussNewton, HessianMethod::kHutchinson}) {
    HessianOptions options;
    options.method = method;
    options.threads = 1;
    const HessianTraces one = estimate(net, data, options);
    options.threads = 3;
    const HessianTraces three = estimate(net, data, options);
    options.seed = 2;
    const HessianTraces other = estimate(net, data, options);
    ASSERT_EQ(one.images, 101);
    for (std::size_t i = 0; i < one.layers.size(); ++i) {
      EXPECT_EQ(one.layers[i].trace, three.layers[i].trace);
      EXPECT_EQ(one.layers[i].trace_stderr, three.layers[i].trace_stderr);
      EXPECT_NE(one.layers[i].trace, other.layers[i].trace);
    }
  }
}

TEST(HessianTraces, AreThoseOfTheFoldedNetwork) {
  DYAD_NEEDS_TRAINING();
  const network::Network net = small_network(31);
  const auto folded = network::fold_batch_norms(net);
  ASSERT_TRUE(folded);
  const network::Dataset data = random_images(40, {7, 7, 1}, 4, 32);
  const HessianTraces a = estimate(net, data, {}), b = estimate(*folded, data, {});
  ASSERT_EQ(a.layers.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(a.layers[i].name, std::vector<std::string>({"conv1", "conv2", "fc"})[i]);
    EXPECT_EQ(a.layers[i].trace, b.layers[i].trace);
  }
}

TEST(HessianTraces, StopAtTheTargetAndSayWhetherItWasReached) {
  DYAD_NEEDS_TRAINING();
  const network::Network net = small_network(41);
  const network::Dataset data = random_images(2000, {7, 7, 1}, 4, 42);
  HessianOptions options;
  options.target_relative_stderr = 0.15;
  options.min_images = 128;
  std::int64_t calls = 0, seen = 0;
  options.progress = [&](const HessianProgress& progress) {
    ++calls;
    seen = progress.images;
    EXPECT_EQ(progress.max_images, 2000);
  };
  const HessianTraces enough = estimate(net, data, options);
  EXPECT_TRUE(enough.reached_target);
  EXPECT_LT(enough.images, 2000);
  EXPECT_EQ(seen, enough.images);
  EXPECT_GE(calls, 1);
  for (const LayerTrace& layer : enough.layers) EXPECT_LE(layer.trace_stderr, 0.15 * layer.trace);

  options.progress = {};
  options.target_relative_stderr = 1e-4;
  options.max_images = 300;
  const HessianTraces exhausted = estimate(net, data, options);
  EXPECT_FALSE(exhausted.reached_target);
  EXPECT_EQ(exhausted.images, 300);

  int polls = 0;
  options.cancelled = [&] { return ++polls > 1; };
  options.max_images = 0;
  const HessianTraces stopped = estimate(net, data, options);
  EXPECT_TRUE(stopped.was_cancelled);
  EXPECT_EQ(stopped.images, 128);  // one round of 16 groups of 8
}

TEST(HessianTraces, RefuseWhatHasNone) {
  const network::Network net = small_network(51);
  const network::Dataset data = random_images(16, {7, 7, 1}, 4, 52);
  HessianOptions options;
  options.draws = 0;
  EXPECT_FALSE(hessian_traces(net, data, kNormalization, options));
  const auto wrong_size = hessian_traces(net, random_images(16, {6, 7, 1}, 4, 52), kNormalization, {});
  ASSERT_FALSE(wrong_size);
  EXPECT_NE(wrong_size.error().message.find("(6, 7, 1)"), std::string::npos);
  network::Dataset bad_label = data;
  bad_label.labels[3] = 4;
  const auto outside = hessian_traces(net, bad_label, kNormalization, {});
  ASSERT_FALSE(outside);
  EXPECT_NE(outside.error().message.find("image 3 has label 4"), std::string::npos);
  const auto topology = network::make_topology("resnet20", {});
  ASSERT_TRUE(topology);
  EXPECT_FALSE(hessian_traces(*topology, random_images(16, {32, 32, 3}, 10, 52), {{0, 0, 0}, {1, 1, 1}}, {}));
}

// Rankings of disjoint image sets agree; the requirement is tau >= 0.9 for 1,024 images each. Measured 0.93 to 0.98 over 8 pairs.
TEST(HessianTraces, RankResNet20TheSameOnDisjointImages) {
  DYAD_NEEDS_TRAINING();
  DYAD_NEEDS_DATA("cifar10/resnet20.safetensors");
  const auto folder = dyad::testing_support::data_folder();
  auto net = network::make_topology("resnet20", {});
  ASSERT_TRUE(net);
  const auto weights = network::read_safetensors(*folder / "cifar10/resnet20.safetensors");
  ASSERT_TRUE(weights);
  ASSERT_TRUE(network::load_weights(*net, *weights, "resnet20.safetensors"));
  const auto images = network::load_dataset(*folder / "cifar10/train_5k.bin", network::Split::kTrain);
  ASSERT_TRUE(images);
  Random random(100);
  const std::vector<std::int64_t> order = random_permutation(images->size(), random);
  std::array<std::vector<double>, 2> traces;
  for (std::size_t half = 0; half < 2; ++half) {
    const auto first = order.begin() + static_cast<std::ptrdiff_t>(1024 * half);
    const auto result = hessian_traces(*net, images->subset({first, first + 1024}), *net->normalization, {});
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->layers.size(), 20u);
    for (const LayerTrace& layer : result->layers) {
      traces[half].push_back(layer.trace);
      EXPECT_LT(layer.trace_stderr, 0.4 * layer.trace) << layer.name;
    }
  }
  EXPECT_GE(*kendall_tau(traces[0], traces[1]), 0.9);
  // The list measured independently with PyTorch on 4,096 of these images (standard error 9 %).
  const std::vector<double> published = {25.9, 14.4, 21.8, 32.0,  22.0, 110.7, 22.0, 91.5, 35.0, 80.7,
                                         11.9, 90.4, 6.56, 128.8, 24.1, 215,   7.68, 229,  .310, .482};
  EXPECT_GE(*kendall_tau(traces[0], published), 0.85);
}

}  // namespace
}  // namespace dyad::training
