#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "dyad/workflow/search.hpp"
#include "search_reconstruction.hpp"

namespace dyad::workflow {
namespace {

OrderedJson ratios(const CostTotals& cost, const CostTotals& at_8_bits) {
  OrderedJson object = OrderedJson::object();
  for (const std::string& name : search_cost_names()) {
    const double whole = at_8_bits.get(name);
    object[name] = whole > 0 ? cost.get(name) / whole : 1.0;
  }
  return object;
}

OrderedJson limits_to_json(const std::vector<ResolvedLimit>& limits) {
  OrderedJson array = OrderedJson::array();
  for (const ResolvedLimit& limit : limits)
    array.push_back({{"name", limit.request.name},
                     {"kind", quantizer::to_string(limit.request.kind)},
                     {"value", limit.request.value},
                     {"absolute", limit.absolute}});
  return array;
}

OrderedJson layer_to_json(const SearchLayer& layer, const CostModel& model) {
  OrderedJson object = simulated_layer_document(layer, model.clock());
  if (layer.loss) object["loss"] = *layer.loss;
  return object;
}

OrderedJson point_to_json(const ParetoPoint& point, const SearchResult& result, std::span<const std::string> names) {
  OrderedJson object = {{"label", point.label},
                        {"origin", point.origin},
                        {"top1", point.top1},
                        {"top1_images", point.top1_images},
                        {"latency_us", point.cost.latency_us},
                        {"energy_pj", point.cost.energy_pj},
                        {"size_mib", point.cost.size_mib},
                        {"bops_g", point.cost.bops_g},
                        {"ratio", ratios(point.cost, result.cost_at_8_bits)},
                        {"logits_mse", point.logits_mse}};
  if (point.objective) object["objective"] = *point.objective;
  object["on_front"] = point.on_front;
  object["assignment"] = quantizer::assignment_to_json(point.assignment, names);
  return object;
}

OrderedJson uniform_to_json(const ParetoPoint& point, const SearchResult& result) {
  return {{"label", point.label},
          {"w", point.uniform_bits.weight},
          {"a", point.uniform_bits.activation},
          {"latency_us", point.cost.latency_us},
          {"energy_pj", point.cost.energy_pj},
          {"size_mib", point.cost.size_mib},
          {"bops_g", point.cost.bops_g},
          {"ratio", ratios(point.cost, result.cost_at_8_bits)},
          {"logits_mse", point.logits_mse},
          {"top1", point.top1}};
}

OrderedJson history_to_json(const std::vector<SearchEpisode>& history) {
  OrderedJson array = OrderedJson::array();
  for (const SearchEpisode& episode : history)
    array.push_back({{"evaluations", episode.evaluations},
                     {"reward", episode.reward},
                     {"top1", episode.top1},
                     {"logits_mse", episode.logits_mse},
                     {"latency_us", episode.cost.latency_us},
                     {"energy_pj", episode.cost.energy_pj},
                     {"size_mib", episode.cost.size_mib},
                     {"bops_g", episode.cost.bops_g}});
  return array;
}

OrderedJson check_to_json(const CycleCheck& check) {
  return {{"analytic_cycles", check.analytic_cycles},     {"cycle_cycles", check.cycle_cycles},
          {"network_error", check.network_error},         {"worst_layer", check.worst_layer},
          {"worst_layer_error", check.worst_layer_error}, {"mean_layer_error", check.mean_layer_error}};
}

std::string sensitivity_name(quantizer::SensitivityMetric metric) {
  return metric == quantizer::SensitivityMetric::kMse ? "output_mse" : std::string(quantizer::to_string(metric));
}

}  // namespace

OrderedJson search_to_json(const SearchRequest& request, const SearchResult& result, const std::string& out) {
  std::vector<std::string> names;
  for (const SearchLayer& layer : result.layers)
    if (layer.shape.is_weighted()) names.push_back(layer.shape.name);
  OrderedJson document;
  document["schema"] = "dyad.search/1";
  document["version"] = DYAD_VERSION;
  document["config_hash"] = result.config_hash;
  document["seed"] = request.seed;
  document["model"] = request.model;
  document["data"] = {{"name", std::filesystem::path(request.evaluation.name).filename().string()}, {"images", result.evaluation_images}};
  document["method"] = to_string(request.method);
  document["tier"] = to_string(request.cost_model->tier());
  document["accelerator"] = accelerator_document(*request.cost_model);
  document["limits"] = limits_to_json(result.limits);
  document["status"] = result.allocation.proved ? "optimal" : "feasible";
  const bool by_episodes = searches_by_episodes(request.method);
  document["objective"] = by_episodes ? OrderedJson() : OrderedJson(result.allocation.objective);
  document["bound"] = by_episodes ? OrderedJson() : OrderedJson(result.allocation.bound);
  if (request.episodes.kmeans) document["scheme"] = "kmeans";
  document["assignment"] = quantizer::assignment_to_json(result.allocation.assignment, names);
  document["top1"] = result.top1;
  document["top5"] = result.top5;
  document["top1_float"] = result.top1_float;
  document["digest"] = result.digest;
  document["logits_mse"] = result.logits_mse;
  if (request.reconstruction && result.reconstructed)
    document["reconstruction"] = search_reconstruction_document(*result.reconstructed, *request.reconstruction);
  document["cost"] = {{"cycles", result.cost.cycles},
                      {"latency_us", result.cost.latency_us},
                      {"energy_pj", result.cost.energy_pj},
                      {"size_mib", result.cost.size_mib},
                      {"bops_g", result.cost.bops_g},
                      {"ratio", ratios(result.cost, result.cost_at_8_bits)},
                      {"separable_latency_us", result.allocation.totals.at("latency")}};
  document["layers"] = OrderedJson::array();
  for (const SearchLayer& layer : result.layers) document["layers"].push_back(layer_to_json(layer, *request.cost_model));
  document["best_uniform"] = result.best_uniform ? uniform_to_json(result.pareto[*result.best_uniform], result) : OrderedJson();
  document["pareto"] = OrderedJson::array();
  for (const ParetoPoint& point : result.pareto) document["pareto"].push_back(point_to_json(point, result, names));
  document["history"] = history_to_json(result.history);
  document["reward_images"] = std::min(request.episodes.reward_images, result.calibration_images);
  document["verified"] = result.cycle_check && result.cycle_check->within_contract();
  document["cycle_check"] = result.cycle_check ? check_to_json(*result.cycle_check) : OrderedJson();
  if (result.hmq) document["hmq"] = *result.hmq;
  if (!result.sensitivity.layers.empty())
    document["sensitivity"] = {{"metric", sensitivity_name(result.sensitivity.metric)}, {"images", result.sensitivity.images}};
  document["images"] = {{"calibration", result.calibration_images}, {"evaluation", result.evaluation_images}};
  std::vector<std::string> notes = request.cost_model->notes();
  if (request.cost_model->tier() == Tier::kMeasured)
    notes.emplace_back("The costs are measurements: no cycle tier confirms them, so `verified` is false.");
  if (!notes.empty()) document["notes"] = notes;
  if (!result.stopped_at.empty()) document["stopped_at"] = result.stopped_at;
  document["out"] = out.empty() ? OrderedJson() : OrderedJson(out);
  return document;
}

OrderedJson infeasible_to_json(const SearchRequest& request, const quantizer::Infeasible& infeasible) {
  OrderedJson conflicts = OrderedJson::array();
  for (const quantizer::LimitConflict& conflict : infeasible.conflicts)
    conflicts.push_back({{"name", conflict.name}, {"limit", conflict.limit}, {"smallest", conflict.smallest}});
  return {{"schema", "dyad.search/1"},
          {"version", DYAD_VERSION},
          {"seed", request.seed},
          {"model", request.model},
          {"method", to_string(request.method)},
          {"tier", to_string(request.cost_model->tier())},
          {"accelerator", accelerator_document(*request.cost_model)},
          {"status", "infeasible"},
          {"conflicts", std::move(conflicts)}};
}

}  // namespace dyad::workflow
