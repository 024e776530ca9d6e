/// \file Searches by episodes: propose bits, score their integer network, learn; with a budget, a history and a checkpoint.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "dyad/workflow/search.hpp"
#include "network_cost.hpp"
#include "network_scorer.hpp"

namespace dyad::workflow {

struct EpisodeOutcome {
  BitAssignment best;
  NetworkCost cost;
  std::vector<ResolvedLimit> limits;
  std::vector<SearchEpisode> history;
  bool cancelled = false;  ///< the caller stopped it; `best` is the best so far
};

/// Runs the request's method. `drawn`: calibration images; `hash`: of everything that decides the episodes. Cancelled without one
/// episode: an empty history.
Result<std::variant<EpisodeOutcome, quantizer::Infeasible>> search_by_episodes(const SearchRequest& request,
                                                                               const quantizer::CalibratedNetwork& calibrated,
                                                                               const CostedNetwork& costed, const CostTotals& at_8_bits,
                                                                               const network::Dataset& drawn, const std::string& hash,
                                                                               Progress& progress);

/// The network that a method without episodes found, as the one entry of a history; `evaluations`: networks that it evaluated before.
Result<SearchEpisode> score_once(const SearchRequest& request, const network::Dataset& drawn, const quantizer::IntegerNetwork& network,
                                 const CostTotals& cost, std::int64_t evaluations);

}  // namespace dyad::workflow
