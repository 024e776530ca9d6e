#include "search_problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dyad::workflow {
namespace {

double slack(double limit) { return limit + 1e-12 * std::abs(limit); }

}  // namespace

Result<quantizer::ChoiceProblem> make_choice_problem(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated,
                                                     const CostedNetwork& costed, const quantizer::SensitivityTable& sensitivity) {
  // Whatever 4-bit leaves at 8 bits is fixed.
  const BitAssignment free_at_4 = quantizer::uniform_assignment(calibrated.folded(), {4, 4}, request.all_layers);
  quantizer::ChoiceProblem problem;
  DYAD_TRY(problem.fixed_costs, costed.fixed());
  const std::vector<LayerShape>& shapes = costed.weighted();
  DYAD_EXPECT(shapes.size() == sensitivity.layers.size(), "the sensitivity table is of another network");
  for (std::size_t l = 0; l < shapes.size(); ++l) {
    const quantizer::LayerSensitivity& measured = sensitivity.layers[l];
    DYAD_EXPECT(measured.name == shapes[l].name, "the sensitivity table has another order");
    quantizer::ChoiceLayer layer{measured.name, {}};
    const auto add = [&](int w, int a) -> Result<void> {
      quantizer::Choice choice{w, a, measured.error.at(w), {}};
      if (!measured.input_error.empty()) choice.loss += measured.input_error.at(a);
      DYAD_TRY(choice.costs, costed.separable(shapes[l], {w, a}));
      layer.choices.push_back(std::move(choice));
      return {};
    };
    if (free_at_4.at(measured.name) == LayerBits{8, 8}) {
      DYAD_CHECK(add(8, 8));
    } else {
      for (const int w : request.bits)
        for (const int a : request.bits)
          if (request.method != SearchMethod::kHawq || w == a) DYAD_CHECK(add(w, a));
    }
    problem.layers.push_back(std::move(layer));
  }
  return problem;
}

Result<std::vector<ResolvedLimit>> resolve_search_limits(const SearchRequest& request, const quantizer::ChoiceProblem& problem,
                                                         const CostTotals& at_8_bits) {
  std::vector<ResolvedLimit> limits;
  for (const quantizer::LimitRequest& asked : request.limits) {
    const auto& names = search_cost_names();
    const bool is_of_hmq = request.method == SearchMethod::kHmq && asked.name == "activations";
    if (!is_of_hmq && std::find(names.begin(), names.end(), asked.name) == names.end())
      return Error{"limit", "there is no cost called '" + asked.name + "'",
                   "limits are on latency (us), energy (pJ), size (MiB) or bops (10^9); of method hmq on activations (MiB) too"};
    if (at_8_bits.get(asked.name) <= 0)
      return Error{"limit", "'" + asked.name + "' is 0 at 8 bits everywhere: this cost model does not know it",
                   "put the limit on another cost"};
    if (is_of_hmq && asked.kind == quantizer::LimitKind::kFraction)
      return Error{"limit", "'activations' is the largest tensor's, not a sum: it has no fraction", "give a value or a ratio"};
    if (is_of_hmq && asked.kind == quantizer::LimitKind::kAbsolute) {
      limits.push_back({asked, asked.value});
    } else if (asked.kind == quantizer::LimitKind::kRatio) {
      limits.push_back({asked, asked.value * at_8_bits.get(asked.name)});
    } else {
      DYAD_TRY(const auto absolute, quantizer::resolve_limits(problem, std::span(&asked, 1), "limit"));
      limits.push_back({asked, absolute.front().value});
    }
  }
  return limits;
}

bool within(const CostTotals& cost, std::span<const ResolvedLimit> limits) {
  return std::all_of(limits.begin(), limits.end(),
                     [&](const ResolvedLimit& limit) { return cost.get(limit.request.name) <= slack(limit.absolute); });
}

Result<std::variant<Solved, quantizer::Infeasible>> solve_within(const quantizer::ChoiceProblem& problem, const CostedNetwork& costed,
                                                                 std::span<const ResolvedLimit> limits) {
  using Answer = std::variant<Solved, quantizer::Infeasible>;
  constexpr int kMostRounds = 8;
  std::vector<quantizer::Limit> separable;
  for (const ResolvedLimit& limit : limits) separable.push_back({limit.request.name, limit.absolute});
  std::optional<Solved> best;
  std::vector<double> least(limits.size(), std::numeric_limits<double>::infinity());
  for (int round = 0; round < kMostRounds; ++round) {
    auto outcome = quantizer::allocate(problem, separable);
    if (auto* infeasible = std::get_if<quantizer::Infeasible>(&outcome)) {
      if (best) break;
      return Answer(std::move(*infeasible));
    }
    Solved solved{std::get<quantizer::Allocation>(std::move(outcome)), {}};
    DYAD_TRY(solved.cost, costed.cost(solved.allocation.assignment));
    const bool keeps = within(solved.cost.totals, limits);
    const bool better = keeps && (!best || solved.allocation.objective < best->allocation.objective);
    if (keeps && !better) break;  // loosening gained nothing
    bool changed = false;
    for (std::size_t k = 0; k < limits.size(); ++k) {
      const double network = solved.cost.totals.get(limits[k].request.name), table = solved.allocation.totals.at(limits[k].request.name);
      // Only what the table gets wrong is corrected: room that the program itself left stays as it is.
      const double corrected = network > 0 ? limits[k].absolute * table / network : limits[k].absolute;
      least[k] = std::min(least[k], network);
      const bool over = network > slack(limits[k].absolute);
      if (over ? corrected < separable[k].value : corrected > separable[k].value * (1 + 1e-4)) {
        separable[k].value = corrected;
        changed = true;
      } else if (over) {
        separable[k].value = std::min(separable[k].value, table) * (1 - 1e-6);
        changed = true;
      }
    }
    if (better) best = std::move(solved);
    if (!changed) break;
  }
  if (best) return Answer(std::move(*best));
  // Each round was optimal for the table, none kept the limits as a network.
  quantizer::Infeasible infeasible;
  for (std::size_t k = 0; k < limits.size(); ++k)
    if (least[k] > slack(limits[k].absolute)) infeasible.conflicts.push_back({limits[k].request.name, limits[k].absolute, least[k]});
  return Answer(std::move(infeasible));
}

}  // namespace dyad::workflow
