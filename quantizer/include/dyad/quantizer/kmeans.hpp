/// \file K-means quantization: the weights of a layer share a few values (HAQ; Han et al., "Deep Compression", ICLR 2016).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "dyad/quantizer/post_training.hpp"

namespace dyad::quantizer {

struct KmeansOptions {
  int iterations = 50;     ///< of Lloyd at most
  bool pruned = false;     ///< only weights that are not zero are clustered; zeros stay
  std::uint64_t seed = 0;  ///< of k-means++
};

/// Shared values of one layer, ascending, and each weight's index; -1: a pruned zero.
struct Codebook {
  std::vector<float> centroids;
  std::vector<std::int32_t> labels;
};

/// Scalar k-means: min(2^bits, different values) centroids begun by k-means++, then Lloyd's iterations. bits 1 to 8. Deterministic.
Codebook cluster_weights(std::span<const float> weights, int bits, const KmeansOptions& options);

/// A codebook on int8: level = rhe(centroid / step), step = max |centroid| / 127.
struct IntegerCodebook {
  std::vector<std::int8_t> levels;  ///< ascending; two centroids may share one
  float step = 1;
};
IntegerCodebook integer_codebook(const Codebook& codebook);

/// What k-means makes of a layer: indices of `bits` each, and `centroids` int8 levels.
struct KmeansLayer {
  int bits = 0;
  std::int64_t weights = 0;  ///< stored: without pruned zeros
  std::vector<std::int8_t> levels;
  float step = 1;  ///< of a level, relative to its channel's root mean square
  double mse = 0;  ///< mean squared difference of the int8 network's weights from the float ones
};

struct KmeansNetwork {
  IntegerNetwork network;                     ///< 8-bit weights that are the codebooks' levels
  std::map<std::string, KmeansLayer> layers;  ///< by name
};

/// Clusters each layer's folded weights, relative to their output channel's root mean square, at `assignment`'s weight bits (1 to 8);
/// activations take its activation bits (2 to 8). Biases are corrected as the calibrated network's options say. An Error names a layer
/// without bits or with other ones.
Result<KmeansNetwork> quantize_kmeans(const CalibratedNetwork& calibrated, const BitAssignment& assignment, const KmeansOptions& options);

}  // namespace dyad::quantizer
