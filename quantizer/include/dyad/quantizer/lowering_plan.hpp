/// \file Which integer format each tensor of a network gets, before any layer is made.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "dyad/quantizer/lowering.hpp"

namespace dyad::quantizer {

/// How a tensor exists in the integer network.
enum class TensorRole {
  kNone,         ///< not at all: fused into the activation behind it, or the same as its input
  kDirect,       ///< only in the format that all its readers want
  kCarrier,      ///< in the wide format; narrow readers get it through a requantization
  kAccumulator,  ///< raw int32 sums that a residual addition reads
  kLogits,       ///< the network's output, int32
};

struct TensorPlan {
  TensorRole role = TensorRole::kNone;
  ScaledFormat format;  ///< kDirect, kCarrier
};

/// The plan of a network at an assignment.
struct LoweringPlan {
  std::vector<TensorPlan> tensors;                         ///< by node
  std::map<network::NodeId, ScaledFormat> layer_inputs;    ///< by weighted layer
  std::vector<network::NodeId> source;                     ///< by node: itself, or the node whose tensor it only renames
  std::vector<std::optional<network::NodeId>> activation;  ///< by node: the ReLU that is computed with it
  network::NodeId output = 0;                              ///< the node whose tensor is the logits

  /// The tensor that node `id` writes: its activation's when one is fused.
  network::NodeId written_by(network::NodeId id) const { return activation[id] ? *activation[id] : id; }
};

/// The plan when each weighted layer reads `layer_inputs` and wide tensors are in `carriers` (by node).
/// An operation without an integer form is an Error naming the node.
Result<LoweringPlan> plan_lowering(const network::Network& folded, std::map<network::NodeId, ScaledFormat> layer_inputs,
                                   const std::vector<ScaledFormat>& carriers);

}  // namespace dyad::quantizer
