/// \file Bounds of every tensor's values from the weights alone, for networks that nobody calibrated.
#pragma once

#include <vector>

#include "dyad/base/range_observer.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/lowering.hpp"

namespace dyad::quantizer {

/// By node of a folded network: an interval that holds every value whatever the image, by interval arithmetic over channels. A layer's
/// input is clipped to its format where the format has levels.
std::vector<Range> value_bounds(const network::Network& folded, const network::Normalization& normalization,
                                const std::map<network::NodeId, LayerNumbers>& layers);

}  // namespace dyad::quantizer
