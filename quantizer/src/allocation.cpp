#include "dyad/quantizer/allocation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <sstream>

#include "integer_program.hpp"

namespace dyad::quantizer {
namespace {

/// Tied layers as one: their common (w, a) choices with losses and costs added, in layer order.
struct Group {
  std::vector<std::size_t> layers;
  std::vector<LayerBits> bits;
  std::vector<std::vector<const Choice*>> members;  ///< [choice][layer of the group]
};

const Choice* find_choice(const ChoiceLayer& layer, int w, int a) {
  for (const Choice& choice : layer.choices)
    if (choice.w == w && choice.a == a) return &choice;
  return nullptr;
}

std::vector<Group> make_groups(const ChoiceProblem& problem) {
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < problem.layers.size(); ++i) index[problem.layers[i].name] = i;
  std::vector<std::size_t> root(problem.layers.size());
  std::iota(root.begin(), root.end(), 0);
  const auto find_root = [&](std::size_t i) {
    while (root[i] != i) i = root[i];
    return i;
  };
  for (const auto& tie : problem.ties)
    for (const std::string& name : tie) {
      DYAD_EXPECT(index.contains(name), "a tie names the unknown layer " + name);
      const std::size_t x = find_root(index[tie.front()]), y = find_root(index[name]);
      root[std::max(x, y)] = std::min(x, y);
    }
  std::vector<Group> groups;
  std::map<std::size_t, std::size_t> group_of_root;
  for (std::size_t i = 0; i < problem.layers.size(); ++i) {
    const auto [position, added] = group_of_root.try_emplace(find_root(i), groups.size());
    if (added) groups.emplace_back();
    groups[position->second].layers.push_back(i);
  }
  for (Group& group : groups) {
    for (const Choice& choice : problem.layers[group.layers.front()].choices) {
      std::vector<const Choice*> members;
      for (const std::size_t layer : group.layers)
        if (const Choice* member = find_choice(problem.layers[layer], choice.w, choice.a)) members.push_back(member);
      if (members.size() != group.layers.size()) continue;
      group.bits.push_back({choice.w, choice.a});
      group.members.push_back(std::move(members));
    }
    DYAD_EXPECT(!group.bits.empty(), "no choice is common to the layers tied to " + problem.layers[group.layers.front()].name);
  }
  return groups;
}

double fixed_cost(const ChoiceProblem& problem, const std::string& name) {
  const auto found = problem.fixed_costs.find(name);
  return found == problem.fixed_costs.end() ? 0 : found->second;
}

/// Only the groups and the limits with these names; loss_name empty means the losses themselves, else that cost is minimized.
IntegerProgram make_program(const ChoiceProblem& problem, const std::vector<Group>& groups, const std::vector<Limit>& limits,
                            const std::string& loss_name) {
  IntegerProgram program;
  for (const Limit& limit : limits) program.limits.push_back(limit.value - fixed_cost(problem, limit.name));
  for (const Group& group : groups) {
    std::vector<Item>& items = program.groups.emplace_back();
    for (const auto& members : group.members) {
      Item& item = items.emplace_back();
      item.costs.assign(limits.size(), 0);
      for (const Choice* member : members) {
        item.loss += loss_name.empty() ? member->loss : member->costs.at(loss_name);
        for (std::size_t k = 0; k < limits.size(); ++k) item.costs[k] += member->costs.at(limits[k].name);
      }
    }
  }
  return program;
}

Infeasible explain(const ChoiceProblem& problem, const std::vector<Group>& groups, const std::vector<Limit>& limits) {
  const auto feasible = [&](const std::vector<Limit>& some) { return solve(make_program(problem, groups, some, "")).has_value(); };
  std::vector<Limit> conflict;
  for (const Limit& limit : limits)
    if (!feasible({limit})) conflict.push_back(limit);
  Infeasible infeasible;
  if (!conflict.empty()) {  // each of them is a cause by itself
    for (const Limit& limit : conflict)
      infeasible.conflicts.push_back({limit.name, limit.value, cost_span(problem, limit.name, "").value().cheapest});
    return infeasible;
  }
  conflict = limits;  // drop what is not needed for the contradiction; what stays is a smallest set
  for (std::size_t k = 0; k < conflict.size();) {
    std::vector<Limit> others = conflict;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
    if (feasible(others)) {
      ++k;
    } else {
      conflict = std::move(others);
    }
  }
  for (const Limit& limit : conflict) {
    std::vector<Limit> others;
    for (const Limit& other : conflict)
      if (other.name != limit.name) others.push_back(other);
    const auto least = solve(make_program(problem, groups, others, limit.name));
    DYAD_EXPECT(least.has_value(), "the other limits were found feasible before");
    infeasible.conflicts.push_back({limit.name, limit.value, least->objective + fixed_cost(problem, limit.name)});
  }
  return infeasible;
}

/// Names of the costs that every choice states.
std::set<std::string> common_costs(const ChoiceProblem& problem) {
  std::set<std::string> names;
  for (const auto& [name, value] : problem.layers.front().choices.front().costs) names.insert(name);
  for (const ChoiceLayer& layer : problem.layers)
    for (const Choice& choice : layer.choices) std::erase_if(names, [&](const std::string& name) { return !choice.costs.contains(name); });
  return names;
}

}  // namespace

std::variant<Allocation, Infeasible> allocate(const ChoiceProblem& problem, std::span<const Limit> limits) {
  DYAD_EXPECT(!problem.layers.empty(), "nothing to allocate");
  const std::vector<Group> groups = make_groups(problem);
  std::vector<Limit> binding;  // one limit a name: the smallest
  for (const Limit& limit : limits) {
    const auto same = std::find_if(binding.begin(), binding.end(), [&](const Limit& other) { return other.name == limit.name; });
    if (same == binding.end()) {
      binding.push_back(limit);
    } else {
      same->value = std::min(same->value, limit.value);
    }
  }
  const auto solution = solve(make_program(problem, groups, binding, ""));
  if (!solution) return explain(problem, groups, binding);

  Allocation allocation;
  std::vector<const Choice*> chosen(problem.layers.size());
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::size_t m = 0; m < groups[g].layers.size(); ++m) chosen[groups[g].layers[m]] = groups[g].members[solution->taken[g]][m];
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    allocation.assignment[problem.layers[i].name] = {chosen[i]->w, chosen[i]->a};
    allocation.objective += chosen[i]->loss;
  }
  allocation.proved = solution->proved;
  allocation.bound = solution->proved ? allocation.objective : std::min(solution->bound, allocation.objective);
  for (const std::string& name : common_costs(problem)) {
    double total = 0;
    for (const Choice* choice : chosen) total += choice->costs.at(name);
    allocation.totals[name] = total + fixed_cost(problem, name);
  }
  return allocation;
}

std::string_view to_string(LimitKind kind) {
  switch (kind) {
    case LimitKind::kFraction: return "fraction";
    case LimitKind::kRatio: return "ratio";
    default: return "absolute";
  }
}

Result<LimitRequest> parse_limit(std::string_view text, LimitKind kind, const std::string& flag) {
  const std::string hint = kind == LimitKind::kAbsolute ? "for example " + flag + " latency=250" : "for example " + flag + " latency=0.6";
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return Error{flag, "expected NAME=NUMBER, found '" + std::string(text) + "'", hint};
  const std::string number(text.substr(equals + 1));
  std::istringstream stream(number);
  stream.imbue(std::locale::classic());
  double value = 0;
  stream >> value;
  if (number.empty() || stream.fail() || !stream.eof() || !std::isfinite(value) || value < 0)
    return Error{flag, "'" + number + "' is not a number of 0 or more", hint};
  return LimitRequest{std::string(text.substr(0, equals)), kind, value};
}

Result<CostSpan> cost_span(const ChoiceProblem& problem, std::string_view name, const std::string& place) {
  const std::string cost(name);
  for (std::size_t i = 0; i < problem.layers.size(); ++i)
    for (std::size_t c = 0; c < problem.layers[i].choices.size(); ++c) {
      const auto& costs = problem.layers[i].choices[c].costs;
      if (costs.contains(cost)) continue;
      std::string known;
      for (const auto& [other, value] : costs) known += (known.empty() ? "" : ", ") + other;
      return Error{place + ":/layers/" + std::to_string(i) + "/choices/" + std::to_string(c) + "/costs",
                   "the limited cost '" + cost + "' is missing in layer '" + problem.layers[i].name + "'",
                   known.empty() ? "every choice must state it" : "this choice states " + known};
    }
  CostSpan span{fixed_cost(problem, cost), fixed_cost(problem, cost)};
  for (const Group& group : make_groups(problem)) {
    double least = std::numeric_limits<double>::infinity(), most = 0;
    for (const auto& members : group.members) {
      double sum = 0;
      for (const Choice* member : members) sum += member->costs.at(cost);
      least = std::min(least, sum);
      most = std::max(most, sum);
    }
    span.cheapest += least;
    span.dearest += most;
  }
  return span;
}

Result<std::vector<Limit>> resolve_limits(const ChoiceProblem& problem, std::span<const LimitRequest> requests, const std::string& place) {
  std::vector<Limit> limits;
  for (const LimitRequest& request : requests) {
    DYAD_TRY(const CostSpan span, cost_span(problem, request.name, place));
    switch (request.kind) {
      case LimitKind::kAbsolute: limits.push_back({request.name, request.value}); break;
      case LimitKind::kFraction: limits.push_back({request.name, span.cheapest + request.value * (span.dearest - span.cheapest)}); break;
      case LimitKind::kRatio: limits.push_back({request.name, request.value * span.dearest}); break;
    }
  }
  return limits;
}

std::string describe(const Infeasible& infeasible) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(12);
  for (std::size_t i = 0; i < infeasible.conflicts.size(); ++i) {
    const LimitConflict& conflict = infeasible.conflicts[i];
    text << (i == 0 ? "" : "; ") << conflict.name << " can't be below " << conflict.smallest << " (limit " << conflict.limit << ")";
  }
  if (infeasible.conflicts.size() > 1) {
    bool alone = true;  // a limit below the least total of its own is a cause without the others
    for (const LimitConflict& conflict : infeasible.conflicts) alone = alone && conflict.smallest > with_slack(conflict.limit);
    text << (alone ? "" : " while the others hold");
  }
  return text.str();
}

}  // namespace dyad::quantizer
