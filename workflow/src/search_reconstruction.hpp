/// \file The last step of a search that asks for it: the chosen bits with reconstructed numbers.
#pragma once

#include <optional>

#include "dyad/workflow/search.hpp"
#include "search_points.hpp"

namespace dyad::workflow {

/// Reconstructs the calibrated network at the chosen bits and measures it on `evaluation`; nothing when cancelled.
Result<std::optional<ReconstructedSearch>> reconstruct_chosen(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated,
                                                              const PointMeter& meter, const BitAssignment& assignment,
                                                              const network::Dataset& evaluation, Progress& progress);

/// The options that decide the numbers, for the configuration's hash.
OrderedJson reconstruction_choices(const training::ReconstructionOptions& options);

/// {top1, top5, digest, logits_mse} and the fields of reconstruction_document.
OrderedJson search_reconstruction_document(const ReconstructedSearch& reconstructed, const training::ReconstructionOptions& options);

}  // namespace dyad::workflow
