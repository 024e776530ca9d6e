/// \file The two phases of an HMQ search: bits and thresholds with the network, then the network at the chosen bits.
#pragma once

#include "dyad/training/hmq.hpp"

namespace dyad::training {

/// Options are checked and complete (threads >= 1).
Result<HmqResult> run_hmq_search(const network::Network& folded, const network::Dataset& images,
                                 const network::Normalization& normalization, const std::vector<HmqLayer>& layers,
                                 const std::vector<HmqTarget>& targets, const HmqOptions& options);

}  // namespace dyad::training
