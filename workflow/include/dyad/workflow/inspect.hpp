/// \file `dyad inspect`: what a network is made of.
#pragma once

#include <string>

#include "dyad/base/json.hpp"
#include "dyad/network/network.hpp"
#include "dyad/network/summary.hpp"

namespace dyad::workflow {

/// Schema dyad.inspection/1: layers[].{name, kind, macs, params, input_shape, output_shape[, w, a]},
/// totals.{macs, params, size_mib, bops_g}. Shapes are (H, W, C) of one image.
OrderedJson inspection_document(const network::Network& network, const network::NetworkSummary& summary);
/// The same as a table with a line of totals.
std::string inspection_text(const network::NetworkSummary& summary);

}  // namespace dyad::workflow
