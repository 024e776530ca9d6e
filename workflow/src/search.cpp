#include "dyad/workflow/search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "dyad/workflow/evaluate.hpp"
#include "hmq_search.hpp"
#include "network_cost.hpp"
#include "search_points.hpp"
#include "search_problem.hpp"
#include "sha256.hpp"

namespace dyad::workflow {
namespace {

Result<void> check_request(const SearchRequest& request) {
  DYAD_EXPECT(request.cost_model != nullptr && request.backend != nullptr, "a search needs a cost model and a backend");
  if (request.bits.empty()) return Error{"bits", "there are no bit-widths to choose from", "for example 2 to 8"};
  for (std::size_t i = 0; i < request.bits.size(); ++i) {
    if (request.bits[i] < 2 || request.bits[i] > 8)
      return Error{"bits", std::to_string(request.bits[i]) + " bits can't be chosen", "weights and activations have 2 to 8 bits"};
    if (std::count(request.bits.begin(), request.bits.end(), request.bits[i]) > 1)
      return Error{"bits", std::to_string(request.bits[i]) + " is given twice", "give each bit-width once"};
  }
  if (request.calibration.size() == 0) return Error{"calibration", "there are no calibration images", "give at least one"};
  if (request.evaluation.size() == 0) return Error{"data", "there are no images to evaluate on", "give at least one"};
  if (request.calibration_images < 1 || request.sensitivity_images < 1)
    return Error{"calibration", "calibration and sensitivity need at least one image", "for example 1000 and 256"};
  for (const double ratio : request.sweep_ratios)
    if (!(ratio > 0) || !std::isfinite(ratio)) return Error{"sweep", "a ratio must be a positive number", "for example 0.5"};
  if (request.method == SearchMethod::kHawq && !request.traces)
    return Error{"method", "method hawq needs Hessian traces, which this build can't measure",
                 "install LibTorch and rebuild, or use --method exact"};
  return {};
}

/// Everything that decides the result, as one line of JSON, hashed. Thread counts and machines do not.
std::string hash_of(const SearchRequest& request) {
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
  const OrderedJson canonical = {
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
  Sha256 hash;
  hash.add(canonical.dump());
  if (request.method == SearchMethod::kHmq) hash.add(hmq_options_document(request.hmq).dump());
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

quantizer::KeepGoing follow(Progress& progress) {
  return [&progress](std::int64_t done, std::int64_t total) {
    progress.update(done, total);
    return !progress.cancelled();
  };
}

}  // namespace

std::string_view to_string(SearchMethod method) {
  switch (method) {
    case SearchMethod::kHawq: return "hawq";
    case SearchMethod::kExact: return "exact";
    case SearchMethod::kHmq: break;
  }
  return "hmq";
}

std::optional<SearchMethod> search_method_from_name(std::string_view name) {
  for (const auto method : {SearchMethod::kHawq, SearchMethod::kExact, SearchMethod::kHmq})
    if (name == to_string(method)) return method;
  return std::nullopt;
}

Result<SearchOutcome> search(const SearchRequest& request, Progress& progress) {
  DYAD_CHECK(check_request(request));
  SearchResult result;
  result.config_hash = hash_of(request);

  std::string stage;
  const auto enter = [&](const std::string& name) {  // false: the caller wants no more
    stage = name;
    progress.stage(name);
    return !progress.cancelled();
  };
  const auto cancelled = [&] { return SearchOutcome(Cancelled{stage}); };

  if (!enter("calibration")) return cancelled();
  const network::Dataset drawn = sample_images(request.calibration, request.calibration_images, request.seed);
  result.calibration_images = drawn.size();
  DYAD_TRY(const auto calibrated,
           quantizer::CalibratedNetwork::calibrate(request.network, drawn, request.normalization, request.quantization));

  std::vector<quantizer::LayerTrace> traces;
  if (request.method == SearchMethod::kHawq) {
    if (!enter("Hessian traces")) return cancelled();
    DYAD_TRY(traces, request.traces(progress));
  }

  std::vector<std::int64_t> first(static_cast<std::size_t>(std::min(request.sensitivity_images, drawn.size())));
  for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<std::int64_t>(i);
  const network::Dataset sensitivity_images = drawn.subset(first);
  const CostedNetwork costed(calibrated.folded(), *request.cost_model);
  DYAD_TRY(const NetworkCost at_8_bits, costed.cost(quantizer::uniform_assignment(calibrated.folded(), {8, 8}, true)));
  result.cost_at_8_bits = at_8_bits.totals;
  quantizer::ChoiceProblem problem;
  Solved solved;
  const bool trains = request.method == SearchMethod::kHmq;
  if (trains) {
    if (!enter("hmq")) return cancelled();
    DYAD_TRY(auto outcome, hmq_search(request, calibrated, costed, at_8_bits.totals, progress));
    if (auto* infeasible = std::get_if<quantizer::Infeasible>(&outcome)) return SearchOutcome(std::move(*infeasible));
    if (std::holds_alternative<Cancelled>(outcome)) return cancelled();
    HmqFound& found = std::get<HmqFound>(outcome);
    problem = std::move(found.problem);
    solved = std::move(found.solved);
    result.limits = std::move(found.limits);
    result.network = std::move(found.network);
    result.hmq = std::make_shared<const OrderedJson>(std::move(found.record));
  } else {
    if (!enter("sensitivity")) return cancelled();
    std::vector<int> measured_bits = request.bits;
    if (std::find(measured_bits.begin(), measured_bits.end(), 8) == measured_bits.end()) measured_bits.push_back(8);
    const auto metric = request.method == SearchMethod::kHawq ? quantizer::SensitivityMetric::kHessian : quantizer::SensitivityMetric::kMse;
    DYAD_TRY(auto sensitivity,
             quantizer::measure_sensitivity(calibrated, metric, measured_bits, sensitivity_images, traces, follow(progress)));
    if (!sensitivity) return cancelled();
    result.sensitivity = std::move(*sensitivity);

    if (!enter("integer program")) return cancelled();
    DYAD_TRY(problem, make_choice_problem(request, calibrated, costed, result.sensitivity));
    DYAD_TRY(result.limits, resolve_search_limits(request, problem, at_8_bits.totals));
    DYAD_TRY(auto outcome, solve_within(problem, costed, result.limits));
    if (auto* infeasible = std::get_if<quantizer::Infeasible>(&outcome)) return SearchOutcome(std::move(*infeasible));
    solved = std::move(std::get<Solved>(outcome));
  }
  for (SearchLayer& layer : solved.cost.layers)
    for (const quantizer::ChoiceLayer& choices : problem.layers)
      if (choices.name == layer.shape.name)
        for (const quantizer::Choice& choice : choices.choices)
          if (choice.w == layer.bits.weight && choice.a == layer.bits.activation) layer.loss = choice.loss;
  result.allocation = solved.allocation;
  result.layers = solved.cost.layers;
  result.cost = solved.cost.totals;

  if (!enter("integer network")) return cancelled();
  const PointMeter meter(request, calibrated, costed, sensitivity_images);
  if (!trains) {
    DYAD_TRY(result.network, meter.quantize(result.allocation.assignment));
  }
  DYAD_TRY(result.logits_mse, meter.logits_mse(result.network));

  if (!enter("accuracy")) return cancelled();
  const std::int64_t wanted =
      request.evaluation_images > 0 ? std::min(request.evaluation_images, request.evaluation.size()) : request.evaluation.size();
  std::vector<std::int64_t> evaluated(static_cast<std::size_t>(wanted));
  for (std::size_t i = 0; i < evaluated.size(); ++i) evaluated[i] = static_cast<std::int64_t>(i);
  const network::Dataset evaluation = wanted < request.evaluation.size() ? request.evaluation.subset(evaluated) : request.evaluation;
  DYAD_TRY(const Evaluation accuracy, evaluate_integer(result.network, *request.backend, evaluation, 0, progress));
  if (accuracy.images < wanted) return cancelled();
  result.top1 = accuracy.top1;
  result.top5 = accuracy.top5;
  result.digest = accuracy.digest;
  result.evaluation_images = accuracy.images;
  if (!enter("float accuracy")) return cancelled();
  DYAD_TRY(const Evaluation exact, evaluate_float(calibrated.folded(), evaluation, request.normalization, 0, progress));
  if (exact.images < wanted) return cancelled();
  result.top1_float = exact.top1;

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
  chosen.objective = result.allocation.objective;
  chosen.logits_mse = result.logits_mse;
  chosen.top1 = result.top1;
  chosen.top1_images = result.evaluation_images;
  result.pareto.push_back(std::move(chosen));
  const auto finish = [&] {
    mark_front(result.pareto, cost_name);
    if (progress.cancelled()) result.stopped_at = stage;
    return SearchOutcome(std::move(result));
  };

  if (request.check_model != nullptr) {
    if (!enter("cycle check")) return finish();
    DYAD_TRY(result.cycle_check, check_cycles(solved.cost, *request.check_model, progress));
  }
  const bool sampled = request.sweep_images > 0 && request.sweep_images < evaluation.size();
  const network::Dataset sample = sampled ? sample_images(evaluation, request.sweep_images, request.seed) : evaluation;
  if (!enter("uniform bits")) return finish();
  DYAD_TRY(result.best_uniform,
           add_uniform_points(request, calibrated, costed, meter, result.limits, evaluation, sample, result.pareto, progress));
  if (trains) return finish();  // a sweep's points are not trained
  if (!enter("sweep")) return finish();
  DYAD_CHECK(add_sweep_points(request, problem, costed, meter, result.cost_at_8_bits, cost_name, sample, result.pareto, progress));
  return finish();
}

}  // namespace dyad::workflow
