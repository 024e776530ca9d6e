// Searches by episodes on a small network: limits, determinism, checkpoints, cancellation, what they learn.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/kernels/executor.hpp"
#include "dyad/workflow/report.hpp"
#include "dyad/workflow/search.hpp"
#include "support/formula_model.hpp"
#include "support/small_network.hpp"
#include "support/test_data.hpp"

namespace dyad::workflow {
namespace {

using testing_support::FormulaModel;

const network::Normalization kNormalization{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
constexpr SearchMethod kMethods[] = {SearchMethod::kHaq, SearchMethod::kEvolution, SearchMethod::kRandom};

/// Cancels after so many updates of the stage "episodes".
class StopAfter final : public Progress {
 public:
  explicit StopAfter(int episodes) : left_(episodes) {}
  void stage(std::string_view name) override { counts_ = name == "episodes"; }
  void update(std::int64_t done, std::int64_t total) override {
    EXPECT_LE(done, total);
    if (counts_) --left_;
  }
  bool cancelled() const override { return left_ <= 0; }

 private:
  int left_;
  bool counts_ = false;
};

/// 2-bit weights are run as 4-bit ones, and so on: 3, 5, 6 and 7 cost as the next of 4 and 8.
class SteppedModel final : public CostModel {
 public:
  std::string name() const override { return "stepped"; }
  Tier tier() const override { return Tier::kAnalytic; }
  Megahertz clock() const override { return Megahertz(100); }
  int batch() const override { return 1; }
  Ceilings ceilings() const override { return {}; }
  Result<LayerCost> cost(const LayerShape& layer, OperandBits bits, const Activity& activity) const override {
    const int step = std::max(bits.weight, bits.activation) <= 4 ? 4 : 8;
    return formula_.cost(layer, {step, step, 8}, activity);
  }

 private:
  FormulaModel formula_{Tier::kAnalytic, 1};
};

class SearchEpisodes : public testing::Test {
 protected:
  void SetUp() override {
    kernels::register_cpu_backends();
    backend_ = make_integer_backend("cpu").value();
    request_.network = testing_support::small_residual_network(7);
    request_.model = "small";
    request_.normalization = kNormalization;
    request_.calibration = testing_support::images_labelled_by(request_.network, kNormalization, 128, 1);
    request_.evaluation = testing_support::images_labelled_by(request_.network, kNormalization, 100, 2);
    request_.calibration_images = 128;
    request_.sensitivity_images = 32;
    request_.sweep_images = 50;
    request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.4}};
    request_.cost_model = &analytic_;
    request_.backend = backend_.get();
    request_.episodes.count = 30;
    request_.episodes.reward_images = 96;
    request_.episodes.correction_images = 32;
  }

  SearchResult run() { return std::get<SearchResult>(search(request_, silent_).value()); }
  std::string document(const SearchResult& result) { return to_text(search_to_json(request_, result, "")); }

  SearchRequest request_;
  FormulaModel analytic_{Tier::kAnalytic, 1};
  std::unique_ptr<IntegerBackend> backend_;
  SilentProgress silent_;
};

TEST_F(SearchEpisodes, EveryEpisodeKeepsTheLimitsAndTheBestIsTheResult) {
  request_.limits.push_back({"size", quantizer::LimitKind::kRatio, 0.6});
  request_.limits.push_back({"energy", quantizer::LimitKind::kRatio, 0.5});
  for (const SearchMethod method : kMethods) {
    SCOPED_TRACE(to_string(method));
    request_.method = method;
    const SearchResult result = run();
    ASSERT_EQ(result.history.size(), 30u);
    const SearchEpisode* best = nullptr;
    for (const SearchEpisode& episode : result.history) {
      for (const ResolvedLimit& limit : result.limits)
        EXPECT_LE(episode.cost.get(limit.request.name), limit.absolute * (1 + 1e-12)) << limit.request.name;
      if (best == nullptr || episode.reward > best->reward || (episode.reward == best->reward && episode.logits_mse < best->logits_mse))
        best = &episode;
    }
    EXPECT_EQ(result.cost.latency_us, best->cost.latency_us);
    EXPECT_EQ(result.cost.size_mib, best->cost.size_mib);
    EXPECT_LE(result.history.back().evaluations, 30);
    EXPECT_EQ(result.allocation.assignment.at("stem"), (LayerBits{8, 8}));
    const Json json = Json::parse(document(result));
    EXPECT_EQ(json["status"], "feasible");
    EXPECT_TRUE(json["objective"].is_null());
    EXPECT_EQ(json["history"].size(), 30u);
    EXPECT_TRUE(check_result_document({"search.json", json}));
  }
}

TEST_F(SearchEpisodes, SameBytesWithAnyNumberOfThreadsAndOtherOnesWithAnotherSeed) {
  request_.episodes.count = 26;  // beyond the warm-up and the first population
  for (const SearchMethod method : kMethods) {
    SCOPED_TRACE(to_string(method));
    request_.method = method;
    set_thread_count(1);
    const std::string one = document(run());
    set_thread_count(3);
    const std::string three = document(run());
    set_thread_count(0);
    EXPECT_EQ(one, three);
    request_.seed = 1;
    EXPECT_NE(document(run()), one);
    request_.seed = 0;
  }
}

TEST_F(SearchEpisodes, AStoppedSearchContinuesAsIfNothingHadHappened) {
  for (const SearchMethod method : kMethods) {
    SCOPED_TRACE(to_string(method));
    const testing_support::TemporaryFolder folder;
    request_.method = method;
    request_.episodes.checkpoint.clear();
    const std::string whole = document(run());
    request_.episodes.checkpoint = folder / "search.checkpoint";
    StopAfter stop(24);
    const auto stopped = std::get<SearchResult>(search(request_, stop).value());
    EXPECT_EQ(stopped.stopped_at, "episodes");
    EXPECT_LT(stopped.history.size(), 30u);
    EXPECT_GE(stopped.history.size(), 22u);
    EXPECT_EQ(document(run()), whole);
    EXPECT_EQ(document(run()), whole);  // nothing is left to do
  }
}

TEST_F(SearchEpisodes, AFewEpisodesExtendToMore) {
  const testing_support::TemporaryFolder folder;
  request_.method = SearchMethod::kHaq;
  const std::string whole = document(run());
  request_.episodes.checkpoint = folder / "search.checkpoint";
  request_.episodes.count = 23;
  run();
  request_.episodes.count = 30;
  EXPECT_EQ(document(run()), whole);
}

TEST_F(SearchEpisodes, CheckpointsOfOtherSearchesAreErrors) {
  const testing_support::TemporaryFolder folder;
  const auto message = [&] {
    const auto result = search(request_, silent_);
    return result ? std::string("none") : result.error().place + " " + result.error().message;
  };
  request_.method = SearchMethod::kRandom;
  request_.episodes.checkpoint = folder / "c";
  request_.episodes.count = 3;
  run();
  const std::string place = (folder / "c").string();
  request_.episodes.count = 2;
  EXPECT_EQ(message(), place + " already holds 3 episodes");
  request_.episodes.count = 3;
  request_.seed = 9;
  EXPECT_EQ(message(), place + ":/config_hash is of another search");
  request_.seed = 0;
  ASSERT_TRUE(write_text(place, std::string("nonsense")));
  EXPECT_EQ(message(), place + " is no checkpoint of a search");
}

TEST_F(SearchEpisodes, CancelledBeforeTheFirstEpisodeKeepsNothing) {
  request_.method = SearchMethod::kEvolution;
  StopAfter stop(0);
  EXPECT_TRUE(std::holds_alternative<Cancelled>(search(request_, stop).value()));
}

TEST_F(SearchEpisodes, LimitsThatNothingKeepsNameTheSmallest) {
  request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.01}};
  for (const SearchMethod method : kMethods) {
    request_.method = method;
    const SearchOutcome outcome = search(request_, silent_).value();
    ASSERT_TRUE(std::holds_alternative<quantizer::Infeasible>(outcome));
    const auto& conflicts = std::get<quantizer::Infeasible>(outcome).conflicts;
    ASSERT_EQ(conflicts.size(), 1u);
    EXPECT_GT(conflicts[0].smallest, conflicts[0].limit);
  }
}

TEST_F(SearchEpisodes, BitsThatCostNothingAreTaken) {
  const SteppedModel stepped;
  request_.cost_model = &stepped;
  request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.7}};
  for (const SearchMethod method : kMethods) {
    SCOPED_TRACE(to_string(method));
    request_.method = method;
    request_.episodes.count = 5;
    for (const auto& [name, bits] : run().allocation.assignment)
      EXPECT_TRUE(bits == (LayerBits{4, 4}) || bits == (LayerBits{8, 8})) << name << " " << bits.weight << " " << bits.activation;
  }
}

TEST_F(SearchEpisodes, PublishedQuirksGiveAnotherSearch) {
  request_.method = SearchMethod::kHaq;
  const std::string plain = document(run());
  request_.episodes.haq_compat = true;
  const SearchResult compat = run();
  EXPECT_NE(document(compat), plain);
  for (const SearchEpisode& episode : compat.history) EXPECT_LE(episode.cost.latency_us, compat.limits[0].absolute * (1 + 1e-12));
}

TEST_F(SearchEpisodes, EvolutionBeatsRandomDrawsOnAverage) {
  double evolution = 0, random = 0;
  request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.25}};
  request_.episodes.count = 80;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    request_.seed = seed;
    request_.method = SearchMethod::kEvolution;
    evolution += run().history.back().reward;
    request_.method = SearchMethod::kRandom;
    random += run().history.back().reward;
  }
  EXPECT_GT(evolution, random);  // of the last networks, not of the best
}

TEST_F(SearchEpisodes, KmeansKeepsASizeAndLeavesActivationsAlone) {
  request_.episodes.kmeans = true;
  request_.bits = {1, 2, 3, 4, 5, 6, 7, 8};
  request_.limits = {{"size", quantizer::LimitKind::kRatio, 0.75}};
  request_.method = SearchMethod::kHaq;
  request_.episodes.count = 23;
  const SearchResult result = run();
  EXPECT_LE(result.cost.size_mib, result.limits[0].absolute);
  bool narrower = false;
  for (const auto& [name, bits] : result.allocation.assignment) {
    EXPECT_EQ(bits.activation, 8) << name;
    narrower = narrower || bits.weight < 8;
  }
  EXPECT_TRUE(narrower);
  EXPECT_EQ(search_to_json(request_, result, "")["scheme"], "kmeans");

  request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.5}};
  EXPECT_FALSE(search(request_, silent_));
  request_.method = SearchMethod::kExact;
  EXPECT_FALSE(search(request_, silent_));
}

TEST_F(SearchEpisodes, MethodsWithoutEpisodesHaveOneEntry) {
  request_.method = SearchMethod::kExact;
  const SearchResult result = run();
  ASSERT_EQ(result.history.size(), 1u);
  EXPECT_EQ(result.history[0].cost.latency_us, result.cost.latency_us);
  EXPECT_GT(result.history[0].evaluations, 1);
}

TEST_F(SearchEpisodes, ARunOutOfTimeKeepsWhatItHas) {
  request_.method = SearchMethod::kRandom;
  request_.episodes.count = 1000000;
  request_.episodes.budget_seconds = 0.001;
  const SearchResult result = run();
  EXPECT_GE(result.history.size(), 1u);
  EXPECT_TRUE(result.stopped_at.empty());
}

}  // namespace
}  // namespace dyad::workflow
