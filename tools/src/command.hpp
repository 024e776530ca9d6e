/// \file What every verb of the program shares: how it is declared, run and printed.
#pragma once

#include <functional>
#include <string>

#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"

namespace CLI {
class App;
}

namespace dyad::tools {

enum ExitStatus : int { kDone = 0, kHonestNegative = 1, kBadInput = 2, kOurBug = 3, kInterrupted = 130 };

/// What the chosen verb will do once the command line is understood; returns the exit status.
using Action = std::function<Result<int>()>;

/// Each adds its verb to the program; parsing it sets `action`.
void add_inspect(CLI::App& program, Action& action);
void add_simulate(CLI::App& program, Action& action);
void add_quantize(CLI::App& program, Action& action);
void add_run(CLI::App& program, Action& action);
void add_sensitivity(CLI::App& program, Action& action);
void add_allocate(CLI::App& program, Action& action);
void add_search(CLI::App& program, Action& action);
void add_train(CLI::App& program, Action& action);
void add_report(CLI::App& program, Action& action);
void add_verify(CLI::App& program, Action& action);
void add_vectors(CLI::App& program, Action& action);
void add_calibrate(CLI::App& program, Action& action);
void add_zoo(CLI::App& program, Action& action);
void add_compare(CLI::App& program, Action& action);
void add_export(CLI::App& program, Action& action);
void add_data(CLI::App& program, Action& action);
void add_doctor(CLI::App& program, Action& action);

/// Adds `--json` and the example under `--help`.
void describe(CLI::App& verb, bool& json, const std::string& example);
/// One JSON document on stdout.
void print_document(const OrderedJson& document);
/// Text on stdout.
void print_text(const std::string& text);
/// A line on stderr that is neither an error nor progress.
void note(const std::string& text);

}  // namespace dyad::tools
