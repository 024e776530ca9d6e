#include "dyad/workflow/search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "cached_cost_model.hpp"
#include "dyad/workflow/evaluate.hpp"
#include "network_cost.hpp"
#include "search_decision.hpp"
#include "search_hmq.hpp"
#include "search_points.hpp"
#include "search_problem.hpp"
#include "search_reconstruction.hpp"
#include "sha256.hpp"

namespace dyad::workflow {
namespace {

Result<void> check_request(const SearchRequest& request) {
  DYAD_EXPECT(request.cost_model != nullptr && request.backend != nullptr, "a search needs a cost model and a backend");
  if (request.bits.empty()) return Error{"bits", "there are no bit-widths to choose from", "for example 2 to 8"};
  for (std::size_t i = 0; i < request.bits.size(); ++i) {
    if (request.bits[i] < (request.episodes.kmeans ? 1 : 2) || request.bits[i] > 8)
      return Error{"bits", std::to_string(request.bits[i]) + " bits can't be chosen",
                   "weights and activations have 2 to 8 bits, indices of k-means codebooks 1 to 8"};
    if (std::count(request.bits.begin(), request.bits.end(), request.bits[i]) > 1)
      return Error{"bits", std::to_string(request.bits[i]) + " is given twice", "give each bit-width once"};
  }
  if (request.calibration.size() == 0) return Error{"calibration", "there are no calibration images", "give at least one"};
  if (request.evaluation.size() == 0) return Error{"data", "there are no images to evaluate on", "give at least one"};
  if (request.calibration_images < 1 || request.sensitivity_images < 1)
    return Error{"calibration", "calibration and sensitivity need at least one image", "for example 1000 and 256"};
  for (const double ratio : request.sweep_ratios)
    if (!(ratio > 0) || !std::isfinite(ratio)) return Error{"sweep", "a ratio must be a positive number", "for example 0.5"};
  const EpisodeOptions& episodes = request.episodes;
  if (episodes.count < 1) return Error{"episodes", "there is no episode", "for example 300"};
  if (episodes.reward_images < 1 || episodes.correction_images < 1)
    return Error{"episodes", "rewards and their statistics need at least one image", "for example 512 and 128"};
  if (!(episodes.budget_seconds >= 0) || !(request.budget_seconds >= 0))
    return Error{"episodes", "the time budget is negative", "for example 600 seconds"};
  if (episodes.kmeans && !searches_by_episodes(request.method))
    return Error{"method", "only searches by episodes choose bits of k-means codebooks", "use --method haq, evolution or random"};
  if (request.reconstruction && (request.method == SearchMethod::kHmq || episodes.kmeans))
    return Error{"reconstruction", "learns the roundings of post-training steps, which this search does not use",
                 "leave --reconstruct out, or search with uniform steps"};
  if (request.method == SearchMethod::kHawq && !request.traces)
    return Error{"method", "method hawq needs Hessian traces, which this build can't measure",
                 "install LibTorch and rebuild, or use --method exact"};
  return {};
}

/// Everything that decides the result, as one line of JSON, hashed. Thread counts and machines do not. `episodes_only`: what decides the
/// episodes, whatever their number.
std::string hash_of(const SearchRequest& request, bool episodes_only = false) {
  Sha256 data;
  for (const network::NodeId id : network::weighted_nodes(request.network)) {
    const auto values = request.network.node(id).weight.values();
    data.add({reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()});
  }
  for (const network::Dataset* set : {&request.calibration, &request.evaluation}) {
    data.add(set->images.values());
    data.add_little_endian(set->labels);
  }
  OrderedJson limits = OrderedJson::array();
  for (const quantizer::LimitRequest& limit : request.limits)
    limits.push_back({{"name", limit.name}, {"kind", quantizer::to_string(limit.kind)}, {"value", limit.value}});
  const quantizer::PostTrainingOptions& options = request.quantization;
  OrderedJson canonical = {
      {"version", DYAD_VERSION},
      {"model", request.model},
      {"data", data.hex()},
      {"normalization", {request.normalization.mean, request.normalization.stddev}},
      {"images", {request.calibration_images, request.sensitivity_images, request.evaluation_images, request.sweep_images}},
      {"method", to_string(request.method)},
      {"limits", limits},
      {"bits", request.bits},
      {"all_layers", request.all_layers},
      {"sweep", request.sweep_ratios},
      {"seed", request.seed},
      {"cost_model", request.cost_model->name()},
      {"cost_model_hash", request.cost_model->fingerprint()},
      {"tier", to_string(request.cost_model->tier())},
      {"ceilings", {request.cost_model->ceilings().peak_binary_ops_per_s, request.cost_model->ceilings().dram_bytes_per_s}},
      {"clock_mhz", request.cost_model->clock().value},
      {"batch", request.cost_model->batch()},
      {"check_tier", request.check_model ? to_string(request.check_model->tier()) : ""},
      {"quantization",
       {static_cast<int>(options.weights), options.activations, options.bias_correction, to_string(options.rounding),
        static_cast<int>(options.form), to_string(options.average), options.residual_bits}}};
  if (request.reconstruction) canonical["reconstruction"] = reconstruction_choices(*request.reconstruction);
  if (searches_by_episodes(request.method)) {
    const EpisodeOptions& episodes = request.episodes;
    canonical["episodes"] = {episodes.reward_images, episodes.correction_images, episodes.haq_compat, episodes.kmeans};
    if (!episodes_only) canonical["episode_budget"] = {episodes.count, episodes.budget_seconds};
  }
  if (episodes_only)
    for (const char* later : {"images", "sweep", "check_tier"}) canonical.erase(later);
  if (episodes_only) canonical["calibration_images"] = request.calibration_images;
  if (request.method == SearchMethod::kHmq) canonical["hmq"] = hmq_options_document(request.hmq);
  Sha256 hash;
  hash.add(canonical.dump());
  return hash.hex();
}

Result<CycleCheck> check_cycles(const NetworkCost& analytic, const CostModel& model, Progress& progress) {
  CycleCheck check;
  std::int64_t done = 0;
  for (const SearchLayer& layer : analytic.layers) {
    progress.update(done++, static_cast<std::int64_t>(analytic.layers.size()));
    DYAD_TRY(const LayerCost cost, model.cost(layer.shape, layer.bits, Activity{}));
    const auto estimated = static_cast<double>(layer.cost.cycles.value), simulated = static_cast<double>(cost.cycles.value);
    const double error = simulated > 0 ? std::abs(estimated - simulated) / simulated : (estimated > 0 ? 1 : 0);
    if (check.worst_layer.empty() || error > check.worst_layer_error) {
      check.worst_layer = layer.shape.name;
      check.worst_layer_error = error;
    }
    check.mean_layer_error += error / static_cast<double>(analytic.layers.size());
    check.analytic_cycles += layer.cost.cycles.value;
    check.cycle_cycles += cost.cycles.value;
  }
  if (check.cycle_cycles > 0)
    check.network_error =
        std::abs(static_cast<double>(check.analytic_cycles - check.cycle_cycles)) / static_cast<double>(check.cycle_cycles);
  return check;
}

constexpr std::pair<SearchMethod, std::string_view> kMethods[] = {
    {SearchMethod::kHawq, "hawq"}, {SearchMethod::kExact, "exact"},         {SearchMethod::kHaq, "haq"},
    {SearchMethod::kHmq, "hmq"},   {SearchMethod::kEvolution, "evolution"}, {SearchMethod::kRandom, "random"}};

}  // namespace

std::string_view to_string(SearchMethod method) {
  for (const auto& [known, name] : kMethods)
    if (known == method) return name;
  DYAD_EXPECT(false, "a method without a name");
  return {};
}

std::optional<SearchMethod> search_method_from_name(std::string_view name) {
  for (const auto& [method, known] : kMethods)
    if (name == known) return method;
  return std::nullopt;
}

bool searches_by_episodes(SearchMethod method) {
  return method == SearchMethod::kHaq || method == SearchMethod::kEvolution || method == SearchMethod::kRandom;
}

Result<SearchOutcome> search(const SearchRequest& request, Progress& caller) {
  DYAD_CHECK(check_request(request));
  SearchStages stages(caller, request.budget_seconds);
  SearchResult result;
  result.config_hash = hash_of(request);
  const auto cancelled = [&] { return SearchOutcome(Cancelled{stages.current()}); };

  if (!stages.enter("calibration")) return cancelled();
  const network::Dataset drawn = sample_images(request.calibration, request.calibration_images, request.seed);
  result.calibration_images = drawn.size();
  DYAD_TRY(const auto calibrated,
           quantizer::CalibratedNetwork::calibrate(request.network, drawn, request.normalization, request.quantization));
  const CachedCostModel cost_model(*request.cost_model);
  const CostedNetwork costed(calibrated.folded(), cost_model);
  DYAD_TRY(const NetworkCost at_8_bits, costed.cost(quantizer::uniform_assignment(calibrated.folded(), {8, 8}, true)));
  result.cost_at_8_bits = at_8_bits.totals;
  const network::Dataset sensitivity_images = first_images(drawn, request.sensitivity_images);
  const std::string episodes_hash = hash_of(request, true);
  DYAD_TRY(auto outcome, decide(request, {calibrated, costed, at_8_bits.totals, drawn, sensitivity_images, episodes_hash}, stages));
  if (auto* infeasible = std::get_if<quantizer::Infeasible>(&outcome)) return SearchOutcome(std::move(*infeasible));
  if (auto* stopped = std::get_if<Cancelled>(&outcome)) {
    if (!caller.cancelled() && stages.out_of_time())
      return Error{"--budget-seconds", "the time was over in the stage '" + stopped->stage + "', before there was a network",
                   "give more seconds, or fewer calibration and sensitivity images"};
    return SearchOutcome(std::move(*stopped));
  }
  Decision& decision = std::get<Decision>(outcome);
  stages.hold(!decision.can_sweep);  // a decision of minutes is not lost for the seconds that evaluate it
  result.limits = decision.limits;
  result.history = std::move(decision.history);
  result.sensitivity = std::move(decision.sensitivity);
  result.hmq = decision.hmq;
  result.allocation = std::move(decision.allocation);
  result.layers = decision.cost.layers;
  result.cost = decision.cost.totals;
  result.network = std::move(decision.network);

  const PointMeter meter(request, calibrated, costed, sensitivity_images);
  DYAD_TRY(result.logits_mse, meter.logits_mse(result.network));

  if (!stages.enter("accuracy")) return cancelled();
  const std::int64_t wanted =
      request.evaluation_images > 0 ? std::min(request.evaluation_images, request.evaluation.size()) : request.evaluation.size();
  const network::Dataset evaluation = first_images(request.evaluation, wanted);
  DYAD_TRY(const Evaluation accuracy, evaluate_integer(result.network, *request.backend, evaluation, 0, stages));
  if (accuracy.images < wanted) return cancelled();
  result.top1 = accuracy.top1;
  result.top5 = accuracy.top5;
  result.digest = accuracy.digest;
  result.evaluation_images = accuracy.images;
  if (!stages.enter("float accuracy")) return cancelled();
  DYAD_TRY(const Evaluation exact, evaluate_float(calibrated.folded(), evaluation, request.normalization, 0, stages));
  if (exact.images < wanted) return cancelled();
  result.top1_float = exact.top1;

  stages.hold(false);
  // From here on there is a network to keep: a cancelled search returns it with what was compared so far.
  const std::string cost_name = request.limits.empty() ? "latency" : request.limits.front().name;
  ParetoPoint chosen;
  for (const ResolvedLimit& limit : result.limits) {
    const bool ratio = limit.request.kind == quantizer::LimitKind::kRatio;
    OrderedJson value = ratio ? limit.request.value : limit.absolute;
    chosen.label += (chosen.label.empty() ? "" : ", ") + limit.request.name + " <= " + value.dump();
  }
  if (chosen.label.empty()) chosen.label = "no limit";
  chosen.origin = "search";
  chosen.assignment = result.allocation.assignment;
  chosen.cost = result.cost;
  if (decision.has_objective) chosen.objective = result.allocation.objective;
  chosen.logits_mse = result.logits_mse;
  chosen.top1 = result.top1;
  chosen.top1_images = result.evaluation_images;
  result.pareto.push_back(std::move(chosen));
  const auto finish = [&] {
    mark_front(result.pareto, cost_name);
    if (stages.cancelled()) result.stopped_at = decision.cut_short.empty() ? stages.current() : decision.cut_short;
    return SearchOutcome(std::move(result));
  };

  if (request.reconstruction) {
    if (!stages.enter("reconstruction")) return finish();
    DYAD_TRY(result.reconstructed, reconstruct_chosen(request, calibrated, meter, result.allocation.assignment, evaluation, stages));
    if (!result.reconstructed) return finish();
  }
  if (request.check_model != nullptr) {
    if (!stages.enter("cycle check")) return finish();
    DYAD_TRY(result.cycle_check, check_cycles(decision.cost, *request.check_model, stages));
  }
  const bool sampled = request.sweep_images > 0 && request.sweep_images < evaluation.size();
  const network::Dataset sample = sampled ? sample_images(evaluation, request.sweep_images, request.seed) : evaluation;
  if (!stages.enter("uniform bits")) return finish();
  DYAD_TRY(result.best_uniform,
           add_uniform_points(request, calibrated, costed, meter, result.limits, evaluation, sample, result.pareto, stages));
  if (!decision.can_sweep || !stages.enter("sweep")) return finish();
  DYAD_CHECK(add_sweep_points(request, decision.problem, costed, meter, result.cost_at_8_bits, cost_name, sample, result.pareto, stages));
  return finish();
}

}  // namespace dyad::workflow
