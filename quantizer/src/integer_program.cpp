#include "integer_program.hpp"

#include <coin/Cbc_C_Interface.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "dyad/base/result.hpp"
#include "lagrangian.hpp"

namespace dyad::quantizer {
namespace {

using Taken = std::vector<std::size_t>;

/// Indices into a group's items of those that no other item beats in loss and in every cost; of equals the first stays.
std::vector<std::size_t> undominated(const std::vector<Item>& group) {
  const auto beats = [&](std::size_t i, std::size_t j) {
    if (group[i].loss > group[j].loss) return false;
    bool equal = group[i].loss == group[j].loss;
    for (std::size_t k = 0; k < group[i].costs.size(); ++k) {
      if (group[i].costs[k] > group[j].costs[k]) return false;
      equal = equal && group[i].costs[k] == group[j].costs[k];
    }
    return !equal || i < j;
  };
  std::vector<std::size_t> kept;
  for (std::size_t j = 0; j < group.size(); ++j) {
    bool beaten = false;
    for (std::size_t i = 0; i < group.size() && !beaten; ++i) beaten = i != j && beats(i, j);
    if (!beaten) kept.push_back(j);
  }
  return kept;
}

struct CbcDelete {
  void operator()(Cbc_Model* model) const { Cbc_deleteModel(model); }
};

struct CbcAnswer {
  Taken taken;
  double bound = 0;
  bool optimal = false;
};

/// Sums as a caller would check them: in group order.
double total_loss(const IntegerProgram& program, const Taken& taken) {
  double sum = 0;
  for (std::size_t g = 0; g < taken.size(); ++g) sum += program.groups[g][taken[g]].loss;
  return sum;
}

bool within_limits(const IntegerProgram& program, const Taken& taken) {
  for (std::size_t k = 0; k < program.limits.size(); ++k) {
    double sum = 0;
    for (std::size_t g = 0; g < taken.size(); ++g) sum += program.groups[g][taken[g]].costs[k];
    if (sum > with_slack(program.limits[k])) return false;
  }
  return true;
}

/// One call of CBC. Losses are shifted to start at 0 in each group and scaled so that the largest is 1e3; rows are scaled to
/// a right side of 1, less `tightening`. `excluded` choices are cut off, one row each.
std::optional<CbcAnswer> run_cbc(const IntegerProgram& program, double tightening, const std::vector<Taken>& excluded) {
  const std::size_t group_count = program.groups.size(), limit_count = program.limits.size();
  double offset = 0, widest = 0;
  std::vector<double> least(group_count);
  for (std::size_t g = 0; g < group_count; ++g) {
    const auto [low, high] = std::minmax_element(program.groups[g].begin(), program.groups[g].end(),
                                                 [](const Item& x, const Item& y) { return x.loss < y.loss; });
    least[g] = low->loss;
    offset += low->loss;
    widest = std::max(widest, high->loss - low->loss);
  }
  const double loss_scale = widest > 0 ? 1e3 / widest : 1;

  std::vector<CoinBigIndex> starts{0};
  std::vector<int> rows;
  std::vector<double> values, objective;
  for (std::size_t g = 0; g < group_count; ++g) {
    for (std::size_t i = 0; i < program.groups[g].size(); ++i) {
      const Item& item = program.groups[g][i];
      objective.push_back((item.loss - least[g]) * loss_scale);
      rows.push_back(static_cast<int>(g));
      values.push_back(1);
      for (std::size_t k = 0; k < limit_count; ++k) {
        if (item.costs[k] == 0) continue;
        rows.push_back(static_cast<int>(group_count + k));
        values.push_back(program.limits[k] > 0 ? item.costs[k] / program.limits[k] : item.costs[k]);
      }
      for (std::size_t e = 0; e < excluded.size(); ++e) {
        if (excluded[e][g] != i) continue;
        rows.push_back(static_cast<int>(group_count + limit_count + e));
        values.push_back(1);
      }
      starts.push_back(static_cast<CoinBigIndex>(rows.size()));
    }
  }
  const std::size_t row_count = group_count + limit_count + excluded.size();
  std::vector<double> row_low(row_count, -std::numeric_limits<double>::infinity()), row_high(row_count, 1);
  for (std::size_t g = 0; g < group_count; ++g) row_low[g] = 1;
  for (std::size_t k = 0; k < limit_count; ++k) row_high[group_count + k] = program.limits[k] > 0 ? 1 - tightening : 0;
  for (std::size_t e = 0; e < excluded.size(); ++e) row_high[group_count + limit_count + e] = static_cast<double>(group_count) - 1;

  const int columns = static_cast<int>(objective.size());
  const std::vector<double> zeros(objective.size(), 0), ones(objective.size(), 1);
  const std::unique_ptr<Cbc_Model, CbcDelete> model(Cbc_newModel());
  Cbc_loadProblem(model.get(), columns, static_cast<int>(row_count), starts.data(), rows.data(), values.data(), zeros.data(), ones.data(),
                  objective.data(), row_low.data(), row_high.data());
  for (int column = 0; column < columns; ++column) Cbc_setInteger(model.get(), column);
  Cbc_setLogLevel(model.get(), 0);
  for (const char* name : {"log", "ratioGap", "allowableGap", "increment"}) Cbc_setParameter(model.get(), name, "0");
  Cbc_solve(model.get());
  if (Cbc_isProvenInfeasible(model.get())) return std::nullopt;

  CbcAnswer answer;
  const double* solution = Cbc_getColSolution(model.get());
  answer.optimal = Cbc_isProvenOptimal(model.get()) != 0;
  answer.bound = offset + Cbc_getBestPossibleObjValue(model.get()) / loss_scale;
  DYAD_EXPECT(answer.optimal && solution != nullptr, "CBC gave up without a limit on its work");
  std::size_t column = 0;
  for (const std::vector<Item>& group : program.groups) {
    const double* first = solution + column;
    answer.taken.push_back(static_cast<std::size_t>(std::max_element(first, first + group.size()) - first));
    column += group.size();
  }
  return answer;
}

/// CBC's answer, made to hold in exact sums: a choice that only its tolerance admits is cut off and the rest asked again.
std::optional<ProgramSolution> solve_undominated(const IntegerProgram& program) {
  constexpr std::size_t kMostCuts = 50;
  constexpr double kTolerance = 2e-7;  // twice CBC's primal tolerance
  std::vector<Taken> excluded;
  std::optional<CbcAnswer> answer = run_cbc(program, 0, excluded);
  if (!answer) return std::nullopt;
  double bound = answer->bound;
  while (answer && !within_limits(program, answer->taken) && excluded.size() < kMostCuts) {
    excluded.push_back(answer->taken);
    answer = run_cbc(program, 0, excluded);
    if (answer) bound = std::max(bound, answer->bound);
  }
  if (!answer) return std::nullopt;
  bool exact = true;
  if (!within_limits(program, answer->taken)) {
    answer = run_cbc(program, kTolerance, {});
    exact = false;
  }

  ProgramSolution solution;
  solution.objective = std::numeric_limits<double>::infinity();
  if (answer && within_limits(program, answer->taken)) {
    solution.taken = answer->taken;
    solution.objective = total_loss(program, solution.taken);
  }
  const Certificate certificate = improve_or_prove(program, solution.taken);
  if (certificate.better) {
    solution.taken = *certificate.better;
    solution.objective = total_loss(program, solution.taken);
  }
  if (certificate.complete && solution.taken.empty()) return std::nullopt;
  DYAD_EXPECT(!solution.taken.empty(), "no assignment within the limits was found, and none was excluded either");
  solution.proved = certificate.complete || (exact && !certificate.better);
  solution.bound = solution.proved ? solution.objective : std::min(bound, solution.objective);
  return solution;
}

}  // namespace

double with_slack(double limit) { return limit + 1e-12 * std::abs(limit); }

std::optional<ProgramSolution> solve(const IntegerProgram& program) {
  for (std::size_t k = 0; k < program.limits.size(); ++k) {  // CBC need not be asked when a limit alone is too low
    double cheapest = 0;
    for (const std::vector<Item>& group : program.groups) {
      double least = std::numeric_limits<double>::infinity();
      for (const Item& item : group) least = std::min(least, item.costs[k]);
      cheapest += least;
    }
    if (cheapest > with_slack(program.limits[k])) return std::nullopt;
  }
  IntegerProgram reduced{{}, program.limits};
  std::vector<std::vector<std::size_t>> original;
  for (const std::vector<Item>& group : program.groups) {
    original.push_back(undominated(group));
    std::vector<Item>& kept = reduced.groups.emplace_back();
    for (const std::size_t i : original.back()) kept.push_back(group[i]);
  }
  std::optional<ProgramSolution> solution = solve_undominated(reduced);
  if (solution)
    for (std::size_t g = 0; g < solution->taken.size(); ++g) solution->taken[g] = original[g][solution->taken[g]];
  return solution;
}

}  // namespace dyad::quantizer
