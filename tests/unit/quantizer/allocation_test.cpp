// The exact integer program against brute force, dynamic programming, hand-worked cases and HAWQ-V3's published bit lists.
#include "dyad/quantizer/allocation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "dyad/base/random.hpp"
#include "support/test_data.hpp"

namespace dyad::quantizer {
namespace {

using Outcome = std::variant<Allocation, Infeasible>;

/// HAWQ-V3's program: 4 or 8 bits, loss = trace * |W - Q(W)|^2, sizes 0.5 / 1 per parameter, BOPS MAC / 64 and / 16, T4 latency.
/// Source: facts of HAWQ-V3's ILP notebook; traces are already divided by the number of parameters.
ChoiceProblem hawq_problem(const Json& data, const std::string& network, const std::string& cost) {
  const Json& inputs = data["inputs"][network];
  ChoiceProblem problem;
  const auto& names = data["layers"][network];
  for (std::size_t i = 0; i < names.size(); ++i) {
    ChoiceLayer layer{names[i], {}};
    const double trace = inputs["Hutchinson_trace"][i];
    for (const int bits : {4, 8}) {
      const std::string suffix = std::to_string(bits);
      Choice choice{bits, bits, trace * inputs["delta_weights_" + suffix + "bit_square"][i].get<double>(), {}};
      if (cost == "size") choice.costs["size"] = inputs["parameters"][i].get<double>() * bits / 8;
      if (cost == "bops") choice.costs["bops"] = inputs["bops"][i].get<double>() / (bits == 4 ? 64 : 16);
      if (cost == "latency") choice.costs["latency"] = inputs["latency_int" + suffix][i].get<double>();
      layer.choices.push_back(std::move(choice));
    }
    problem.layers.push_back(std::move(layer));
  }
  for (const auto& tie : data["equality_constraints"][network])
    problem.ties.push_back({names[tie[0].get<int>()], names[tie[1].get<int>()]});
  return problem;
}

Json hawq_data() { return read_json(*testing_support::data_folder() / "hawq/ilp_inputs.json").value(); }

TEST(Allocation, GivesHawqsNinePublishedResNet18BitLists) {
  DYAD_NEEDS_DATA("hawq/ilp_inputs.json");
  const Json data = hawq_data();
  const std::vector<std::pair<std::string, std::string>> costs = {{"modelsize", "size"}, {"bops", "bops"}, {"latency", "latency"}};
  for (const auto& [published, cost] : costs)
    for (const std::string fraction : {"0.75", "0.5", "0.25"}) {
      SCOPED_TRACE(published + " " + fraction);
      const ChoiceProblem problem = hawq_problem(data, "resnet18", cost);
      const std::vector<LimitRequest> requests{{cost, LimitKind::kFraction, std::stod(fraction)}};
      const auto begin = std::chrono::steady_clock::now();
      const Outcome outcome = allocate(problem, resolve_limits(problem, requests, "hawq").value());
      EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
      const auto& allocation = std::get<Allocation>(outcome);
      EXPECT_TRUE(allocation.proved);
      EXPECT_EQ(allocation.bound, allocation.objective);
      const auto& expected = data["published_bits"]["resnet18_" + published + "_" + fraction];
      for (std::size_t i = 0; i < problem.layers.size(); ++i) {
        const LayerBits bits = allocation.assignment.at(problem.layers[i].name);
        EXPECT_EQ(bits.weight, expected[i].get<int>()) << problem.layers[i].name;
        EXPECT_EQ(bits.activation, expected[i].get<int>()) << problem.layers[i].name;
      }
    }
}

TEST(Allocation, BeatsTheShippedResNet50SizeList) {
  DYAD_NEEDS_DATA("hawq/ilp_inputs.json");
  const Json data = hawq_data();
  const ChoiceProblem problem = hawq_problem(data, "resnet50", "size");
  const std::vector<LimitRequest> requests{{"size", LimitKind::kFraction, 0.25}};
  const Outcome outcome = allocate(problem, resolve_limits(problem, requests, "hawq").value());
  const auto& allocation = std::get<Allocation>(outcome);
  // scipy's HiGHS at gap 0 found stage3.unit6.conv1 at 8 bits and 14.598 of 14.653 used; the shipped list has 4 there.
  EXPECT_TRUE(allocation.proved);
  EXPECT_EQ(allocation.assignment.at("stage3.unit6.quant_convbn1").weight, 8);
  EXPECT_NEAR(allocation.totals.at("size"), 14.598, 5e-4);
  double all_4 = 0;
  for (const ChoiceLayer& layer : problem.layers) all_4 += layer.choices[0].loss;
  EXPECT_NEAR(allocation.objective - all_4, -0.8314, 5e-5);
}

struct Instance {
  ChoiceProblem problem;
  std::vector<Limit> limits;
};

/// Up to 5 layers of up to 4 choices, 1 to 3 limits between a little below the cheapest and the dearest, ties now and then.
/// Every third instance has small integers, so that equal totals and totals equal to limits occur.
Instance random_instance(std::uint64_t seed) {
  Random random(seed, 7);
  const bool whole = seed % 3 == 0;
  const auto number = [&](double most) { return whole ? static_cast<double>(random.below(9)) : random.uniform() * most; };
  Instance instance;
  const std::int64_t cost_count = random.between(1, 3), layer_count = random.between(1, 5);
  for (std::int64_t i = 0; i < layer_count; ++i) {
    ChoiceLayer layer{"layer" + std::to_string(i), {}};
    const std::int64_t choices = random.between(1, 4);
    for (std::int64_t c = 0; c < choices; ++c) {
      Choice choice{static_cast<int>(2 + c), static_cast<int>(2 + c % 2), number(3) - (whole ? 2 : 0.5), {}};
      for (std::int64_t k = 0; k < cost_count; ++k) choice.costs["cost" + std::to_string(k)] = number(100);
      layer.choices.push_back(std::move(choice));
    }
    instance.problem.layers.push_back(std::move(layer));
  }
  if (layer_count >= 3 && random.coin()) instance.problem.ties.push_back({"layer0", "layer2"});
  if (layer_count >= 5 && random.coin()) instance.problem.ties.push_back({"layer2", "layer4"});
  if (random.coin()) instance.problem.fixed_costs["cost0"] = number(50);
  for (std::int64_t k = 0; k < cost_count; ++k) {
    const std::string name = "cost" + std::to_string(k);
    const CostSpan span = cost_span(instance.problem, name, "").value();
    const double value = span.cheapest + (random.uniform() * 1.1 - 0.15) * (span.dearest - span.cheapest);
    instance.limits.push_back({name, whole ? std::floor(value) : value});
  }
  return instance;
}

/// Calls visit(chosen choice of each layer) for every assignment that respects the ties.
void visit_all(const ChoiceProblem& problem, const std::function<void(const std::vector<const Choice*>&)>& visit) {
  std::vector<const Choice*> chosen;
  const auto index_of = [&](const std::string& name) {
    for (std::size_t i = 0; i < problem.layers.size(); ++i)
      if (problem.layers[i].name == name) return i;
    return problem.layers.size();
  };
  const std::function<void()> descend = [&] {
    if (chosen.size() == problem.layers.size()) {
      for (const auto& tie : problem.ties)
        for (const std::string& name : tie) {
          const Choice &x = *chosen[index_of(tie.front())], &y = *chosen[index_of(name)];
          if (x.w != y.w || x.a != y.a) return;
        }
      return visit(chosen);
    }
    for (const Choice& choice : problem.layers[chosen.size()].choices) {
      chosen.push_back(&choice);
      descend();
      chosen.pop_back();
    }
  };
  descend();
}

double total(const ChoiceProblem& problem, const std::vector<const Choice*>& chosen, const std::string& name) {
  double sum = 0;
  for (const Choice* choice : chosen) sum += choice->costs.at(name);
  const auto fixed = problem.fixed_costs.find(name);
  return sum + (fixed == problem.fixed_costs.end() ? 0 : fixed->second);
}

TEST(Allocation, EqualsBruteForce) {
  int infeasible_count = 0, joint_count = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto [problem, limits] = random_instance(seed);
    const double infinity = std::numeric_limits<double>::infinity();
    double best = infinity;
    const auto meets = [&](const std::vector<const Choice*>& chosen, const std::vector<Limit>& some) {
      return std::all_of(some.begin(), some.end(), [&, &p = problem](const Limit& limit) {
        return total(p, chosen, limit.name) <= limit.value + 1e-12 * std::abs(limit.value);
      });
    };
    visit_all(problem, [&, &l = limits](const std::vector<const Choice*>& chosen) {
      if (!meets(chosen, l)) return;
      double loss = 0;
      for (const Choice* choice : chosen) loss += choice->loss;
      best = std::min(best, loss);
    });
    const Outcome outcome = allocate(problem, limits);
    if (const auto* allocation = std::get_if<Allocation>(&outcome)) {
      ASSERT_LT(best, infinity) << "says feasible, but nothing is";
      EXPECT_NEAR(allocation->objective, best, 1e-12);
      EXPECT_TRUE(allocation->proved);
      std::vector<const Choice*> chosen;
      for (const ChoiceLayer& layer : problem.layers)
        for (const Choice& choice : layer.choices)
          if (LayerBits{choice.w, choice.a} == allocation->assignment.at(layer.name)) chosen.push_back(&choice);
      EXPECT_TRUE(meets(chosen, limits));
      for (const Limit& limit : limits) EXPECT_NEAR(allocation->totals.at(limit.name), total(problem, chosen, limit.name), 1e-12);
      continue;
    }
    ASSERT_EQ(best, infinity) << "says infeasible, but an assignment meets all limits";
    ++infeasible_count;
    const auto& conflicts = std::get<Infeasible>(outcome).conflicts;
    ASSERT_FALSE(conflicts.empty());
    // Each stated least value is what brute force finds while the others of the set hold (or alone), and breaks the limit.
    std::map<std::string, double> alone;
    for (const Limit& limit : limits) {
      alone[limit.name] = infinity;
      visit_all(problem, [&, &p = problem](const std::vector<const Choice*>& chosen) {
        alone[limit.name] = std::min(alone[limit.name], total(p, chosen, limit.name));
      });
    }
    const bool by_itself = alone.at(conflicts[0].name) > conflicts[0].limit + 1e-12 * std::abs(conflicts[0].limit);
    if (!by_itself) ++joint_count;
    for (const LimitConflict& conflict : conflicts) {
      double least = infinity;
      std::vector<Limit> others;
      for (const LimitConflict& other : conflicts)
        if (!by_itself && other.name != conflict.name) others.push_back({other.name, other.limit});
      visit_all(problem, [&, &p = problem](const std::vector<const Choice*>& chosen) {
        if (meets(chosen, others)) least = std::min(least, total(p, chosen, conflict.name));
      });
      EXPECT_NEAR(conflict.smallest, least, 1e-9);
      EXPECT_GT(conflict.smallest, conflict.limit);
      EXPECT_LT(least, infinity) << "the set is not a smallest one";
    }
  }
  EXPECT_GE(infeasible_count, 20) << "the instances must exercise infeasibility";
  EXPECT_GE(joint_count, 5) << "the instances must exercise limits that only clash together";
}

/// 18 layers of 49 (w, a) with integer costs, like a search on ResNet-20; the optimum by dynamic programming over the cost.
TEST(Allocation, EqualsDynamicProgrammingAtTheSizeOfASearch) {
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u, 6u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed, 11);
    ChoiceProblem problem;
    for (int i = 0; i < 18; ++i) {
      ChoiceLayer layer{"layer" + std::to_string(i), {}};
      const double size = static_cast<double>(random.between(1, 4)), weight_loss = random.uniform() * 5, input_loss = random.uniform() * 5;
      for (int w = 2; w <= 8; ++w)
        for (int a = 2; a <= 8; ++a)
          layer.choices.push_back({w,
                                   a,
                                   weight_loss * std::pow(4.0, -w) * (0.8 + 0.4 * random.uniform()) + input_loss * std::pow(4.0, -a),
                                   {{"latency", size * w * a}}});
      problem.layers.push_back(std::move(layer));
    }
    const CostSpan span = cost_span(problem, "latency", "").value();
    const double limit = std::floor(span.dearest * (0.2 + 0.1 * static_cast<double>(seed % 5)));
    std::vector<double> best(static_cast<std::size_t>(limit) + 1, 0);  // best[c]: least loss of the layers so far at cost <= c
    for (const ChoiceLayer& layer : problem.layers) {
      std::vector<double> next(best.size(), std::numeric_limits<double>::infinity());
      for (const Choice& choice : layer.choices) {
        const auto cost = static_cast<std::size_t>(choice.costs.at("latency"));
        for (std::size_t c = cost; c < next.size(); ++c) next[c] = std::min(next[c], best[c - cost] + choice.loss);
      }
      best = std::move(next);
    }
    const Outcome outcome = allocate(problem, std::vector<Limit>{{"latency", limit}});
    const auto& allocation = std::get<Allocation>(outcome);
    EXPECT_TRUE(allocation.proved);
    EXPECT_NEAR(allocation.objective, best.back(), 1e-12 * best.back());
    EXPECT_LE(allocation.totals.at("latency"), limit);
  }
}

TEST(Allocation, LossNeverFallsWhenALimitTightens) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Instance instance = random_instance(seed);
    const CostSpan span = cost_span(instance.problem, "cost0", "").value();
    double before = -std::numeric_limits<double>::infinity();
    for (int step = 10; step >= 0; --step) {
      const double value = span.cheapest + (span.dearest - span.cheapest) * step / 10;
      const Outcome outcome = allocate(instance.problem, std::vector<Limit>{{"cost0", value}});
      const auto& allocation = std::get<Allocation>(outcome);
      EXPECT_GE(allocation.objective, before - 1e-12);
      // At the cost that the optimum uses, it is still the optimum.
      const Outcome again = allocate(instance.problem, std::vector<Limit>{{"cost0", allocation.totals.at("cost0")}});
      EXPECT_NEAR(std::get<Allocation>(again).objective, allocation.objective, 1e-12);
      before = allocation.objective;
    }
  }
}

/// One layer each way: costs within CBC's tolerance of the limit, and losses that differ by less than its own gap.
TEST(Allocation, IsExactBelowTheSolversTolerances) {
  ChoiceProblem problem{
      {{"a", {{4, 4, 1.0, {{"size", 50}}}, {8, 8, 0.0, {{"size", 50 + 1e-6}}}}}, {"b", {{4, 4, 1.0, {{"size", 50}}}}}}, {}, {}};
  const Outcome over = allocate(problem, std::vector<Limit>{{"size", 100}});  // 100.000001 is more than 100
  EXPECT_EQ(std::get<Allocation>(over).assignment.at("a").weight, 4);
  EXPECT_TRUE(std::get<Allocation>(over).proved);

  ChoiceProblem close{{{"a", {{4, 4, 1.0, {{"size", 3}}}, {5, 5, 1.0 - 1e-9, {{"size", 4}}}, {8, 8, 0, {{"size", 9}}}}},
                       {"b", {{4, 4, 700.0, {{"size", 1}}}, {8, 8, 0, {{"size", 6}}}}}},
                      {},
                      {}};
  const Outcome outcome = allocate(close, std::vector<Limit>{{"size", 10}});  // b at 8 (6) leaves 4 for a
  EXPECT_EQ(std::get<Allocation>(outcome).assignment.at("a").weight, 5);
}

TEST(Allocation, NamesTheLimitThatCausesInfeasibility) {
  // a: (4: 2 MiB, 9 us) or (8: 5 MiB, 1 us).
  const ChoiceProblem problem{{{"a", {{4, 4, 1, {{"size", 2}, {"latency", 9}}}, {8, 8, 0, {{"size", 5}, {"latency", 1}}}}}}, {}, {}};
  const Outcome alone = allocate(problem, std::vector<Limit>{{"latency", 100}, {"size", 1}});
  ASSERT_EQ(std::get<Infeasible>(alone).conflicts.size(), 1u);
  EXPECT_EQ(std::get<Infeasible>(alone).conflicts[0].name, "size");
  EXPECT_EQ(std::get<Infeasible>(alone).conflicts[0].smallest, 2);
  EXPECT_EQ(describe(std::get<Infeasible>(alone)), "size can't be below 2 (limit 1)");
  // Each can be met, not both: size <= 4 forces 9 us, latency <= 5 forces 5 MiB.
  const Outcome joint = allocate(problem, std::vector<Limit>{{"size", 4}, {"latency", 5}});
  ASSERT_EQ(std::get<Infeasible>(joint).conflicts.size(), 2u);
  EXPECT_EQ(std::get<Infeasible>(joint).conflicts[0].smallest, 5);
  EXPECT_EQ(std::get<Infeasible>(joint).conflicts[1].smallest, 9);
}

TEST(Allocation, ResolvesTheThreeKindsOfLimits) {
  const ChoiceProblem problem{
      {{"a", {{4, 4, 1, {{"size", 2}}}, {8, 8, 0, {{"size", 4}}}}}, {"b", {{4, 4, 1, {{"size", 3}}}, {8, 8, 0, {{"size", 6}}}}}},
      {},
      {{"size", 1}}};
  const std::vector<LimitRequest> requests{
      {"size", LimitKind::kAbsolute, 7}, {"size", LimitKind::kFraction, 0.5}, {"size", LimitKind::kRatio, 0.5}};
  const auto limits = resolve_limits(problem, requests, "choices.json").value();
  EXPECT_EQ(limits[0].value, 7);
  EXPECT_EQ(limits[1].value, 6 + 0.5 * (11 - 6));  // 1 + 2 + 3 and 1 + 4 + 6
  EXPECT_EQ(limits[2].value, 5.5);
  const std::vector<LimitRequest> unknown{{"energy", LimitKind::kRatio, 0.5}};
  const auto failure = resolve_limits(problem, unknown, "choices.json");
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().place, "choices.json:/layers/0/choices/0/costs");
}

TEST(Limits, ParseOrSayWhatIsWrong) {
  EXPECT_EQ(parse_limit("latency=0.6", LimitKind::kRatio, "--limit-ratio").value(), (LimitRequest{"latency", LimitKind::kRatio, 0.6}));
  EXPECT_EQ(parse_limit("size=1e3", LimitKind::kAbsolute, "--limit").value().value, 1000);
  for (const char* text :
       {"latency", "=3", "latency=", "latency=x", "latency=-1", "latency=1 2", "latency=nan", "latency=inf", "latency=0.5%"}) {
    const auto failure = parse_limit(text, LimitKind::kRatio, "--limit-ratio");
    ASSERT_FALSE(failure) << text;
    EXPECT_EQ(failure.error().place, "--limit-ratio");
    EXPECT_FALSE(failure.error().hint.empty());
  }
}

const char* const kGood = R"({"schema":"dyad.choices/1","layers":[
  {"name":"a","choices":[{"w":4,"a":4,"loss":1,"costs":{"size":2}},{"w":8,"a":8,"loss":0.5,"costs":{"size":4}}]},
  {"name":"b","choices":[{"w":8,"a":8,"loss":0.25,"costs":{"size":3}}]}],"ties":[["a","b"]]})";

TEST(Choices, ReadWriteAndSolve) {
  const ChoiceProblem problem = choices_from_json(parse_json(kGood, "c.json").value(), "c.json").value();
  EXPECT_EQ(Json(choices_to_json(problem)), parse_json(kGood, "c.json").value());
  const OrderedJson document = allocation_to_json(problem, allocate(problem, std::vector<Limit>{{"size", 7}}));
  EXPECT_EQ(document["status"], "optimal");
  EXPECT_EQ(document["objective"], 0.75);
  EXPECT_EQ(document["bound"], 0.75);
  EXPECT_EQ(document["assignment"]["a"]["w"], 8);
  EXPECT_EQ(document["totals"]["size"], 7);
  EXPECT_EQ(allocation_to_json(problem, allocate(problem, std::vector<Limit>{{"size", 6}}))["conflicts"][0]["smallest"], 7);
}

TEST(Choices, ErrorsNameThePointer) {
  const std::vector<std::pair<const char*, const char*>> edits = {
      // RFC 6902 patch of the good document, and the place that the error must name.
      {R"([{"op":"replace","path":"/schema","value":"dyad.bits/1"}])", "c.json:/schema"},
      {R"([{"op":"replace","path":"/layers","value":[]}])", "c.json:/layers"},
      {R"([{"op":"replace","path":"/layers/1/choices","value":[]}])", "c.json:/layers/1/choices"},
      {R"([{"op":"replace","path":"/layers/1/name","value":"a"}])", "c.json:/layers/1/name"},
      {R"([{"op":"replace","path":"/layers/0/choices/1/costs/size","value":-1}])", "c.json:/layers/0/choices/1/costs/size"},
      {R"([{"op":"replace","path":"/layers/0/choices/1/costs/size","value":"4"}])", "c.json:/layers/0/choices/1/costs/size"},
      {R"([{"op":"remove","path":"/layers/0/choices/1/costs"}])", "c.json:/layers/0/choices/1"},
      {R"([{"op":"remove","path":"/layers/0/choices/0/loss"}])", "c.json:/layers/0/choices/0"},
      {R"([{"op":"replace","path":"/layers/0/choices/0/w","value":0}])", "c.json:/layers/0/choices/0/w"},
      {R"([{"op":"replace","path":"/layers/0/choices/0/w","value":4.5}])", "c.json:/layers/0/choices/0/w"},
      {R"([{"op":"replace","path":"/layers/0/choices/1","value":{"w":4,"a":4,"loss":0,"costs":{}}}])", "c.json:/layers/0/choices/1"},
      {R"([{"op":"replace","path":"/ties/0/1","value":"c"}])", "c.json:/ties/0/1"},
      {R"([{"op":"replace","path":"/layers/1/choices/0/w","value":7}])", "c.json:/ties"},
      {R"([{"op":"add","path":"/layers/0/choices/0/cost","value":1}])", "c.json:/layers/0/choices/0/cost"},
      {R"([{"op":"add","path":"/tie","value":1}])", "c.json:/tie"},
  };
  for (const auto& [patch, place] : edits) {
    const Json document = parse_json(kGood, "").value().patch(Json::parse(patch));
    const auto failure = choices_from_json(document, "c.json");
    ASSERT_FALSE(failure) << patch;
    EXPECT_EQ(failure.error().place, place) << failure.error().message;
    EXPECT_FALSE(failure.error().hint.empty());
  }
}

}  // namespace
}  // namespace dyad::quantizer
