/// \file The whole hardware-in-the-loop search: bits of every layer under limits on what the accelerator spends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dyad/base/cost_model.hpp"
#include "dyad/base/integer_backend.hpp"
#include "dyad/base/json.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/allocation.hpp"
#include "dyad/quantizer/post_training.hpp"
#include "dyad/quantizer/sensitivity.hpp"
#include "dyad/training/hmq.hpp"
#include "dyad/training/reconstruction.hpp"
#include "dyad/training/training.hpp"
#include "dyad/workflow/progress.hpp"
#include "dyad/workflow/simulate.hpp"

namespace dyad::workflow {

enum class SearchMethod {
  kHawq,       ///< w = a in each layer; loss = Hessian trace / parameters * |W - Q(W)|^2
  kExact,      ///< w and a free; loss = logits MSE with the weights at w + logits MSE with the input at a
  kHaq,        ///< HAQ's agent: episodes, reward from the accuracy of the quantized network
  kEvolution,  ///< regularized evolution on the same episodes
  kHmq,        ///< w and a by gradient, the network trained along; loss = -ln of the probability that no more are needed
  kRandom,     ///< random draws on the same episodes
};
std::string_view to_string(SearchMethod method);
std::optional<SearchMethod> search_method_from_name(std::string_view name);

/// Whether a method scores whole networks, episode by episode, instead of solving an integer program.
bool searches_by_episodes(SearchMethod method);

/// Of the methods that search by episodes.
struct EpisodeOptions {
  std::int64_t count = 300;
  double budget_seconds = 0;             ///< no further episode begins after so long; 0: no such limit
  std::int64_t reward_images = 512;      ///< the first of the drawn calibration images: top-1 on these is the reward
  std::int64_t correction_images = 128;  ///< the first of them: statistics of the networks that are scored
  bool haq_compat = false;               ///< kHaq: with the published implementation's quirks (docs/quantizer/haq.md)
  bool kmeans = false;                   ///< weights as k-means codebooks of 2^w values, activations at 8 bits; limits on size only
  std::function<void(const std::string&)> heard = {};  ///< hears the best so far in words, before every episode
  std::filesystem::path checkpoint;                    ///< written after every episode and continued from; empty: none
};

/// What a limit may be put on, in the order of reports: "latency" (us a batch), "energy" (pJ a batch), "size" (MiB), "bops" (10^9 an
/// image).
const std::vector<std::string>& search_cost_names();

struct SearchRequest {
  network::Network network;  ///< as imported
  std::string model;         ///< how the user calls it
  network::Normalization normalization;
  network::Dataset calibration;  ///< `calibration_images` of these are drawn by `seed`
  network::Dataset evaluation;   ///< labelled; `evaluation_images` of these from the first on
  std::int64_t calibration_images = 1000;
  std::int64_t sensitivity_images = 256;  ///< the first of the drawn ones
  std::int64_t evaluation_images = 0;     ///< 0: all
  std::int64_t sweep_images = 0;          ///< for top-1 of the sweep's points, drawn by `seed`; 0: as evaluation_images

  SearchMethod method = SearchMethod::kExact;
  /// Kind kRatio is of the network's cost at 8 bits everywhere.
  std::vector<quantizer::LimitRequest> limits;
  std::vector<int> bits = {2, 3, 4, 5, 6, 7, 8};
  bool all_layers = false;  ///< also the first convolution and the last fully connected layer, which are else 8-bit
  std::vector<double> sweep_ratios = {0.75, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2};  ///< of the first limit's cost (latency without limits)
  quantizer::PostTrainingOptions quantization;
  EpisodeOptions episodes;
  /// At the end the numbers of the chosen bits are learned on the calibration images; nothing: they stay as post-training made them.
  std::optional<training::ReconstructionOptions> reconstruction;
  /// kExact, kHawq: past it nothing more is compared once there is a network, and there is none when it ends before; 0: none. The methods
  /// by episodes and kHmq have budgets of their own. With any of them the result depends on the machine.
  double budget_seconds = 0;
  training::HmqOptions hmq;  ///< kHmq: the seed is `seed`; callbacks are the search's own
  std::uint64_t seed = 0;

  const CostModel* cost_model = nullptr;  ///< where cost comes from
  const CostModel* check_model =
      nullptr;  ///< the cycle tier of the same accelerator; null (a measured table has none): the result is not verified
  const IntegerBackend* backend = nullptr;
  /// kHawq: measures the Hessian traces of the network's layers (the training module does).
  std::function<Result<std::vector<quantizer::LayerTrace>>(Progress&)> traces;
};

/// Cost of a network for one batch (size and BOPS: of the network, for one image).
struct CostTotals {
  std::int64_t cycles = 0;
  double latency_us = 0;
  double energy_pj = 0;
  double size_mib = 0;
  double bops_g = 0;
  double activation_mib = 0;                     ///< the largest input of a weighted layer, for one image
  double get(std::string_view cost_name) const;  ///< one of search_cost_names(), or "activations"
};

/// One episode: a network within the limits and what it scored.
struct SearchEpisode {
  std::int64_t evaluations = 0;  ///< networks evaluated up to and with this one
  double reward = 0;             ///< 0.1 (top-1 - float top-1), percent points
  double top1 = 0;               ///< percent, on the reward images
  double logits_mse = 0;         ///< on the reward images
  CostTotals cost;
};

/// One costed layer at the chosen bits.
struct SearchLayer : SimulatedLayer {
  std::optional<double> loss;  ///< weighted layers only
};

/// A point of the accuracy-cost plane.
struct ParetoPoint {
  std::string label;
  std::string origin;  ///< "search", "uniform" or "sweep"
  BitAssignment assignment;
  CostTotals cost;
  std::optional<double> objective;  ///< sum of losses
  double logits_mse = 0;            ///< on the sensitivity images
  double top1 = 0;
  std::int64_t top1_images = 0;
  LayerBits uniform_bits;  ///< origin "uniform" only
  bool on_front = false;   ///< no other point is at least as good in both and better in one of (first limit's cost, top1)
};

struct CycleCheck {
  std::int64_t analytic_cycles = 0, cycle_cycles = 0;
  double network_error = 0;  ///< |analytic - cycle| / cycle
  std::string worst_layer;
  double worst_layer_error = 0;
  double mean_layer_error = 0;
  /// The contract of DESIGN section 4: mean <= 1 %, every layer <= 5 %.
  bool within_contract() const { return mean_layer_error <= 0.01 && worst_layer_error <= 0.05; }
};

struct ResolvedLimit {
  quantizer::LimitRequest request;
  double absolute = 0;
};

/// The chosen bits after reconstruction; everything else in the result speaks of the network before it.
struct ReconstructedSearch {
  quantizer::IntegerNetwork network;
  training::Reconstruction record;
  double top1 = 0, top5 = 0;
  std::string digest;
  double logits_mse = 0;
};

struct SearchResult {
  std::string config_hash;
  std::vector<ResolvedLimit> limits;
  quantizer::Allocation allocation;  ///< `totals` are the separable costs that the integer program summed
  quantizer::IntegerNetwork network;
  quantizer::SensitivityTable sensitivity;
  CostTotals cost, cost_at_8_bits;
  std::vector<SearchLayer> layers;  ///< execution order, additions and pools too
  double top1 = 0, top5 = 0, top1_float = 0;
  std::string digest;
  double logits_mse = 0;
  std::int64_t evaluation_images = 0, calibration_images = 0;
  std::vector<SearchEpisode> history;  ///< by episode; one entry, its result, for methods without episodes
  std::optional<CycleCheck> cycle_check;
  std::optional<std::size_t> best_uniform;  ///< index into pareto
  std::vector<ParetoPoint> pareto;
  std::optional<ReconstructedSearch> reconstructed;
  std::shared_ptr<const OrderedJson> hmq;  ///< kHmq: how it went (docs/quantizer/hmq.md); else null
  std::string stopped_at;                  ///< the stage at which the caller cancelled; empty: complete
};

/// The caller stopped before there was a network to keep.
struct Cancelled {
  std::string stage;
};

using SearchOutcome = std::variant<SearchResult, quantizer::Infeasible, Cancelled>;

/// Calibrates, measures sensitivity and cost, solves the integer program (or searches by episodes), builds and evaluates the integer
/// network, compares it with uniform bits and with other ratios, and confirms its cost in the cycle tier. docs/workflow/search.md describes
/// each stage. The same request gives the same result whatever the number of threads.
Result<SearchOutcome> search(const SearchRequest& request, Progress& progress);

/// dyad.search/1 (docs/workflow/search.md); `out` is where the integer network was written, empty for nowhere.
OrderedJson search_to_json(const SearchRequest& request, const SearchResult& result, const std::string& out);

/// dyad.search/1 with status "infeasible" and conflicts[].{name, limit, smallest}.
OrderedJson infeasible_to_json(const SearchRequest& request, const quantizer::Infeasible& infeasible);

}  // namespace dyad::workflow
