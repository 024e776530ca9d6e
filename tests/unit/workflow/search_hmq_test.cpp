// Method hmq as a whole: limits hold exactly, the integer network is the trained one, the document says how it went.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dyad/kernels/executor.hpp"
#include "dyad/workflow/search.hpp"
#include "support/formula_model.hpp"
#include "support/small_network.hpp"

namespace dyad::workflow {
namespace {

const network::Normalization kNormalization{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};

class HmqMethod : public testing::Test {
 protected:
  void SetUp() override {
    if (!training::open_module()) GTEST_SKIP() << "this build has no training module (LibTorch)";
    kernels::register_cpu_backends();
    backend_ = make_integer_backend("scalar").value();
    request_.network = testing_support::small_residual_network(7);
    request_.model = "small";
    request_.normalization = kNormalization;
    request_.calibration = testing_support::images_labelled_by(request_.network, kNormalization, 256, 1);
    request_.evaluation = testing_support::images_labelled_by(request_.network, kNormalization, 200, 2);
    request_.calibration_images = 64;
    request_.sensitivity_images = 32;
    request_.sweep_images = 100;
    request_.bits = {2, 3, 4, 6, 8};
    request_.method = SearchMethod::kHmq;
    request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.5}};
    request_.cost_model = &analytic_;
    request_.check_model = &cycle_;
    request_.backend = backend_.get();
    request_.hmq.epochs = 4;
    request_.hmq.batch = 16;
    request_.hmq.threads = 1;
    request_.hmq.augment = false;
  }

  SearchOutcome run() { return search(request_, silent_).value(); }

  SearchRequest request_;
  testing_support::FormulaModel analytic_{Tier::kAnalytic, 1}, cycle_{Tier::kCycle, 1};
  std::unique_ptr<IntegerBackend> backend_;
  SilentProgress silent_;
};

TEST_F(HmqMethod, KeepsEveryLimit) {
  request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.5},
                     {"energy", quantizer::LimitKind::kRatio, 0.6},
                     {"size", quantizer::LimitKind::kRatio, 0.6},
                     {"bops", quantizer::LimitKind::kRatio, 0.4},
                     {"activations", quantizer::LimitKind::kRatio, 0.5}};
  const SearchResult result = std::get<SearchResult>(run());
  ASSERT_EQ(result.limits.size(), 5u);
  for (const ResolvedLimit& limit : result.limits)
    EXPECT_LE(result.cost.get(limit.request.name), limit.absolute * (1 + 1e-12)) << limit.request.name;
  EXPECT_DOUBLE_EQ(result.limits[4].absolute, result.cost_at_8_bits.activation_mib / 2);
  EXPECT_EQ(result.allocation.assignment.at("stem"), (LayerBits{8, 8}));
  EXPECT_EQ(result.network.assignment, result.allocation.assignment);
  EXPECT_TRUE(result.allocation.proved);
  ASSERT_TRUE(result.cycle_check);
  EXPECT_EQ(result.cycle_check->network_error, 0);
  const OrderedJson document = search_to_json(request_, result, "");
  EXPECT_EQ(document.at("method"), "hmq");
  EXPECT_FALSE(document.contains("sensitivity"));
  const auto& hmq = document.at("hmq");
  EXPECT_EQ(hmq.at("epochs").size(), 4u);
  EXPECT_TRUE(hmq.at("likeliest_keeps_limits").is_boolean());
  for (const auto& [name, bits] : hmq.at("likeliest_assignment").items()) {
    const auto& changed = hmq.at("changed_layers");
    EXPECT_EQ(bits != document.at("assignment").at(name), std::count(changed.begin(), changed.end(), name) == 1) << name;
  }
}

TEST_F(HmqMethod, TheIntegerNetworkScoresNearlyAsTheFloatOne) {
  request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.6}};
  const SearchResult result = std::get<SearchResult>(run());
  EXPECT_GE(result.top1, 85);  // labels are the float network's own answers: it scores 100
  EXPECT_EQ(result.top1_float, 100);
}

TEST_F(HmqMethod, TheSameRequestGivesTheSameBytes) {
  const SearchResult first = std::get<SearchResult>(run()), second = std::get<SearchResult>(run());
  EXPECT_EQ(first.digest, second.digest);
  EXPECT_EQ(search_to_json(request_, first, ""), search_to_json(request_, second, ""));
  request_.hmq.weight_rate *= 2;
  EXPECT_NE(std::get<SearchResult>(run()).config_hash, first.config_hash);
}

TEST_F(HmqMethod, SaysBeforeTrainingThatALimitCannotBeKept) {
  request_.limits = {{"latency", quantizer::LimitKind::kRatio, 0.01}};
  const SearchOutcome outcome = run();
  ASSERT_TRUE(std::holds_alternative<quantizer::Infeasible>(outcome));
  request_.limits = {{"activations", quantizer::LimitKind::kAbsolute, 1e-9}};
  const SearchOutcome other = run();
  ASSERT_TRUE(std::holds_alternative<quantizer::Infeasible>(other));
  EXPECT_EQ(std::get<quantizer::Infeasible>(other).conflicts.at(0).name, "activations");
}

TEST_F(HmqMethod, OtherMethodsKnowNoLimitOnActivations) {
  request_.method = SearchMethod::kExact;
  request_.limits = {{"activations", quantizer::LimitKind::kRatio, 0.5}};
  const auto result = search(request_, silent_);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().hint.find("of method hmq"), std::string::npos);
}

}  // namespace
}  // namespace dyad::workflow
