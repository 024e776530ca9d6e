/// \file Float32 inference of a network, node by node: calibration and sensitivity look inside, `dyad run` looks at the end.
/// Everything here gives the same bytes for a batch, for its images one by one, and with any number of threads, on one processor;
/// processors with and without fused multiply-add differ in the last bits (docs/network/float_executor.md).
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "dyad/base/tensor.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"

namespace dyad::network {

/// Output of one node for a batch. inputs: (N, H, W, C) each. Runs on the calling thread.
Tensor<float> evaluate_node(const Network& network, NodeId id, std::span<const Tensor<float>* const> inputs);
/// The same with other weights ((K, R, S, C / groups)) and bias; kConv and kLinear only.
Tensor<float> evaluate_weighted(const Network& network, NodeId id, const Tensor<float>& input, const Tensor<float>& weight,
                                std::span<const float> bias);

/// All node outputs of one batch, index = NodeId. (N, H, W, C) normalized images in.
std::vector<Tensor<float>> evaluate_all(const Network& network, const Tensor<float>& images);
/// Logits (N, classes) of a batch, intermediate tensors freed as soon as they are not needed.
Tensor<float> evaluate(const Network& network, const Tensor<float>& images);

/// Logits (N, classes) of every image of a data set, batches of kEvaluationBatch in parallel.
/// Error when the network lacks weights, or the images or the normalization don't fit its input.
Result<Tensor<float>> evaluate_dataset(const Network& network, const Dataset& dataset, const Normalization& normalization);
constexpr std::int64_t kEvaluationBatch = 32;

/// Images whose label is the largest logit, or among the five largest. Of equal logits the first class is the larger.
struct Accuracy {
  std::int64_t images = 0, top1 = 0, top5 = 0;
  double top1_percent() const { return images > 0 ? 100.0 * static_cast<double>(top1) / static_cast<double>(images) : 0; }
  double top5_percent() const { return images > 0 ? 100.0 * static_cast<double>(top5) / static_cast<double>(images) : 0; }
};
/// logits (N, classes), N labels.
Accuracy accuracy(const Tensor<float>& logits, std::span<const std::int32_t> labels);

}  // namespace dyad::network
