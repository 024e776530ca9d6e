#include "dyad/quantizer/kmeans.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "dyad/base/json.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/base/random.hpp"
#include "simulation.hpp"

namespace dyad::quantizer {
namespace {

/// Sorted values with sums of the first k, so that a cluster, which is a run of them, has its mean at once.
struct Sorted {
  std::vector<float> values;
  std::vector<double> sums{0};

  explicit Sorted(std::vector<float> unsorted) : values(std::move(unsorted)) {
    std::sort(values.begin(), values.end());
    for (const float value : values) sums.push_back(sums.back() + static_cast<double>(value));
  }
  std::size_t different() const {
    std::size_t count = values.empty() ? 0 : 1;
    for (std::size_t i = 1; i < values.size(); ++i) count += values[i] != values[i - 1];
    return count;
  }
};

/// k-means++ (Arthur and Vassilvitskii, 2007): each next centroid is drawn by its squared distance from the nearest.
std::vector<double> first_centroids(const Sorted& sorted, std::size_t count, Random& random) {
  const std::size_t n = sorted.values.size();
  std::vector<double> centroids{static_cast<double>(sorted.values[random.below(n)])};
  std::vector<double> distance(n, std::numeric_limits<double>::infinity());
  while (centroids.size() < count) {
    double total = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double gap = static_cast<double>(sorted.values[i]) - centroids.back();
      distance[i] = std::min(distance[i], gap * gap);
      total += distance[i];
    }
    double left = random.uniform() * total;
    std::size_t chosen = n;
    for (std::size_t i = 0; i < n; ++i) {
      if (distance[i] <= 0) continue;
      chosen = i;
      if ((left -= distance[i]) < 0) break;
    }
    DYAD_EXPECT(chosen < n, "fewer values than centroids");
    centroids.push_back(static_cast<double>(sorted.values[chosen]));
  }
  std::sort(centroids.begin(), centroids.end());
  return centroids;
}

/// Index of the first value that is nearer to centroid k + 1 than to k, for every k.
std::vector<std::size_t> boundaries(const Sorted& sorted, std::span<const double> centroids) {
  std::vector<std::size_t> begins{0};
  for (std::size_t k = 0; k + 1 < centroids.size(); ++k) {
    const double middle = (centroids[k] + centroids[k + 1]) / 2;
    const auto at =
        std::partition_point(sorted.values.begin(), sorted.values.end(), [&](float v) { return static_cast<double>(v) <= middle; });
    begins.push_back(static_cast<std::size_t>(at - sorted.values.begin()));
  }
  begins.push_back(sorted.values.size());
  return begins;
}

/// Root mean square of each output channel's weights.
std::vector<float> channel_sizes(const Tensor<float>& weights) {
  const std::int64_t each = weights.size() / weights.extent(0);
  std::vector<float> sizes;
  for (std::int64_t c = 0; c < weights.extent(0); ++c) {
    double sum = 0;
    for (std::int64_t i = c * each; i < (c + 1) * each; ++i) sum += static_cast<double>(weights[i]) * static_cast<double>(weights[i]);
    sizes.push_back(static_cast<float>(std::sqrt(sum / static_cast<double>(each))));
  }
  return sizes;
}

Result<void> check_bits(const CalibratedNetwork& calibrated, const BitAssignment& assignment) {
  for (const network::NodeId layer : calibrated.layers()) {
    const std::string& name = calibrated.folded().node(layer).name;
    const auto found = assignment.find(name);
    const std::string place = "bits:/layers/" + pointer_token(name);
    if (found == assignment.end())
      return Error{place, "the layer '" + name + "' has no bits", "every convolution and fully connected layer needs an entry"};
    if (found->second.weight < 1 || found->second.weight > 8)
      return Error{place, "the layer '" + name + "' has " + std::to_string(found->second.weight) + "-bit indices",
                   "a codebook has indices of 1 to 8 bits"};
  }
  return {};
}

}  // namespace

Codebook cluster_weights(std::span<const float> weights, int bits, const KmeansOptions& options) {
  DYAD_EXPECT(bits >= 1 && bits <= 8, "a codebook has indices of 1 to 8 bits");
  std::vector<float> kept;
  for (const float weight : weights)
    if (!options.pruned || weight != 0) kept.push_back(weight);
  Codebook codebook;
  codebook.labels.assign(weights.size(), -1);
  if (kept.empty()) return codebook;
  const Sorted sorted(std::move(kept));
  Random random(options.seed, 0x6b6d65616e73);
  std::vector<double> centroids = first_centroids(sorted, std::min(std::size_t{1} << bits, sorted.different()), random);
  std::vector<std::size_t> begins = boundaries(sorted, centroids);
  for (int iteration = 0; iteration < options.iterations; ++iteration) {
    for (std::size_t k = 0; k < centroids.size(); ++k)
      if (begins[k + 1] > begins[k])
        centroids[k] = (sorted.sums[begins[k + 1]] - sorted.sums[begins[k]]) / static_cast<double>(begins[k + 1] - begins[k]);
    std::vector<std::size_t> next = boundaries(sorted, centroids);
    if (next == begins) break;
    begins = std::move(next);
  }
  codebook.centroids.assign(centroids.begin(), centroids.end());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (options.pruned && weights[i] == 0) continue;
    const auto above = std::lower_bound(centroids.begin(), centroids.end(), static_cast<double>(weights[i]));
    auto nearest = static_cast<std::size_t>(above - centroids.begin());
    if (nearest == centroids.size() ||
        (nearest > 0 && static_cast<double>(weights[i]) - centroids[nearest - 1] <= centroids[nearest] - static_cast<double>(weights[i])))
      --nearest;
    codebook.labels[i] = static_cast<std::int32_t>(nearest);
  }
  return codebook;
}

IntegerCodebook integer_codebook(const Codebook& codebook) {
  IntegerCodebook integers;
  float largest = 0;
  for (const float centroid : codebook.centroids) largest = std::max(largest, std::fabs(centroid));
  integers.step = (largest > 0 ? largest : 1.0f) / 127.0f;
  for (const float centroid : codebook.centroids)
    integers.levels.push_back(static_cast<std::int8_t>(std::clamp(std::nearbyint(centroid / integers.step), -127.0f, 127.0f)));
  return integers;
}

Result<KmeansNetwork> quantize_kmeans(const CalibratedNetwork& calibrated, const BitAssignment& assignment, const KmeansOptions& options) {
  DYAD_CHECK(check_bits(calibrated, assignment));
  BitAssignment at_8_bits = assignment;
  for (auto& [name, bits] : at_8_bits) bits.weight = 8;
  DYAD_TRY(NetworkNumbers numbers, calibrated.numbers(at_8_bits));
  const std::vector<network::NodeId>& layers = calibrated.layers();
  std::vector<KmeansLayer> made(layers.size());
  parallel_for(static_cast<std::int64_t>(layers.size()), [&](std::int64_t i) {
    const network::Node& node = calibrated.folded().node(layers[static_cast<std::size_t>(i)]);
    KmeansLayer& layer = made[static_cast<std::size_t>(i)];
    QuantizedWeights& weights = numbers.layers.at(layers[static_cast<std::size_t>(i)]).weights;
    layer.bits = assignment.at(node.name).weight;
    const std::vector<float> sizes = channel_sizes(node.weight);
    const std::int64_t each = node.weight.size() / node.weight.extent(0);
    std::vector<float> relative(static_cast<std::size_t>(node.weight.size()));
    for (std::int64_t k = 0; k < node.weight.size(); ++k) {
      const float size = sizes[static_cast<std::size_t>(k / each)];
      relative[static_cast<std::size_t>(k)] = size > 0 ? node.weight[k] / size : 0.0f;
    }
    const Codebook codebook = cluster_weights(relative, layer.bits, options);
    const IntegerCodebook integers = integer_codebook(codebook);
    layer.levels = integers.levels;
    layer.step = integers.step;
    for (std::int64_t k = 0; k < weights.values.size(); ++k) {
      const std::int32_t label = codebook.labels[static_cast<std::size_t>(k)];
      weights.values[k] =
          label < 0 || sizes[static_cast<std::size_t>(k / each)] <= 0 ? std::int8_t{0} : integers.levels[static_cast<std::size_t>(label)];
      layer.weights += label >= 0;
      const double error =
          static_cast<double>(node.weight[k]) -
          static_cast<double>(weights.values[k]) * static_cast<double>(integers.step * sizes[static_cast<std::size_t>(k / each)]);
      layer.mse += error * error / static_cast<double>(weights.values.size());
    }
    for (std::size_t c = 0; c < sizes.size(); ++c) weights.scales[c] = sizes[c] > 0 ? integers.step * sizes[c] : integers.step;
  });
  DYAD_TRY(const LoweringPlan plan, plan_of(calibrated, numbers));
  for (auto& [layer, bias] : Simulation(calibrated, numbers, plan).biases()) numbers.layers.at(layer).bias = std::move(bias);
  KmeansNetwork result;
  DYAD_TRY(result.network, lower(calibrated.folded(), calibrated.normalization(), numbers, calibrated.options()));
  for (std::size_t i = 0; i < layers.size(); ++i) result.layers[calibrated.folded().node(layers[i]).name] = std::move(made[i]);
  return result;
}

}  // namespace dyad::quantizer
