/// \file `dyad quantize`: the document that says what each layer lost.
#pragma once

#include <string>

#include "dyad/base/bits.hpp"
#include "dyad/base/json.hpp"
#include "dyad/quantizer/apot_checkpoint.hpp"
#include "dyad/quantizer/kmeans.hpp"
#include "dyad/quantizer/post_training.hpp"

namespace dyad::workflow {

/// What quantization did to the weights. Schema dyad.quantization/1: layers[].{name, w_bits, a_bits, mse}; mse is the mean
/// squared error of a weight. `out` is where the integer network was written.
OrderedJson quantization_document(const quantizer::CalibratedNetwork& calibrated, const BitAssignment& assignment, const std::string& out);
/// The same for an imported checkpoint; mse is that of the weights with their batch norm folded in.
OrderedJson quantization_document(const quantizer::ApotCheckpoint::Lowered& lowered, const std::string& out);

/// The same of k-means quantization (scheme "kmeans"): layers[] also with weights, centroids, size_bits; size_bits is their sum.
OrderedJson kmeans_document(const quantizer::CalibratedNetwork& calibrated, const BitAssignment& assignment,
                            const quantizer::KmeansNetwork& made, const std::string& out);

}  // namespace dyad::workflow
