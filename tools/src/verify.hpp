/// \file The sub-verbs of `dyad verify` and what they share.
#pragma once

#include "command.hpp"
#include "dyad/workflow/checks.hpp"

namespace dyad::tools {

/// Each adds its sub-verb to `dyad verify`; parsing it sets `action`.
void add_verify_formal(CLI::App& verify, Action& action);
void add_verify_kernels(CLI::App& verify, Action& action);
void add_verify_mutants(CLI::App& verify, Action& action);
void add_verify_rtl(CLI::App& verify, Action& action);
void add_verify_vectors(CLI::App& verify, Action& action);

/// What a command says that needs RTL in a build without it.
Error without_rtl(const std::string& what);

/// Prints the checks as a document or as text. The exit status: 0, or 1 when anything differed or nothing was compared.
int finish_verification(const OrderedJson& document, const std::vector<workflow::CheckOutcome>& checks, bool json);

}  // namespace dyad::tools
