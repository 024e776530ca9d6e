/// \file The exact integer program: one choice of bits a layer, least total loss under limits, proved optimal or infeasible.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"

namespace dyad::quantizer {

/// Bits that a layer could have, what they lose and what they cost. loss is any finite number, costs are >= 0.
struct Choice {
  int w = 8;
  int a = 8;
  double loss = 0;
  std::map<std::string, double> costs;
};

struct ChoiceLayer {
  std::string name;
  std::vector<Choice> choices;  ///< at least one; no two with the same (w, a)
};

/// Layers of one tie group get the same (w, a).
struct ChoiceProblem {
  std::vector<ChoiceLayer> layers;
  std::vector<std::vector<std::string>> ties;
  std::map<std::string, double> fixed_costs;  ///< part of every total, whatever is chosen (additions, pooling)
};

/// The total of cost `name` must not exceed `value`. Compared in double with a slack of 1e-12 * |value|, so that a limit
/// which is itself a sum of the costs is not missed by the order of summation.
struct Limit {
  std::string name;
  double value = 0;
};

/// How a limit is written.
enum class LimitKind {
  kAbsolute,  ///< NAME=V: the value itself
  kFraction,  ///< NAME=F: all-cheapest + F * (all-dearest - all-cheapest), HAWQ's convention
  kRatio,     ///< NAME=R: R * all-dearest
};
std::string_view to_string(LimitKind kind);

struct LimitRequest {
  std::string name;
  LimitKind kind = LimitKind::kAbsolute;
  double value = 0;
  bool operator==(const LimitRequest&) const = default;
};

/// "latency=0.6" of `flag` ("--limit-ratio"); an Error names the flag. Values are finite and >= 0; ratios and fractions too.
Result<LimitRequest> parse_limit(std::string_view text, LimitKind kind, const std::string& flag);

/// Smallest and largest total of one cost over all assignments (ties respected). An Error at `place` names the layer
/// that lacks the cost.
struct CostSpan {
  double cheapest = 0;
  double dearest = 0;
};
Result<CostSpan> cost_span(const ChoiceProblem& problem, std::string_view name, const std::string& place);

/// Requests as absolute limits; an Error at `place` when a cost is unknown to some choice.
Result<std::vector<Limit>> resolve_limits(const ChoiceProblem& problem, std::span<const LimitRequest> requests, const std::string& place);

/// The optimum. `totals` holds every cost that all choices state. bound <= objective is the proved lower bound on any
/// assignment's loss; `proved` says that they are equal to within 1e-9 of the spread of losses.
struct Allocation {
  BitAssignment assignment;
  double objective = 0;
  double bound = 0;
  bool proved = false;
  std::map<std::string, double> totals;
};

/// One limit of a smallest set that can't be met together; `smallest` is the least total that is possible while the other
/// limits of the set hold.
struct LimitConflict {
  std::string name;
  double limit = 0;
  double smallest = 0;
};

struct Infeasible {
  std::vector<LimitConflict> conflicts;  ///< one entry: the limit can't be met even alone
};

/// Minimizes the sum of losses. Every choice must state every limited cost (resolve_limits checks it).
/// docs/quantizer/allocation.md says how it is solved and proved.
std::variant<Allocation, Infeasible> allocate(const ChoiceProblem& problem, std::span<const Limit> limits);

/// Reads dyad.choices/1 (docs/quantizer/allocation.md); errors name `file:/pointer`.
Result<ChoiceProblem> choices_from_json(const Json& document, const std::string& file);
OrderedJson choices_to_json(const ChoiceProblem& problem);
/// dyad.allocation/1: status, objective, bound, assignment, totals; or status "infeasible" and conflicts.
OrderedJson allocation_to_json(const ChoiceProblem& problem, const std::variant<Allocation, Infeasible>& outcome);
/// {"layer": {"w": 4, "a": 4}, ...} in the order of `names`.
OrderedJson assignment_to_json(const BitAssignment& assignment, std::span<const std::string> names);
/// "latency can't be below 12.5 (limit 10)": one line for people.
std::string describe(const Infeasible& infeasible);

}  // namespace dyad::quantizer
