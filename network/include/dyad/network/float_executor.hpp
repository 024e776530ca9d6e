/// \file Float32 inference of a network, node by node: calibration and sensitivity look inside, `dyad run` looks at the end.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "dyad/base/tensor.hpp"
#include "dyad/network/network.hpp"

namespace dyad::network {

/// Output of one node for a batch. inputs: (N, H, W, C) each. Runs on the calling thread.
Tensor<float> evaluate_node(const Network& network, NodeId id, std::span<const Tensor<float>* const> inputs);
/// The same with other weights ((K, R, S, C / groups)) and bias; kConv and kLinear only.
Tensor<float> evaluate_weighted(const Network& network, NodeId id, const Tensor<float>& input, const Tensor<float>& weight, std::span<const float> bias);

/// All node outputs of one batch, index = NodeId. (N, H, W, C) normalized images in.
std::vector<Tensor<float>> evaluate_all(const Network& network, const Tensor<float>& images);
/// Logits (N, classes) of a batch, intermediate tensors freed as soon as they are not needed.
Tensor<float> evaluate(const Network& network, const Tensor<float>& images);

}  // namespace dyad::network
