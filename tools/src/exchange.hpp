/// \file The verbs for networks that others make or read: exports, and comparisons with what others computed.
#pragma once

#include "command.hpp"

namespace dyad::tools {

void add_compare(CLI::App& program, Action& action);
void add_export(CLI::App& program, Action& action);

}  // namespace dyad::tools
