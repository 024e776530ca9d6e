#include <nlohmann/json.hpp>
#include <set>

#include "dyad/quantizer/allocation.hpp"

namespace dyad::quantizer {
namespace {

Result<Choice> read_choice(const JsonReader& reader) {
  Choice choice;
  DYAD_TRY(const std::int64_t w, reader.integer("w", 1, 32));
  DYAD_TRY(const std::int64_t a, reader.integer("a", 1, 32));
  choice.w = static_cast<int>(w);
  choice.a = static_cast<int>(a);
  DYAD_TRY(choice.loss, reader.number("loss"));
  DYAD_TRY(const JsonReader costs, reader.member("costs"));
  DYAD_TRY(const auto members, costs.members());
  for (const auto& [name, value] : members) {
    DYAD_TRY(const double cost, value.number());
    if (cost < 0) return value.error("expected a cost of 0 or more", "costs add up and are limited from above");
    choice.costs[name] = cost;
  }
  DYAD_CHECK(reader.finish());
  return choice;
}

Result<ChoiceLayer> read_layer(const JsonReader& reader) {
  ChoiceLayer layer;
  DYAD_TRY(layer.name, reader.string("name"));
  DYAD_TRY(const JsonReader list, reader.member("choices"));
  DYAD_TRY(const auto choices, list.elements());
  if (choices.empty()) return list.error("layer '" + layer.name + "' has no choices", "give at least one; a single one fixes the layer");
  std::set<std::pair<int, int>> seen;
  for (const JsonReader& element : choices) {
    DYAD_TRY(Choice choice, read_choice(element));
    if (!seen.emplace(choice.w, choice.a).second)
      return element.error("a second choice with w " + std::to_string(choice.w) + " and a " + std::to_string(choice.a), "keep one of them");
    layer.choices.push_back(std::move(choice));
  }
  DYAD_CHECK(reader.finish());
  return layer;
}

/// The layers of a tie; all must exist and have a choice in common with those they are tied to.
Result<std::vector<std::string>> read_tie(const JsonReader& reader, const ChoiceProblem& problem) {
  DYAD_TRY(const auto members, reader.elements());
  if (members.empty()) return reader.error("an empty tie", "name two or more layers, or remove it");
  std::vector<std::string> tie;
  for (const JsonReader& member : members) {
    DYAD_TRY(const std::string name, member.string());
    bool known = false;
    for (const ChoiceLayer& layer : problem.layers) known = known || layer.name == name;
    if (!known) return member.error("no layer is called '" + name + "'", "ties name layers of this file");
    tie.push_back(name);
  }
  return tie;
}

/// Ties may chain (a-b, b-c), so what they leave in common is looked at once all are known.
Result<void> check_ties(const ChoiceProblem& problem, const JsonReader& reader) {
  std::map<std::string, std::string> leader;
  const auto find = [&](std::string name) {
    while (leader.contains(name) && leader[name] != name) name = leader[name];
    return name;
  };
  for (const auto& tie : problem.ties)
    for (const std::string& name : tie) {
      const std::string x = find(tie.front()), y = find(name);
      leader[y] = x;
      leader.try_emplace(x, x);
    }
  std::map<std::string, std::set<std::pair<int, int>>> common;
  for (const ChoiceLayer& layer : problem.layers) {
    std::set<std::pair<int, int>> bits;
    for (const Choice& choice : layer.choices) bits.emplace(choice.w, choice.a);
    const auto [position, added] = common.try_emplace(find(layer.name), bits);
    if (!added) std::erase_if(position->second, [&](const auto& pair) { return !bits.contains(pair); });
    if (position->second.empty())
      return reader.error("layer '" + layer.name + "' has no (w, a) in common with the layers it is tied to",
                          "tied layers get the same bits; give them a common choice");
  }
  return {};
}

}  // namespace

Result<ChoiceProblem> choices_from_json(const Json& document, const std::string& file) {
  const JsonReader reader(document, file);
  DYAD_CHECK(reader.schema("dyad.choices", 1));
  ChoiceProblem problem;
  DYAD_TRY(const JsonReader list, reader.member("layers"));
  DYAD_TRY(const auto layers, list.elements());
  if (layers.empty()) return list.error("there are no layers", "give at least one");
  std::set<std::string> names;
  for (const JsonReader& element : layers) {
    DYAD_TRY(ChoiceLayer layer, read_layer(element));
    if (!names.insert(layer.name).second) {
      DYAD_TRY(const JsonReader name, element.member("name"));
      return name.error("a second layer called '" + layer.name + "'", "names must differ");
    }
    problem.layers.push_back(std::move(layer));
  }
  if (reader.has("ties")) {
    DYAD_TRY(const JsonReader ties, reader.member("ties"));
    DYAD_TRY(const auto elements, ties.elements());
    for (const JsonReader& element : elements) {
      DYAD_TRY(std::vector<std::string> tie, read_tie(element, problem));
      problem.ties.push_back(std::move(tie));
    }
    DYAD_CHECK(check_ties(problem, ties));
  }
  DYAD_CHECK(reader.finish());
  return problem;
}

OrderedJson choices_to_json(const ChoiceProblem& problem) {
  DYAD_EXPECT(problem.fixed_costs.empty(), "dyad.choices/1 has no fixed costs");
  OrderedJson layers = OrderedJson::array();
  for (const ChoiceLayer& layer : problem.layers) {
    OrderedJson choices = OrderedJson::array();
    for (const Choice& choice : layer.choices) {
      OrderedJson costs = OrderedJson::object();
      for (const auto& [name, cost] : choice.costs) costs[name] = cost;
      choices.push_back({{"w", choice.w}, {"a", choice.a}, {"loss", choice.loss}, {"costs", costs}});
    }
    layers.push_back({{"name", layer.name}, {"choices", choices}});
  }
  OrderedJson ties = OrderedJson::array();
  for (const auto& tie : problem.ties) ties.push_back(tie);
  return {{"schema", "dyad.choices/1"}, {"layers", layers}, {"ties", ties}};
}

OrderedJson assignment_to_json(const BitAssignment& assignment, std::span<const std::string> names) {
  OrderedJson object = OrderedJson::object();
  for (const std::string& name : names) {
    const LayerBits bits = assignment.at(name);
    object[name] = {{"w", bits.weight}, {"a", bits.activation}};
  }
  return object;
}

OrderedJson allocation_to_json(const ChoiceProblem& problem, const std::variant<Allocation, Infeasible>& outcome) {
  OrderedJson document = {{"schema", "dyad.allocation/1"}, {"version", DYAD_VERSION}};
  if (const auto* infeasible = std::get_if<Infeasible>(&outcome)) {
    document["status"] = "infeasible";
    OrderedJson conflicts = OrderedJson::array();
    for (const LimitConflict& conflict : infeasible->conflicts)
      conflicts.push_back({{"name", conflict.name}, {"limit", conflict.limit}, {"smallest", conflict.smallest}});
    document["conflicts"] = conflicts;
    return document;
  }
  const auto& allocation = std::get<Allocation>(outcome);
  std::vector<std::string> names;
  for (const ChoiceLayer& layer : problem.layers) names.push_back(layer.name);
  document["status"] = allocation.proved ? "optimal" : "feasible";
  document["objective"] = allocation.objective;
  document["bound"] = allocation.bound;
  document["assignment"] = assignment_to_json(allocation.assignment, names);
  OrderedJson totals = OrderedJson::object();
  for (const auto& [name, total] : allocation.totals) totals[name] = total;
  document["totals"] = totals;
  return document;
}

}  // namespace dyad::quantizer
