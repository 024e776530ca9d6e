// Both estimators against exact traces of a tiny network, computed here in double precision from a forward pass of its own:
// the Gauss-Newton trace from the Jacobian by central differences, the Hessian by second differences of the loss.
#include <array>
#include <functional>

#include "support.hpp"

namespace dyad::training {
namespace {
using namespace testing_support;

constexpr std::int64_t kSide = 4, kIn = 2, kMiddle = 3, kClasses = 3, kImages = 8;

/// conv 3x3 (2 -> 3), activation, conv 3x3 (3 -> 3), activation, mean over positions, fully connected (3 -> 3).
network::Network tiny_network(network::OpKind activation, std::uint64_t seed) {
  Random random(seed);
  const Window window{.kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};
  network::Network net;
  network::NodeId x = add_input(net, {kSide, kSide, kIn});
  x = add_simple(net, "act1", activation, {add_conv(net, "conv1", x, kIn, kMiddle, window, random)});
  x = add_simple(net, "act2", activation, {add_conv(net, "conv2", x, kMiddle, kMiddle, window, random)});
  x = add_simple(net, "pool", network::OpKind::kGlobalAveragePool, {x});
  finish(net, add_linear(net, "fc", x, kMiddle, kClasses, random));
  return net;
}

/// The same network in double precision, written out; weights (K, R, S, C) as in the graph.
struct Reference {
  std::array<std::vector<double>, 3> weights, biases;
  std::function<double(double)> activation;

  Reference(const network::Network& net, std::function<double(double)> f) : activation(std::move(f)) {
    const auto layers = network::weighted_nodes(net);
    for (std::size_t i = 0; i < 3; ++i) {
      const auto& node = net.node(layers[i]);
      weights[i].assign(node.weight.values().begin(), node.weight.values().end());
      biases[i].assign(node.bias.begin(), node.bias.end());
    }
  }

  std::vector<double> conv(const std::vector<double>& in, std::int64_t depth, std::size_t layer) const {
    std::vector<double> out;
    for (std::int64_t y = 0; y < kSide; ++y)
      for (std::int64_t x = 0; x < kSide; ++x)
        for (std::int64_t k = 0; k < kMiddle; ++k) {
          double sum = biases[layer][static_cast<std::size_t>(k)];
          for (std::int64_t r = 0; r < 3; ++r)
            for (std::int64_t s = 0; s < 3; ++s)
              for (std::int64_t c = 0; c < depth; ++c) {
                const std::int64_t iy = y + r - 1, ix = x + s - 1;
                if (iy < 0 || iy >= kSide || ix < 0 || ix >= kSide) continue;
                sum += in[static_cast<std::size_t>((iy * kSide + ix) * depth + c)] *
                       weights[layer][static_cast<std::size_t>(((k * 3 + r) * 3 + s) * depth + c)];
              }
          out.push_back(activation(sum));
        }
    return out;
  }

  std::array<double, kClasses> logits(const std::vector<double>& image) const {
    const std::vector<double> last = conv(conv(image, kIn, 0), kMiddle, 1);
    std::array<double, kClasses> result{};
    for (std::size_t j = 0; j < kClasses; ++j) {
      result[j] = biases[2][j];
      for (std::size_t k = 0; k < kMiddle; ++k) {
        double mean = 0;
        for (std::size_t p = 0; p < kSide * kSide; ++p) mean += last[p * kMiddle + k] / (kSide * kSide);
        result[j] += mean * weights[2][j * kMiddle + k];
      }
    }
    return result;
  }

  double loss(const std::vector<double>& image, std::int32_t label) const {
    const auto z = logits(image);
    double sum = 0;
    for (const double value : z) sum += std::exp(value);
    return std::log(sum) - z[static_cast<std::size_t>(label)];
  }
};

std::vector<double> pixels(const network::Dataset& data, std::int64_t i, const network::Normalization& normalization) {
  std::vector<double> image;
  for (std::int64_t p = 0; p < kSide * kSide * kIn; ++p) {
    const auto c = static_cast<std::size_t>(p % kIn);
    image.push_back((data.images[i * kSide * kSide * kIn + p] / 255.0 - normalization.mean[c]) / normalization.stddev[c]);
  }
  return image;
}

/// Trace of one layer's J' (diag p - p p') J for one image.
double gauss_newton_trace(Reference& reference, const std::vector<double>& image, std::size_t layer) {
  constexpr double kStep = 1e-5;
  const auto z = reference.logits(image);
  std::array<double, kClasses> p{};
  double sum = 0, trace = 0;
  for (std::size_t j = 0; j < kClasses; ++j) sum += p[j] = std::exp(z[j]);
  for (double& value : p) value /= sum;
  for (double& weight : reference.weights[layer]) {
    const double kept = weight;
    weight = kept + kStep;
    const auto above = reference.logits(image);
    weight = kept - kStep;
    const auto below = reference.logits(image);
    weight = kept;
    double mean = 0, square = 0;
    for (std::size_t j = 0; j < kClasses; ++j) {
      const double slope = (above[j] - below[j]) / (2 * kStep);
      mean += p[j] * slope;
      square += p[j] * slope * slope;
    }
    trace += square - mean * mean;
  }
  return trace;
}

/// One layer's Hessian of the loss for one image: its trace, and the squared norm of what lies off its diagonal.
std::pair<double, double> hessian_trace(Reference& reference, const std::vector<double>& image, std::int32_t label, std::size_t layer) {
  constexpr double kStep = 1e-3;
  std::vector<double>& w = reference.weights[layer];
  const auto at = [&](std::size_t a, double da, std::size_t b, double db) {
    const double kept_a = w[a], kept_b = w[b];
    w[a] += da;
    w[b] += db;
    const double value = reference.loss(image, label);
    w[b] = kept_b;
    w[a] = kept_a;
    return value;
  };
  double trace = 0, off_diagonal = 0;
  for (std::size_t a = 0; a < w.size(); ++a) {
    trace += (at(a, kStep, a, 0) - 2 * at(a, 0, a, 0) + at(a, -kStep, a, 0)) / (kStep * kStep);
    for (std::size_t b = a + 1; b < w.size(); ++b) {
      const double h =
          (at(a, kStep, b, kStep) - at(a, kStep, b, -kStep) - at(a, -kStep, b, kStep) + at(a, -kStep, b, -kStep)) / (4 * kStep * kStep);
      off_diagonal += 2 * h * h;
    }
  }
  return {trace, off_diagonal};
}

double relu(double x) { return x > 0 ? x : 0; }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
const network::Normalization kNormalization{{0.4f, 0.5f}, {0.25f, 0.3f}};

void expect_gauss_newton(network::OpKind kind, double (*activation)(double), int group, std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", group " + std::to_string(group));
  const network::Network net = tiny_network(kind, seed);
  Reference reference(net, activation);
  const network::Dataset data = random_images(kImages * group, {kSide, kSide, kIn}, kClasses, seed + 100);
  HessianOptions options;
  options.draws = 1000;
  options.group = group;  // kImages groups of it
  options.seed = seed;
  const auto estimate = hessian_traces(net, data, kNormalization, options);
  ASSERT_TRUE(estimate) << estimate.error().message;
  ASSERT_EQ(estimate->images, data.size());
  for (std::size_t layer = 0; layer < 3; ++layer) {
    double exact = 0, largest = 0, squares = 0;
    for (std::int64_t i = 0; i < data.size(); ++i) {
      const double trace = gauss_newton_trace(reference, pixels(data, i, kNormalization), layer);
      exact += trace;
      squares += trace * trace;
      largest = std::max(largest, trace);
    }
    // e' M e with random signs e and M >= 0 has variance 2 sum_{i != j} M_ij^2 <= 2 tr(M)^2. M of a group has the trace of all
    // its images, at most group * largest. Five standard deviations over all draws and groups:
    const double group_trace = group == 1 ? std::sqrt(squares) : std::sqrt(static_cast<double>(kImages)) * largest * group;
    const double bound = 5 * std::sqrt(2.0 / options.draws) * group_trace;
    EXPECT_NEAR(estimate->layers[layer].trace * static_cast<double>(data.size()), exact, bound) << estimate->layers[layer].name;
    EXPECT_GT(exact, bound) << "the test could not tell the trace from zero";
    EXPECT_EQ(estimate->layers[layer].parameters, static_cast<std::int64_t>(reference.weights[layer].size()));
  }
}

TEST(GaussNewton, EqualsTheTraceOfTheExplicitJacobian) {
  DYAD_NEEDS_TRAINING();
  for (const std::uint64_t seed : {1u, 2u, 3u}) expect_gauss_newton(network::OpKind::kRelu, relu, 1, seed);
}

TEST(GaussNewton, StaysUnbiasedWhenImagesShareABackwardPass) {
  DYAD_NEEDS_TRAINING();
  expect_gauss_newton(network::OpKind::kRelu, relu, 5, 4);
  expect_gauss_newton(network::OpKind::kSigmoid, sigmoid, 3, 5);
}

TEST(Hutchinson, EqualsTheTraceOfTheExplicitHessian) {
  DYAD_NEEDS_TRAINING();
  constexpr std::uint64_t kSeed = 6;
  const network::Network net = tiny_network(network::OpKind::kSigmoid, kSeed);
  Reference reference(net, sigmoid);
  const network::Dataset data = random_images(kImages, {kSide, kSide, kIn}, kClasses, kSeed);
  HessianOptions options;
  options.method = HessianMethod::kHutchinson;
  options.draws = 400;
  options.group = 1;
  const auto estimate = hessian_traces(net, data, kNormalization, options);
  ASSERT_TRUE(estimate) << estimate.error().message;
  bool differs_from_gauss_newton = false;
  for (std::size_t layer = 0; layer < 3; ++layer) {
    double exact = 0, variance = 0, gauss_newton = 0;
    for (std::int64_t i = 0; i < kImages; ++i) {
      const auto image = pixels(data, i, kNormalization);
      const auto [trace, off_diagonal] = hessian_trace(reference, image, data.labels[static_cast<std::size_t>(i)], layer);
      exact += trace;
      variance += 2 * off_diagonal / options.draws;  // of v' H v: 2 sum_{a != b} H_ab^2
      gauss_newton += gauss_newton_trace(reference, image, layer);
    }
    const double bound = 5 * std::sqrt(variance) + 1e-4 * std::abs(exact);  // + error of the second differences
    EXPECT_NEAR(estimate->layers[layer].trace * kImages, exact, bound) << estimate->layers[layer].name;
    differs_from_gauss_newton = differs_from_gauss_newton || std::abs(gauss_newton - exact) > 2 * bound;
  }
  EXPECT_TRUE(differs_from_gauss_newton) << "the test could not tell the Hessian from its Gauss-Newton part";
}

}  // namespace
}  // namespace dyad::training
