// Quantization-aware training: the integer forward pass against the scalar backend, the exported network's score, resume, descent.
#include "dyad/training/quantization_aware.hpp"

#include "dyad/base/files.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/import.hpp"
#include "dyad/quantizer/post_training.hpp"
#include "support.hpp"
#include "support/small_networks.hpp"
#include "support/test_data.hpp"

namespace dyad::training {
namespace {
using namespace testing_support;
using dyad::testing_support::TemporaryFolder;
using quantizer::centred;
using quantizer::kCases;
using quantizer::must;
using quantizer::noise;

Tensor<std::int32_t> scalar_logits(const quantizer::IntegerNetwork& net, const Tensor<std::uint8_t>& images, const char* name = "scalar") {
  kernels::register_cpu_backends();
  const auto backend = must(make_integer_backend(name));
  return must(kernels::Executor::create(net, *backend)).run(images);
}

TEST(IntegerForward, EqualsTheScalarBackendOnEveryKindOfGraph) {
  DYAD_NEEDS_TRAINING();
  for (const auto& kind : kCases)
    for (const LayerBits bits : {LayerBits{8, 8}, LayerBits{4, 4}, LayerBits{2, 2}, LayerBits{3, 7}})
      for (const Rounding rounding :
           {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kFloor, Rounding::kGemmlowp, Rounding::kFloat32Scale})
        for (const AverageRounding average : {AverageRounding::kHalfUp, AverageRounding::kHawq}) {
          SCOPED_TRACE(std::string(kind.name) + " W" + std::to_string(bits.weight) + "A" + std::to_string(bits.activation) + " " +
                       std::string(to_string(rounding)) + " " + std::string(to_string(average)));
          const network::Network net = kind.make();
          const network::Dataset data = noise(6, kind.size, kind.channels);
          quantizer::PostTrainingOptions options;
          options.rounding = rounding;
          options.average = average;
          options.bias_correction = false;
          const auto calibrated = must(quantizer::CalibratedNetwork::calibrate(net, data, centred(kind.channels), options));
          const auto integer = must(calibrated.quantize(quantizer::uniform_assignment(calibrated.folded(), bits, true)));
          const network::Dataset images = noise(5, kind.size, kind.channels, 11);
          const auto logits = integer_forward(integer, images.images);
          ASSERT_TRUE(logits) << logits.error().message;
          EXPECT_EQ(*logits, scalar_logits(integer, images.images));
        }
}

TEST(IntegerForward, EqualsTheScalarBackendOnResNet20) {
  DYAD_NEEDS_TRAINING();
  DYAD_NEEDS_DATA("cifar10/resnet20.safetensors");
  const auto folder = *dyad::testing_support::data_folder() / "cifar10";
  auto net = must(network::make_topology("resnet20", {}));
  ASSERT_TRUE(network::load_weights(net, must(network::read_safetensors(folder / "resnet20.safetensors")), "resnet20"));
  const auto images = must(network::load_dataset(folder / "test_batch.bin", network::Split::kTest));
  const network::Dataset few = images.subset({0, 1, 2, 3, 4, 5, 6, 7});
  const auto calibrated = must(quantizer::CalibratedNetwork::calibrate(net, few, *net.normalization, {}));
  for (const LayerBits bits : {LayerBits{8, 8}, LayerBits{4, 4}}) {
    const auto integer = must(calibrated.quantize(quantizer::uniform_assignment(calibrated.folded(), bits, false)));
    const auto logits = integer_forward(integer, few.images);
    ASSERT_TRUE(logits);
    EXPECT_EQ(*logits, scalar_logits(integer, few.images));
  }
}

const network::Normalization kNormalization{{0.4f, 0.5f}, {0.3f, 0.25f}};
constexpr int kClasses = 4;

/// Two residual blocks, the second with a strided 1 x 1 shortcut, batch norms behind every convolution; one gamma is negative, one zero.
network::Network residual_network(std::uint64_t seed) {
  Random random(seed);
  network::Network net;
  net.name = "small";
  const auto conv = [&](const std::string& name, network::NodeId from, std::int64_t in, std::int64_t out, int kernel, int stride) {
    const Window window{.kernel_h = kernel,
                        .kernel_w = kernel,
                        .stride_h = stride,
                        .stride_w = stride,
                        .pad_top = kernel / 2,
                        .pad_left = kernel / 2,
                        .pad_bottom = kernel / 2,
                        .pad_right = kernel / 2};
    return add_batch_norm(net, name + ".bn", add_conv(net, name, from, in, out, window, random, 1, false), out, random);
  };
  const auto relu = [&](const std::string& name, network::NodeId from) { return add_simple(net, name, network::OpKind::kRelu, {from}); };
  const network::NodeId stem = relu("relu0", conv("stem", add_input(net, {8, 8, 2}), 2, 6, 3, 1));
  network::NodeId main = conv("conv2", relu("relu1", conv("conv1", stem, 6, 6, 3, 1)), 6, 6, 3, 1);
  const network::NodeId block = relu("relu2", add_simple(net, "add1", network::OpKind::kAdd, {main, stem}));
  main = conv("conv4", relu("relu3", conv("conv3", block, 6, 8, 3, 2)), 8, 8, 3, 1);
  const network::NodeId shortcut = conv("shortcut", block, 6, 8, 1, 2);
  const network::NodeId last = relu("relu4", add_simple(net, "add2", network::OpKind::kAdd, {main, shortcut}));
  finish(net, add_linear(net, "fc", add_simple(net, "pool", network::OpKind::kGlobalAveragePool, {last}), 8, kClasses, random));
  net.node(*net.find("conv1.bn")).batch_norm.gamma[2] *= -1;
  net.node(*net.find("conv3.bn")).batch_norm.gamma[1] = 0;
  return net;
}

QuantizationAwareOptions options_in(const TemporaryFolder& folder, const network::Network& net, LayerBits bits) {
  QuantizationAwareOptions options;
  options.epochs = 4;
  options.integer_epochs = 2;
  options.batch = 16;
  options.threads = 1;
  options.learning_rate = 0.02;
  options.calibration_images = 32;
  options.bits = quantizer::uniform_assignment(net, bits, false);
  options.checkpoint = folder / "checkpoint.safetensors";
  options.out = folder / "out.safetensors";
  options.integer_out = folder / "net.dyad";
  return options;
}

double top1(const Tensor<std::int32_t>& logits, const std::vector<std::int32_t>& labels) {
  int correct = 0;
  for (std::int64_t i = 0; i < logits.extent(0); ++i) {
    const std::int32_t* row = logits.data() + i * logits.extent(1);
    correct += std::max_element(row, row + logits.extent(1)) - row == labels[static_cast<std::size_t>(i)];
  }
  return 100.0 * correct / static_cast<double>(labels.size());
}

class Schemes : public ::testing::TestWithParam<QuantizationScheme> {};

TEST_P(Schemes, WriteTheIntegerNetworkThatWasScored) {
  DYAD_NEEDS_TRAINING();
  for (const LayerBits bits : {LayerBits{4, 4}, LayerBits{2, 2}, LayerBits{5, 3}}) {
    SCOPED_TRACE("W" + std::to_string(bits.weight) + "A" + std::to_string(bits.activation));
    const TemporaryFolder folder;
    const network::Network net = residual_network(3);
    const network::Dataset images = random_images(160, {8, 8, 2}, kClasses, 1), test = random_images(120, {8, 8, 2}, kClasses, 2);
    QuantizationAwareOptions options = options_in(folder, net, bits);
    options.scheme = GetParam();
    options.keep_best = bits.weight != 2;
    const auto result = train_quantized(net, images, test, kNormalization, options);
    ASSERT_TRUE(result) << result.error().place << ": " << result.error().message;
    ASSERT_EQ(result->training.epochs.size(), 4u);
    const auto loaded = must(quantizer::load_integer_network(options.integer_out));
    const auto logits = scalar_logits(loaded, test.images);
    EXPECT_EQ(top1(logits, test.labels), result->training.top1);
    EXPECT_EQ(scalar_logits(result->network, test.images), logits);
    EXPECT_EQ(scalar_logits(loaded, test.images, "cpu"), logits);
    const auto second = integer_forward(loaded, test.images);
    ASSERT_TRUE(second);
    EXPECT_EQ(*second, logits);
  }
}
INSTANTIATE_TEST_SUITE_P(Training, Schemes,
                         ::testing::Values(QuantizationScheme::kLsq, QuantizationScheme::kHawq, QuantizationScheme::kUniform,
                                           QuantizationScheme::kApot),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

TEST_P(Schemes, LowerTheLossInBothPhases) {
  DYAD_NEEDS_TRAINING();
  const TemporaryFolder folder;
  const network::Network net = residual_network(5);
  const network::Dataset images = random_images(320, {8, 8, 2}, kClasses, 1), test = random_images(200, {8, 8, 2}, kClasses, 2);
  QuantizationAwareOptions options = options_in(folder, net, {4, 4});
  options.scheme = GetParam();
  options.augment = false;
  options.warmup = 0;
  for (const int integer_epochs : {0, 6}) {  // the random network has everything to learn
    SCOPED_TRACE(integer_epochs);
    options.epochs = 6;
    options.integer_epochs = integer_epochs;
    const auto result = train_quantized(net, images, test, kNormalization, options);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_LT(result->training.epochs.back().loss, 0.8 * result->training.epochs.front().loss);
    EXPECT_GT(result->training.top1, 100.0 / kClasses + 15);
  }
}

TEST(QuantizedResume, GivesTheBytesOfAnUninterruptedRun) {
  DYAD_NEEDS_TRAINING();
  const network::Network net = residual_network(7);
  const network::Dataset images = random_images(83, {8, 8, 2}, kClasses, 1), test = random_images(40, {8, 8, 2}, kClasses, 2);
  const TemporaryFolder whole_folder, cut_folder;
  const auto whole = train_quantized(net, images, test, kNormalization, options_in(whole_folder, net, {3, 3}));
  ASSERT_TRUE(whole) << whole.error().message;
  // Stopped in the middle of epochs 2 and 4 (6 steps an epoch): once with live batch norms, once in an integer epoch.
  QuantizationAwareOptions options = options_in(cut_folder, net, {3, 3});
  for (const int last_step : {9, 13}) {
    int polls = 0;
    options.cancelled = [&] { return ++polls > last_step; };
    const auto part = train_quantized(net, images, test, kNormalization, options);
    ASSERT_TRUE(part) << part.error().message;
    EXPECT_TRUE(part->training.was_cancelled);
    options.resume = true;
  }
  options.cancelled = {};
  const auto resumed = train_quantized(net, images, test, kNormalization, options);
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->training.resumed_after, 3);
  for (const char* file : {"out.safetensors", "net.dyad"})
    EXPECT_EQ(*read_bytes(cut_folder / file), *read_bytes(whole_folder / file)) << file;
  EXPECT_EQ(network::read_safetensors(options.checkpoint)->tensors,
            network::read_safetensors(whole_folder / "checkpoint.safetensors")->tensors);
  options.learning_rate *= 2;
  EXPECT_FALSE(train_quantized(net, images, test, kNormalization, options));
}

TEST(QuantizedTraining, LearnsFromATeacher) {
  DYAD_NEEDS_TRAINING();
  const TemporaryFolder folder;
  const network::Network net = residual_network(3);
  const network::Dataset images = random_images(96, {8, 8, 2}, kClasses, 1), test = random_images(40, {8, 8, 2}, kClasses, 2);
  QuantizationAwareOptions options = options_in(folder, net, {8, 8});
  options.learning_rate = 1e-6;
  options.epochs = 1;
  options.integer_epochs = 0;
  options.augment = false;
  options.distillation = Distillation{net, 1.0, 4.0};
  // Against its own float twin in inference mode an 8-bit student with frozen batch norms is almost the teacher; with labels it is not.
  options.integer_epochs = 1;
  const auto soft = train_quantized(net, images, test, kNormalization, options);
  ASSERT_TRUE(soft) << soft.error().message;
  EXPECT_LT(soft->training.epochs[0].loss, 0.02);
  EXPECT_GE(soft->training.epochs[0].loss, 0);
  options.distillation->weight = 0;
  const auto hard = train_quantized(net, images, test, kNormalization, options);
  ASSERT_TRUE(hard);
  EXPECT_GT(hard->training.epochs[0].loss, 0.5);
}

TEST(QuantizedTraining, NamesTheFlagThatIsWrong) {
  const TemporaryFolder folder;
  const network::Network net = residual_network(3);
  const network::Dataset images = random_images(32, {8, 8, 2}, kClasses, 1);
  const auto place = [&](const auto& change) {
    QuantizationAwareOptions options = options_in(folder, net, {4, 4});
    change(options);
    const auto result = train_quantized(net, images, images, kNormalization, options);
    return result ? std::string("none") : result.error().place;
  };
  EXPECT_EQ(place([](auto& o) { o.integer_epochs = 5; }), "--integer-epochs");
  EXPECT_EQ(place([](auto& o) { o.calibration_images = 0; }), "--calibration-images");
  EXPECT_EQ(place([](auto& o) { o.hawq.momentum = 1; }), "--range-momentum");
  EXPECT_EQ(place([](auto& o) { o.hawq.percentile = 20; }), "--percentile");
  EXPECT_EQ(place([&](auto& o) { o.distillation = Distillation{net, 1.5, 4.0}; }), "--distillation");
  if (!DYAD_HAS_TRAINING) return;
  EXPECT_EQ(place([](auto& o) { o.bits.erase("conv2"); }), "bits:/layers/conv2");
  EXPECT_EQ(place([](auto& o) { o.bits["conv2"].weight = 1; }), "bits:/layers/conv2");
}

}  // namespace
}  // namespace dyad::training
