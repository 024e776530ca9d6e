/// \file Vectors of HAQ's published implementation against this one: action map, walls, linear quantizers.
#pragma once

#include <string>
#include <vector>

#include "dyad/base/json.hpp"
#include "dyad/workflow/checks.hpp"

namespace dyad::workflow {

/// Whether a document holds such vectors: `action_map` with the walls, or `cases` of quantized weights and activations.
bool is_haq_vectors(const Json& document);

/// One check a kind of vector. An Error at `file:/pointer` for a document that lacks what its kind needs.
/// The wall of weights and activations is checked without a cost table: its walk must come to the published bits.
Result<std::vector<CheckOutcome>> verify_haq_vectors(const Json& document, const std::string& file);

}  // namespace dyad::workflow
