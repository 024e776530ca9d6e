/// \file The search method `hmq`: bits by gradient, kept within the limits by an integer program over their probabilities.
#pragma once

#include <nlohmann/json.hpp>
#include <variant>
#include <vector>

#include "dyad/workflow/search.hpp"
#include "search_problem.hpp"

namespace dyad::workflow {

struct HmqFound {
  quantizer::ChoiceProblem problem;  ///< loss of a choice: -ln P(no more weight bits) - ln P(no more activation bits)
  Solved solved;
  std::vector<ResolvedLimit> limits;
  quantizer::IntegerNetwork network;
  OrderedJson record;  ///< the document's `hmq`
};

/// Trains and lowers. Infeasible before any training when no bits keep the limits.
Result<std::variant<HmqFound, quantizer::Infeasible, Cancelled>> search_hmq(const SearchRequest& request,
                                                                            const quantizer::CalibratedNetwork& calibrated,
                                                                            const CostedNetwork& costed, const CostTotals& at_8_bits,
                                                                            Progress& progress);

/// What decides an HMQ search beside the request's other fields, for the configuration's hash.
OrderedJson hmq_options_document(const training::HmqOptions& options);

}  // namespace dyad::workflow
