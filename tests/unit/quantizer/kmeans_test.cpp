// K-means codebooks: by hand, against all partitions of small sets, and as an integer network.
#include "dyad/quantizer/kmeans.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "dyad/base/random.hpp"
#include "dyad/kernels/executor.hpp"
#include "support/small_network.hpp"

namespace dyad::quantizer {
namespace {

const network::Normalization kNormalization{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};

double error_of(std::span<const float> weights, const Codebook& codebook) {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float value = codebook.labels[i] < 0 ? 0.0f : codebook.centroids[static_cast<std::size_t>(codebook.labels[i])];
    sum += std::pow(static_cast<double>(weights[i]) - static_cast<double>(value), 2);
  }
  return sum;
}

TEST(Kmeans, TwoGroupsByHand) {
  const std::vector<float> weights{-1, 5, -2, 6, -3, 7};
  const Codebook codebook = cluster_weights(weights, 1, {});
  EXPECT_EQ(codebook.centroids, (std::vector<float>{-2, 6}));
  EXPECT_EQ(codebook.labels, (std::vector<std::int32_t>{0, 1, 0, 1, 0, 1}));
}

TEST(Kmeans, NeverMoreCentroidsThanValues) {
  const std::vector<float> weights{3, 1, 3, 1, 2};
  const Codebook codebook = cluster_weights(weights, 4, {});
  EXPECT_EQ(codebook.centroids, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(error_of(weights, codebook), 0);
}

TEST(Kmeans, PrunedZerosStay) {
  const std::vector<float> weights{0, 4, 0, -4, 0, 0};
  KmeansOptions options;
  options.pruned = true;
  const Codebook codebook = cluster_weights(weights, 1, options);
  EXPECT_EQ(codebook.centroids, (std::vector<float>{-4, 4}));
  EXPECT_EQ(codebook.labels, (std::vector<std::int32_t>{-1, 1, -1, 0, -1, -1}));
  EXPECT_TRUE(cluster_weights(std::vector<float>(4, 0.0f), 2, options).centroids.empty());
}

TEST(Kmeans, EveryWeightIsWithItsNearestCentroidAndMoreBitsLoseLess) {
  constexpr std::uint64_t kSeed = 3;
  SCOPED_TRACE(kSeed);
  Random random(kSeed);
  std::vector<float> weights(2000);
  for (float& weight : weights) weight = static_cast<float>(random.normal());
  double last = std::numeric_limits<double>::infinity();
  for (int bits = 1; bits <= 8; ++bits) {
    const Codebook codebook = cluster_weights(weights, bits, {});
    ASSERT_EQ(codebook.centroids.size(), std::size_t{1} << bits);
    EXPECT_TRUE(std::is_sorted(codebook.centroids.begin(), codebook.centroids.end()));
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const float gap = std::fabs(weights[i] - codebook.centroids[static_cast<std::size_t>(codebook.labels[i])]);
      for (const float centroid : codebook.centroids) ASSERT_LE(gap, std::fabs(weights[i] - centroid) * 1.0001f + 1e-7f);
    }
    const double error = error_of(weights, codebook);
    EXPECT_LT(error, last) << bits;
    last = error;
  }
  // Lloyd and Max, 1960: the best 1-bit quantizer of a normal leaves 1 - 2 / pi = 0.3634 of its variance.
  EXPECT_NEAR(error_of(weights, cluster_weights(weights, 1, {})) / 2000, 0.3634, 0.03);
}

TEST(Kmeans, LevelsCoverInt8) {
  const IntegerCodebook integers = integer_codebook({{-0.5f, 0.1f, 0.25f}, {}});
  EXPECT_FLOAT_EQ(integers.step, 0.5f / 127);
  EXPECT_EQ(integers.levels, (std::vector<std::int8_t>{-127, 25, 64}));  // 25.4, 63.5 to even
}

class KmeansNetworks : public testing::Test {
 protected:
  void SetUp() override {
    network_ = testing_support::small_residual_network(7);
    images_ = testing_support::images_labelled_by(network_, kNormalization, 64, 1);
  }
  network::Network network_;
  network::Dataset images_;
};

TEST_F(KmeansNetworks, IntegerNetworkHasTheLevelsOfItsCodebooks) {
  const auto calibrated = CalibratedNetwork::calibrate(network_, images_, kNormalization, {}).value();
  BitAssignment bits = uniform_assignment(calibrated.folded(), {3, 8}, true);
  bits.at("stem").weight = 1;
  const KmeansNetwork made = quantize_kmeans(calibrated, bits, {}).value();
  ASSERT_EQ(made.layers.size(), bits.size());
  int weighted = 0;
  for (const auto& layer : made.network.layers) {
    const auto found = made.layers.find(layer.name);
    if (found == made.layers.end()) continue;
    ++weighted;
    const std::set<int> levels(found->second.levels.begin(), found->second.levels.end());
    EXPECT_LE(levels.size(), std::size_t{1} << bits.at(layer.name).weight) << layer.name;
    for (const auto weight : layer.weights.values()) ASSERT_TRUE(levels.contains(weight)) << layer.name;
  }
  EXPECT_EQ(weighted, static_cast<int>(bits.size()));
}

TEST_F(KmeansNetworks, ALayerWithoutBitsOrWithZeroIsAnError) {
  const auto calibrated = CalibratedNetwork::calibrate(network_, images_, kNormalization, {}).value();
  BitAssignment bits = uniform_assignment(calibrated.folded(), {4, 8}, true);
  bits.at("stem").weight = 0;
  const auto zero = quantize_kmeans(calibrated, bits, {});
  ASSERT_FALSE(zero);
  EXPECT_EQ(zero.error().place, "bits:/layers/stem");
  bits.erase("stem");
  EXPECT_FALSE(quantize_kmeans(calibrated, bits, {}));
}

}  // namespace
}  // namespace dyad::quantizer
