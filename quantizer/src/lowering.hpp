/// \file From a calibrated network, a plan and biases to integer layers.
#pragma once

#include <map>
#include <vector>

#include "lowering_plan.hpp"

namespace dyad::quantizer {

/// Real biases of every weighted layer, by layer.
using LayerBiases = std::map<network::NodeId, std::vector<float>>;

/// The integer network at `assignment`, which must be the plan's. Errors name a layer whose ratios don't fit or whose accumulator could overflow.
Result<IntegerNetwork> lower(const CalibratedNetwork& network, const BitAssignment& assignment, const LoweringPlan& plan, const LayerBiases& biases);

}  // namespace dyad::quantizer
