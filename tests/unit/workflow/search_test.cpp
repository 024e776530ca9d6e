// The whole search on a small network made from a seed, with an accelerator whose costs are one-line formulas.
#include "dyad/workflow/search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dyad/base/parallel.hpp"
#include "dyad/kernels/executor.hpp"
#include "support/formula_model.hpp"
#include "support/small_network.hpp"

namespace dyad::workflow {
namespace {

using testing_support::FormulaModel;

const network::Normalization kNormalization{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};

/// Cancels when a stage of that name begins.
class StopAt final : public Progress {
 public:
  explicit StopAt(std::string name) : name_(std::move(name)) {}
  void stage(std::string_view name) override { stop_ = stop_ || name.substr(0, name_.size()) == name_; }
  void update(std::int64_t done, std::int64_t total) override { EXPECT_LE(done, total); }
  bool cancelled() const override { return stop_; }

 private:
  std::string name_;
  bool stop_ = false;
};

class Search : public testing::Test {
 protected:
  void SetUp() override {
    kernels::register_cpu_backends();
    backend_ = make_integer_backend("scalar").value();
    request_.network = testing_support::small_residual_network(7);
    request_.model = "small";
    request_.normalization = kNormalization;
    request_.calibration = testing_support::images_labelled_by(request_.network, kNormalization, 96, 1);
    request_.evaluation = testing_support::images_labelled_by(request_.network, kNormalization, 200, 2);
    request_.calibration_images = 64;
    request_.sensitivity_images = 32;
    request_.sweep_images = 100;
    request_.sweep_ratios = {0.8, 0.5};
    request_.bits = {2, 3, 4, 6, 8};
    request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.6}};
    request_.cost_model = &analytic_;
    request_.check_model = &cycle_;
    request_.backend = backend_.get();
  }

  SearchResult run() { return std::get<SearchResult>(search(request_, silent_).value()); }

  SearchRequest request_;
  FormulaModel analytic_{Tier::kAnalytic, 1}, cycle_{Tier::kCycle, 1.003};
  std::unique_ptr<IntegerBackend> backend_;
  SilentProgress silent_;
};

TEST_F(Search, KeepsItsLimitsAndProvesItsOptimum) {
  request_.limits.push_back({"size", quantizer::LimitKind::kRatio, 0.7});
  const SearchResult result = run();
  EXPECT_TRUE(result.allocation.proved);
  EXPECT_EQ(result.allocation.bound, result.allocation.objective);
  ASSERT_EQ(result.limits.size(), 2u);
  EXPECT_DOUBLE_EQ(result.limits[0].absolute, 0.6 * result.cost_at_8_bits.latency_us);
  EXPECT_LE(result.cost.latency_us, result.limits[0].absolute);
  EXPECT_LE(result.cost.size_mib, result.limits[1].absolute);
  // First convolution and last linear layer stay at 8 bits, everything adds up.
  EXPECT_EQ(result.allocation.assignment.at("stem"), (LayerBits{8, 8}));
  EXPECT_EQ(result.allocation.assignment.at("linear"), (LayerBits{8, 8}));
  double latency = 0, size = 0, loss = 0;
  for (const SearchLayer& layer : result.layers) {
    latency += static_cast<double>(layer.cost.cycles.value) / 100;  // 100 MHz
    size += static_cast<double>(layer.shape.weight_count()) * layer.bits.weight / 8 / 1048576;
    loss += layer.loss.value_or(0);
  }
  EXPECT_NEAR(result.cost.latency_us, latency, 1e-9 * latency);
  EXPECT_NEAR(result.cost.size_mib, size, 1e-12);
  EXPECT_NEAR(result.allocation.objective, loss, 1e-12);
}

TEST_F(Search, LosesNoMoreThanAnyUniformBitsWithinTheLimit) {
  const SearchResult result = run();
  int compared = 0;
  for (const int w : request_.bits)
    for (const int a : request_.bits) {
      double loss = 0, latency = 0;
      for (const SearchLayer& layer : result.layers) {
        OperandBits bits = layer.bits;
        if (layer.loss) {
          const bool fixed = layer.shape.name == "stem" || layer.shape.name == "linear";
          bits = {fixed ? 8 : w, fixed ? 8 : a, fixed ? 8 : a};
          const auto measured = std::find_if(result.sensitivity.layers.begin(), result.sensitivity.layers.end(),
                                             [&](const auto& entry) { return entry.name == layer.shape.name; });
          loss += measured->error.at(bits.weight) + measured->input_error.at(bits.activation);
        } else {
          bits = {8, 16, 16};
        }
        latency += static_cast<double>(analytic_.cost(layer.shape, bits, {})->cycles.value) / 100;
      }
      if (latency > result.allocation.totals.at("latency")) continue;
      ++compared;
      EXPECT_LE(result.allocation.objective, loss) << "W" << w << "A" << a;
    }
  EXPECT_GE(compared, 5);
}

TEST_F(Search, MeasuresWhatItPromises) {
  const SearchResult result = run();
  EXPECT_EQ(result.top1_float, 100);  // labels are the float network's own
  EXPECT_GT(result.top1, 60);
  EXPECT_EQ(result.evaluation_images, 200);
  EXPECT_EQ(result.digest.size(), 64u);
  ASSERT_TRUE(result.best_uniform);
  const ParetoPoint& best = result.pareto[*result.best_uniform];
  EXPECT_EQ(best.origin, "uniform");
  EXPECT_EQ(best.top1_images, 200);
  EXPECT_LE(best.cost.latency_us, result.limits[0].absolute);
  for (const ParetoPoint& point : result.pareto) {
    if (point.origin != "uniform" || point.top1_images < 200) continue;
    EXPECT_LE(point.top1, best.top1);
  }
  EXPECT_EQ(result.pareto.front().origin, "search");
  int sweep = 0;
  for (const ParetoPoint& point : result.pareto) {
    if (point.origin == "sweep") ++sweep;
    const bool beaten = std::any_of(result.pareto.begin(), result.pareto.end(), [&](const ParetoPoint& other) {
      return other.cost.latency_us <= point.cost.latency_us && other.top1 >= point.top1 &&
             (other.cost.latency_us < point.cost.latency_us || other.top1 > point.top1);
    });
    EXPECT_EQ(point.on_front, !beaten) << point.label;
  }
  EXPECT_EQ(sweep, 2);
}

TEST_F(Search, CycleTierConfirmsOrRefutesTheCost) {
  const SearchResult confirmed = run();
  ASSERT_TRUE(confirmed.cycle_check);
  EXPECT_TRUE(confirmed.cycle_check->within_contract());
  EXPECT_NEAR(confirmed.cycle_check->network_error, 0.003 / 1.003, 5e-4);
  const FormulaModel wrong(Tier::kCycle, 1.1);
  request_.check_model = &wrong;
  const SearchResult refuted = run();
  EXPECT_FALSE(refuted.cycle_check->within_contract());
  EXPECT_EQ(search_to_json(request_, refuted, "")["verified"], false);
  request_.check_model = nullptr;
  const SearchResult unchecked = run();
  const OrderedJson document = search_to_json(request_, unchecked, "");
  EXPECT_EQ(document["verified"], false);
  EXPECT_TRUE(document["cycle_check"].is_null());
}

TEST_F(Search, GivesTheSameBytesWithAnyNumberOfThreads) {
  set_thread_count(1);
  const std::string one = to_text(search_to_json(request_, run(), "net.dyad"));
  set_thread_count(3);
  const std::string three = to_text(search_to_json(request_, run(), "net.dyad"));
  set_thread_count(0);
  EXPECT_EQ(one, three);
}

TEST_F(Search, DocumentHasThePromisedFieldsInOrder) {
  const SearchResult result = run();
  const OrderedJson document = search_to_json(request_, result, "");
  std::vector<std::string> keys;
  for (const auto& [key, value] : document.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"schema",        "version",    "config_hash", "seed",         "model",      "data",
                                            "method",        "tier",       "accelerator", "limits",       "status",     "objective",
                                            "bound",         "assignment", "top1",        "top5",         "top1_float", "digest",
                                            "logits_mse",    "cost",       "layers",      "best_uniform", "pareto",     "history",
                                            "reward_images", "verified",   "cycle_check", "sensitivity",  "images",     "out"}));
  EXPECT_EQ(document["status"], "optimal");
  EXPECT_EQ(document["verified"], true);
  EXPECT_TRUE(document["out"].is_null());
  EXPECT_EQ(document["sensitivity"]["metric"], "output_mse");
  EXPECT_EQ(document["assignment"].size(), 5u);
  EXPECT_EQ(document["assignment"].begin().key(), "stem");  // execution order
  EXPECT_LE(document["cost"]["ratio"]["latency"], 0.6);
  const auto& layers = document["layers"];
  const auto named = [&](const char* name) {
    return std::find_if(layers.begin(), layers.end(), [&](const auto& layer) { return layer["name"] == name; });
  };
  EXPECT_EQ(named("block.add"), layers.end());  // it runs inside the convolution before it
  ASSERT_NE(named("block.conv2"), layers.end());
  EXPECT_EQ(named("block.conv2")->at("fused_add"), "block.add");
  ASSERT_NE(named("pool"), layers.end());
  EXPECT_FALSE(named("pool")->contains("w"));
  EXPECT_TRUE(layers[0].contains("loss"));
}

TEST_F(Search, ConfigHashFollowsEverythingThatDecidesTheResult) {
  request_.sweep_ratios = {};
  const std::string first = run().config_hash;
  EXPECT_EQ(run().config_hash, first);
  request_.seed = 1;
  EXPECT_NE(run().config_hash, first);
  request_.seed = 0;
  request_.evaluation.labels[3] = (request_.evaluation.labels[3] + 1) % 5;
  EXPECT_NE(run().config_hash, first);
}

TEST_F(Search, HawqTiesWeightsAndActivations) {
  request_.method = SearchMethod::kHawq;
  const auto refused = search(request_, silent_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().place, "method");

  request_.traces = [&](Progress&) -> Result<std::vector<quantizer::LayerTrace>> {
    std::vector<quantizer::LayerTrace> traces;
    for (const network::NodeId id : network::weighted_nodes(request_.network))
      traces.push_back({request_.network.node(id).name, 10.0 + static_cast<double>(id), 1.0, request_.network.node(id).weight.size()});
    return traces;
  };
  const SearchResult result = run();
  for (const auto& [name, bits] : result.allocation.assignment) EXPECT_EQ(bits.weight, bits.activation) << name;
  EXPECT_LE(result.cost.latency_us, result.limits[0].absolute);
  EXPECT_EQ(search_to_json(request_, result, "")["sensitivity"]["metric"], "hessian");
}

TEST_F(Search, SaysWhichLimitCantBeMet) {
  request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.9}, {"size", quantizer::LimitKind::kRatio, 0.05}};
  const SearchOutcome outcome = search(request_, silent_).value();
  const auto& conflicts = std::get<quantizer::Infeasible>(outcome).conflicts;
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0].name, "size");
  EXPECT_GT(conflicts[0].smallest, conflicts[0].limit);
}

TEST_F(Search, RefusesBadRequests) {
  const auto place_of = [&](SearchRequest& request) {
    const auto failure = search(request, silent_);
    return failure ? std::string("accepted") : failure.error().place;
  };
  SearchRequest request = request_;
  request.limits = {{"area", quantizer::LimitKind::kAbsolute, 1}};
  EXPECT_EQ(place_of(request), "limit");
  request = request_;
  request.bits = {4, 9};
  EXPECT_EQ(place_of(request), "bits");
  request.bits = {4, 4};
  EXPECT_EQ(place_of(request), "bits");
  request = request_;
  request.calibration = request.calibration.subset({});
  EXPECT_EQ(place_of(request), "calibration");
}

TEST_F(Search, StopsCleanlyAndKeepsWhatIsWorthKeeping) {
  StopAt early("sensitivity");
  const SearchOutcome nothing = search(request_, early).value();
  EXPECT_EQ(std::get<Cancelled>(nothing).stage, "sensitivity");
  StopAt late("sweep");
  const SearchOutcome kept = search(request_, late).value();
  const auto& result = std::get<SearchResult>(kept);
  EXPECT_EQ(result.stopped_at, "sweep");
  EXPECT_TRUE(result.best_uniform);
  EXPECT_EQ(search_to_json(request_, result, "")["stopped_at"], "sweep");
}

}  // namespace
}  // namespace dyad::workflow
