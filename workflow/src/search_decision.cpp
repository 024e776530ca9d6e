#include "search_decision.hpp"

#include <algorithm>

#include "episodes.hpp"
#include "network_scorer.hpp"
#include "search_hmq.hpp"
#include "search_problem.hpp"

namespace dyad::workflow {
namespace {

using Answer = std::variant<Decision, quantizer::Infeasible, Cancelled>;

quantizer::KeepGoing follow(Progress& progress) {
  return [&progress](std::int64_t done, std::int64_t total) {
    progress.update(done, total);
    return !progress.cancelled();
  };
}

/// The solved assignment and its cost, each layer with the loss of its choice.
void take(Decision& decision, Solved solved) {
  for (SearchLayer& layer : solved.cost.layers)
    for (const quantizer::ChoiceLayer& choices : decision.problem.layers)
      if (choices.name == layer.shape.name)
        for (const quantizer::Choice& choice : choices.choices)
          if (choice.w == layer.bits.weight && choice.a == layer.bits.activation) layer.loss = choice.loss;
  decision.allocation = std::move(solved.allocation);
  decision.cost = std::move(solved.cost);
}

Result<Answer> decide_by_episodes(const SearchRequest& request, const SearchSubject& subject, SearchStages& stages) {
  if (!stages.enter("episodes")) return Answer(Cancelled{stages.current()});
  DYAD_TRY(auto outcome, search_by_episodes(request, subject.calibrated, subject.costed, subject.at_8_bits, subject.drawn,
                                            subject.episodes_hash, stages));
  if (auto* infeasible = std::get_if<quantizer::Infeasible>(&outcome)) return Answer(std::move(*infeasible));
  auto& found = std::get<EpisodeOutcome>(outcome);
  if (found.history.empty()) return Answer(Cancelled{stages.current()});
  Decision decision;
  if (found.cancelled) decision.cut_short = stages.current();
  decision.has_objective = false;
  decision.limits = std::move(found.limits);
  decision.history = std::move(found.history);
  decision.allocation.assignment = std::move(found.best);
  decision.allocation.totals["latency"] = found.cost.totals.latency_us;
  decision.cost = std::move(found.cost);
  DYAD_TRY(decision.network, quantize_for(request, subject.calibrated, decision.allocation.assignment));
  return Answer(std::move(decision));
}

Result<Answer> decide_by_training(const SearchRequest& request, const SearchSubject& subject, SearchStages& stages) {
  if (!stages.enter("hmq")) return Answer(Cancelled{stages.current()});
  DYAD_TRY(auto outcome, search_hmq(request, subject.calibrated, subject.costed, subject.at_8_bits, stages));
  if (auto* infeasible = std::get_if<quantizer::Infeasible>(&outcome)) return Answer(std::move(*infeasible));
  if (std::holds_alternative<Cancelled>(outcome)) return Answer(Cancelled{stages.current()});
  HmqFound& found = std::get<HmqFound>(outcome);
  Decision decision;
  decision.problem = std::move(found.problem);
  take(decision, std::move(found.solved));
  decision.limits = std::move(found.limits);
  decision.network = std::move(found.network);
  decision.hmq = std::make_shared<const OrderedJson>(std::move(found.record));
  DYAD_TRY(SearchEpisode scored, score_once(request, subject.drawn, decision.network, decision.cost.totals, 0));
  decision.history.push_back(std::move(scored));
  return Answer(std::move(decision));
}

Result<Answer> decide_by_program(const SearchRequest& request, const SearchSubject& subject, SearchStages& stages) {
  const bool hawq = request.method == SearchMethod::kHawq;
  std::vector<quantizer::LayerTrace> traces;
  if (hawq) {
    if (!stages.enter("Hessian traces")) return Answer(Cancelled{stages.current()});
    DYAD_TRY(traces, request.traces(stages));
  }

  if (!stages.enter("sensitivity")) return Answer(Cancelled{stages.current()});
  Decision decision;
  decision.can_sweep = true;
  std::vector<int> measured_bits = request.bits;
  if (std::find(measured_bits.begin(), measured_bits.end(), 8) == measured_bits.end()) measured_bits.push_back(8);
  const auto metric = hawq ? quantizer::SensitivityMetric::kHessian : quantizer::SensitivityMetric::kMse;
  DYAD_TRY(auto sensitivity,
           quantizer::measure_sensitivity(subject.calibrated, metric, measured_bits, subject.sensitivity_images, traces, follow(stages)));
  if (!sensitivity) return Answer(Cancelled{stages.current()});
  decision.sensitivity = std::move(*sensitivity);

  if (!stages.enter("integer program")) return Answer(Cancelled{stages.current()});
  DYAD_TRY(decision.problem, make_choice_problem(request, subject.calibrated, subject.costed, decision.sensitivity));
  DYAD_TRY(decision.limits, resolve_search_limits(request, decision.problem, subject.at_8_bits));
  DYAD_TRY(auto outcome, solve_within(decision.problem, subject.costed, decision.limits));
  if (auto* infeasible = std::get_if<quantizer::Infeasible>(&outcome)) return Answer(std::move(*infeasible));
  take(decision, std::move(std::get<Solved>(outcome)));

  if (!stages.enter("integer network")) return Answer(Cancelled{stages.current()});
  DYAD_TRY(decision.network, subject.calibrated.quantize(decision.allocation.assignment));
  std::int64_t probes = 0;
  for (const quantizer::LayerSensitivity& layer : decision.sensitivity.layers)
    probes += static_cast<std::int64_t>(layer.error.size() + layer.input_error.size());
  DYAD_TRY(SearchEpisode scored, score_once(request, subject.drawn, decision.network, decision.cost.totals, probes));
  decision.history.push_back(std::move(scored));
  return Answer(std::move(decision));
}

}  // namespace

Result<std::variant<Decision, quantizer::Infeasible, Cancelled>> decide(const SearchRequest& request, const SearchSubject& subject,
                                                                        SearchStages& stages) {
  if (searches_by_episodes(request.method)) return decide_by_episodes(request, subject, stages);
  if (request.method == SearchMethod::kHmq) return decide_by_training(request, subject, stages);
  return decide_by_program(request, subject, stages);
}

}  // namespace dyad::workflow
