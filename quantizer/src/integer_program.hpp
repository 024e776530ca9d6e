/// \file Multiple-choice knapsack with several limits: CBC finds the optimum, an exact enumeration in doubles proves it.
#pragma once

#include <optional>
#include <vector>

namespace dyad::quantizer {

/// costs has one entry a limit, all >= 0.
struct Item {
  double loss = 0;
  std::vector<double> costs;
};

/// Take one item of each group; the total of costs[k] must not exceed limits[k] (+ 1e-12 relative).
struct IntegerProgram {
  std::vector<std::vector<Item>> groups;
  std::vector<double> limits;
};

struct ProgramSolution {
  std::vector<std::size_t> taken;  ///< item of each group
  double objective = 0;            ///< sum of losses in group order
  double bound = 0;                ///< no feasible choice loses less
  bool proved = false;             ///< bound == objective up to rounding
};

/// Largest total that still counts as within `limit`.
double with_slack(double limit);

/// The optimum, or nothing when no choice meets all limits.
std::optional<ProgramSolution> solve(const IntegerProgram& program);

}  // namespace dyad::quantizer
