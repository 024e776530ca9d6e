/// \file An independent proof of optimality in plain doubles: Lagrangian bound and enumeration of what it leaves open.
#pragma once

#include <optional>
#include <vector>

#include "integer_program.hpp"

namespace dyad::quantizer {

struct Certificate {
  bool complete = false;                           ///< every choice that could lose less than the incumbent was ruled out or looked at
  std::optional<std::vector<std::size_t>> better;  ///< a feasible choice that loses less than the incumbent
};

/// For multipliers m >= 0 every feasible choice X satisfies
///     loss(X) >= L(m) + sum over groups of r(X_g),   L(m) = sum_g min_i (loss + m . cost) - m . limits,
/// where r >= 0 is an item's excess over its group's minimum. So only choices whose excesses add up to less than
/// incumbent - L(m) can be better; they are enumerated depth first, up to a fixed number of nodes.
/// `incumbent` is a feasible choice, or empty when none is known. Source: Fisher, Management Science 27 (1981), section 3.
Certificate improve_or_prove(const IntegerProgram& program, const std::vector<std::size_t>& incumbent);

}  // namespace dyad::quantizer
