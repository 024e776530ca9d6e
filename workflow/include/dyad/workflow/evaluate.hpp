/// \file Accuracy of a float or an integer network over a dataset.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dyad/base/integer_backend.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/integer_network.hpp"
#include "dyad/workflow/progress.hpp"

namespace dyad::workflow {

/// top1, top5: percent. An image counts when fewer than 1 (5) logits are larger than its label's, or equal and before it.
struct Evaluation {
  double top1 = 0;
  double top5 = 0;
  std::int64_t images = 0;  ///< evaluated; fewer than asked for when cancelled
  double images_per_s = 0;
  std::string digest;                     ///< SHA-256 over int32 little-endian logits in image order; empty for float networks
  std::vector<std::int32_t> predictions;  ///< class of each image: the largest logit, the first among equals
  std::vector<std::uint8_t> outputs;      ///< logits in image order, int32 or float32 little-endian
};

/// `network` in float32 on the first `limit` images (0: all), images in parallel.
Result<Evaluation> evaluate_float(const network::Network& network, const network::Dataset& data,
                                  const network::Normalization& normalization, std::int64_t limit, Progress& progress);

/// An integer network on a backend ("scalar", "cpu", ...) on the first `limit` images (0: all).
/// An Error when images and network don't fit each other.
Result<Evaluation> evaluate_integer(const quantizer::IntegerNetwork& network, const IntegerBackend& backend, const network::Dataset& data,
                                    std::int64_t limit, Progress& progress);

/// Real-valued logits (N, classes) of an integer network: integers times the output scales, in float32.
Result<Tensor<float>> integer_logits(const quantizer::IntegerNetwork& network, const IntegerBackend& backend,
                                     const Tensor<std::uint8_t>& images);

/// `count` images drawn without replacement by `seed`, in the order drawn; all of them (shuffled) when there are not more.
/// Files are often sorted by class, so calibration never takes the first ones.
network::Dataset sample_images(const network::Dataset& data, std::int64_t count, std::uint64_t seed);
/// The first `count` images, or all when there are no more.
network::Dataset first_images(const network::Dataset& data, std::int64_t count);

}  // namespace dyad::workflow
