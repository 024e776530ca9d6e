/// \file Combinational and-inverter graphs (AIGER 1.9, ASCII) as clauses (DIMACS).
#pragma once

#include <string>
#include <string_view>

#include "dyad/base/result.hpp"

namespace dyad::workflow {

/// Clauses that can be satisfied exactly when some input meets every constraint (C) and raises some bad output (B).
/// An Error when the graph has latches or no bad output. `place` names it.
/// Source: Tseitin, 1968; format: Biere, Heljanko, Wieringa, AIGER 1.9 And Beyond, 2011.
Result<std::string> aiger_to_dimacs(std::string_view aiger, const std::string& place);

}  // namespace dyad::workflow
