// dyad verify: equality of every implementation of the arithmetic.
#include <CLI/CLI.hpp>

#include "command.hpp"

namespace dyad::tools {

void add_verify(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("verify", "Prove or test that every implementation computes the same integers");
  verb->require_subcommand(1);
  add_verify_formal(*verb, action);
}

}  // namespace dyad::tools
