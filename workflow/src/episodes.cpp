#include "episodes.hpp"

#include <fmt/format.h>

#include <chrono>

#include "episode_checkpoint.hpp"
#include "proposers.hpp"

namespace dyad::workflow {
namespace {

using Clock = std::chrono::steady_clock;

std::unique_ptr<Proposer> make_proposer(const SearchRequest& request, const BitSpace& space) {
  switch (request.method) {
    case SearchMethod::kHaq: return make_haq_proposer(space, request.seed, request.episodes.haq_compat);
    case SearchMethod::kEvolution: return make_evolution_proposer(space, request.seed);
    case SearchMethod::kRandom: return make_random_proposer(space, request.seed);
    default: break;
  }
  DYAD_EXPECT(false, "the method has no episodes");
  return nullptr;
}

/// The episodes so far, and the best of them.
class Run {
 public:
  Run(const SearchRequest& request, const BitSpace& space, NetworkScorer& scorer) : request_(request), space_(space), scorer_(scorer) {}

  Result<void> add(const Bits& bits, const NetworkScore& score) {
    const ScoredBits one{bits, scorer_.reward(score), score.logits_mse};
    scorer_.know(space_.assignment(bits), score);
    DYAD_TRY(NetworkCost cost, space_.cost(bits));
    DYAD_EXPECT(within(cost.totals, space_.limits()), "an episode left its limits");
    history_.push_back({scorer_.evaluations(), one.reward, score.top1, score.logits_mse, cost.totals});
    checkpoint_.episodes.push_back({bits, score});
    if (scored_.empty() || one.better_than(scored_[best_])) {
      best_ = scored_.size();
      best_cost_ = std::move(cost);
    }
    scored_.push_back(one);
    return {};
  }

  Result<void> resume(Proposer& proposer, const std::string& hash) {
    if (request_.episodes.checkpoint.empty()) return {};
    DYAD_TRY(auto found, read_checkpoint(request_.episodes.checkpoint, hash, space_.layers().size()));
    if (!found) return {};
    if (static_cast<std::int64_t>(found->episodes.size()) > request_.episodes.count)
      return Error{request_.episodes.checkpoint.string(), "already holds " + std::to_string(found->episodes.size()) + " episodes",
                   "ask for as many or more, or name another file"};
    for (const auto& episode : found->episodes) DYAD_CHECK(add(episode.bits, episode.score));
    return proposer.load(found->proposer, request_.episodes.checkpoint.string());
  }

  Result<void> step(Proposer& proposer, const std::string& hash) {
    DYAD_TRY(const Bits bits, proposer.propose(scored_));
    DYAD_TRY(const NetworkScore score, scorer_.score(space_.assignment(bits)));
    DYAD_CHECK(add(bits, score));
    proposer.learn(scored_.back());
    if (request_.episodes.checkpoint.empty()) return {};
    checkpoint_.proposer = proposer.save();
    return write_checkpoint(request_.episodes.checkpoint, hash, checkpoint_);
  }

  std::int64_t count() const { return static_cast<std::int64_t>(scored_.size()); }
  std::string best_words() const {
    if (scored_.empty()) return "";
    return fmt::format("best reward {:.3f}, top-1 {:.2f} %", scored_[best_].reward, history_[best_].top1);
  }
  EpisodeOutcome finish() && {
    EpisodeOutcome outcome;
    if (!scored_.empty()) outcome.best = space_.assignment(scored_[best_].bits);
    outcome.cost = std::move(best_cost_);
    outcome.limits = space_.limits();
    outcome.history = std::move(history_);
    return outcome;
  }

 private:
  const SearchRequest& request_;
  const BitSpace& space_;
  NetworkScorer& scorer_;
  std::vector<ScoredBits> scored_;
  std::vector<SearchEpisode> history_;
  EpisodeCheckpoint checkpoint_;
  std::size_t best_ = 0;
  NetworkCost best_cost_;
};

}  // namespace

Result<std::variant<EpisodeOutcome, quantizer::Infeasible>> search_by_episodes(const SearchRequest& request,
                                                                               const quantizer::CalibratedNetwork& calibrated,
                                                                               const CostedNetwork& costed, const CostTotals& at_8_bits,
                                                                               const network::Dataset& drawn, const std::string& hash,
                                                                               Progress& progress) {
  using Answer = std::variant<EpisodeOutcome, quantizer::Infeasible>;
  const auto began = Clock::now();
  DYAD_TRY(auto outcome, BitSpace::create(request, calibrated, costed, at_8_bits));
  if (auto* infeasible = std::get_if<quantizer::Infeasible>(&outcome)) return Answer(std::move(*infeasible));
  const BitSpace& space = std::get<BitSpace>(outcome);
  DYAD_TRY(NetworkScorer scorer, NetworkScorer::create(request, drawn));
  const std::unique_ptr<Proposer> proposer = make_proposer(request, space);
  Run run(request, space, scorer);
  DYAD_CHECK(run.resume(*proposer, hash));
  const auto out_of_time = [&] {
    return request.episodes.budget_seconds > 0 && run.count() > 0 &&
           std::chrono::duration<double>(Clock::now() - began).count() >= request.episodes.budget_seconds;
  };
  while (run.count() < request.episodes.count && !out_of_time() && !progress.cancelled()) {
    if (request.episodes.heard && run.count() > 0) request.episodes.heard(run.best_words());
    progress.update(run.count(), request.episodes.count);
    DYAD_CHECK(run.step(*proposer, hash));
  }
  const bool cancelled = run.count() < request.episodes.count && progress.cancelled();
  EpisodeOutcome result = std::move(run).finish();
  result.cancelled = cancelled;
  return Answer(std::move(result));
}

Result<SearchEpisode> score_once(const SearchRequest& request, const network::Dataset& drawn, const quantizer::IntegerNetwork& network,
                                 const CostTotals& cost, std::int64_t evaluations) {
  DYAD_TRY(NetworkScorer scorer, NetworkScorer::create(request, drawn));
  DYAD_TRY(const NetworkScore score, scorer.measure(network));
  return SearchEpisode{evaluations + 1, scorer.reward(score), score.top1, score.logits_mse, cost};
}

}  // namespace dyad::workflow
