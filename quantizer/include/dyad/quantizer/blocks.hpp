/// \file Parts of a network that post-training reconstruction learns one after the other.
#pragma once

#include <string_view>
#include <vector>

#include "dyad/network/network.hpp"

namespace dyad::quantizer {

/// How much of a network is learned at once.
enum class Granularity {
  kLayer,  ///< one convolution or fully connected layer with its activation (AdaRound: Nagel et al. 2020)
  kBlock,  ///< everything between two tensors through which all data flow: a residual block, elsewhere one layer (BRECQ: Li et al. 2021)
};
std::string_view to_string(Granularity granularity);

/// Consecutive nodes of the execution order. Blocks follow each other without a gap and end with the logits.
struct Block {
  std::vector<network::NodeId> nodes;   ///< execution order; the last one is the target
  std::vector<network::NodeId> layers;  ///< convolutions and fully connected layers among them, at least one
  network::NodeId target() const { return nodes.back(); }
};

/// The blocks of a folded network, up to its logits; a softmax behind them is left out. Operations without weights (pooling, flatten)
/// belong to the block behind them, activations to the block before them.
std::vector<Block> find_blocks(const network::Network& folded, Granularity granularity);

}  // namespace dyad::quantizer
