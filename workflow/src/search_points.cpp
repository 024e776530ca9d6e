#include "search_points.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

#include "dyad/quantizer/fake_quantization.hpp"
#include "dyad/workflow/evaluate.hpp"

namespace dyad::workflow {

PointMeter::PointMeter(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated, const CostedNetwork& costed,
                       const network::Dataset& images)
    : request_(request),
      calibrated_(calibrated),
      costed_(costed),
      images_(images),
      float_logits_(quantizer::evaluate_float(calibrated, images)) {}

Result<double> PointMeter::logits_mse(const quantizer::IntegerNetwork& network) const {
  DYAD_TRY(const Tensor<float> logits, integer_logits(network, *request_.backend, images_.images));
  return quantizer::logits_error(float_logits_, logits).mse;
}

Result<ParetoPoint> PointMeter::point(const BitAssignment& assignment, std::string label, std::string origin) const {
  ParetoPoint point;
  point.label = std::move(label);
  point.origin = std::move(origin);
  point.assignment = assignment;
  DYAD_TRY(const NetworkCost cost, costed_.cost(assignment));
  point.cost = cost.totals;
  DYAD_TRY(const quantizer::IntegerNetwork network, quantize(assignment));
  DYAD_TRY(point.logits_mse, logits_mse(network));
  return point;
}

Result<bool> PointMeter::measure_top1(ParetoPoint& point, const network::Dataset& data, Progress& progress) const {
  DYAD_TRY(const quantizer::IntegerNetwork network, quantize(point.assignment));
  DYAD_TRY(const Evaluation evaluation, evaluate_integer(network, *request_.backend, data, 0, progress));
  if (evaluation.images < data.size()) return false;
  point.top1 = evaluation.top1;
  point.top1_images = evaluation.images;
  return true;
}

Result<std::optional<std::size_t>> add_uniform_points(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated,
                                                      const CostedNetwork& costed, const PointMeter& meter,
                                                      std::span<const ResolvedLimit> limits, const network::Dataset& evaluation,
                                                      const network::Dataset& sample, std::vector<ParetoPoint>& points,
                                                      Progress& progress) {
  constexpr std::size_t kCandidates = 3;
  std::optional<std::size_t> best;
  std::vector<LayerBits> fitting, wanted;
  constexpr int kLeastBits = 2;  // of linear quantization; codebooks may have 1
  std::vector<int> choices;
  std::copy_if(request.bits.begin(), request.bits.end(), std::back_inserter(choices), [](int bits) { return bits >= kLeastBits; });
  for (const int w : choices)
    for (const int a : choices) {
      const BitAssignment assignment = quantizer::uniform_assignment(calibrated.folded(), {w, a}, request.all_layers);
      DYAD_TRY(const NetworkCost cost, costed.cost(assignment));
      if (within(cost.totals, limits)) fitting.push_back({w, a});
    }
  for (const LayerBits bits : fitting)
    if (std::none_of(fitting.begin(), fitting.end(),
                     [&](LayerBits other) { return other != bits && other.weight >= bits.weight && other.activation >= bits.activation; }))
      wanted.push_back(bits);
  const std::size_t candidates = wanted.size();
  for (const int b : choices)
    if (std::find(wanted.begin(), wanted.end(), LayerBits{b, b}) == wanted.end()) wanted.push_back({b, b});

  progress.stage("uniform bits");
  std::vector<ParetoPoint> measured;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (progress.cancelled()) return best;
    progress.update(static_cast<std::int64_t>(i), static_cast<std::int64_t>(wanted.size()));
    const BitAssignment assignment = quantizer::uniform_assignment(calibrated.folded(), wanted[i], request.all_layers);
    DYAD_TRY(ParetoPoint point, meter.point(assignment, fmt::format("W{}A{}", wanted[i].weight, wanted[i].activation), "uniform"));
    point.uniform_bits = wanted[i];
    measured.push_back(std::move(point));
  }
  std::vector<std::size_t> order(measured.size());  // the candidates by logits error, then the others
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(candidates),
                   [&](std::size_t x, std::size_t y) { return measured[x].logits_mse < measured[y].logits_mse; });
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    ParetoPoint& point = measured[order[rank]];
    const bool contender = rank < std::min(candidates, kCandidates);
    progress.stage("accuracy of uniform " + point.label);
    DYAD_TRY(const bool finished, meter.measure_top1(point, contender ? evaluation : sample, progress));
    if (!finished) return best;
    points.push_back(std::move(point));
    if (contender && (!best || points.back().top1 > points[*best].top1)) best = points.size() - 1;
  }
  return best;
}

Result<void> add_sweep_points(const SearchRequest& request, const quantizer::ChoiceProblem& problem, const CostedNetwork& costed,
                              const PointMeter& meter, const CostTotals& at_8_bits, const std::string& cost_name,
                              const network::Dataset& sample, std::vector<ParetoPoint>& points, Progress& progress) {
  for (const double ratio : request.sweep_ratios) {
    progress.stage(fmt::format("sweep: {} <= {}", cost_name, ratio));
    if (progress.cancelled()) return {};
    const double absolute = ratio * at_8_bits.get(cost_name);
    const ResolvedLimit limit{{cost_name, quantizer::LimitKind::kRatio, ratio}, absolute};
    DYAD_TRY(const auto outcome, solve_within(problem, costed, std::span(&limit, 1)));
    const auto* solved = std::get_if<Solved>(&outcome);
    if (solved == nullptr) continue;
    const auto same = std::find_if(points.begin(), points.end(),
                                   [&](const ParetoPoint& point) { return point.assignment == solved->allocation.assignment; });
    if (same != points.end()) continue;
    DYAD_TRY(ParetoPoint point, meter.point(solved->allocation.assignment, fmt::format("{} <= {}", cost_name, ratio), "sweep"));
    point.objective = solved->allocation.objective;
    DYAD_TRY(const bool finished, meter.measure_top1(point, sample, progress));
    if (!finished) return {};
    points.push_back(std::move(point));
  }
  return {};
}

void mark_front(std::vector<ParetoPoint>& points, const std::string& cost_name) {
  for (ParetoPoint& point : points) {
    const double cost = point.cost.get(cost_name);
    point.on_front = std::none_of(points.begin(), points.end(), [&](const ParetoPoint& other) {
      const double other_cost = other.cost.get(cost_name);
      return other_cost <= cost && other.top1 >= point.top1 && (other_cost < cost || other.top1 > point.top1);
    });
  }
}

}  // namespace dyad::workflow
