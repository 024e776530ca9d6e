// dyad allocate: the exact integer program over a file of choices.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "dyad/quantizer/allocation.hpp"
#include "limits.hpp"

namespace dyad::tools {
namespace {

struct Options {
  std::string choices;
  LimitOptions limits;
  bool json = false;
};

std::string as_text(const quantizer::Allocation& allocation) {
  std::string text = fmt::format("{:<40} {:>6} {:>6}\n", "layer", "w bits", "a bits");
  for (const auto& [name, bits] : allocation.assignment) text += fmt::format("{:<40} {:>6} {:>6}\n", name, bits.weight, bits.activation);
  text += fmt::format("loss {:.9g}, lower bound {:.9g}: {}\n", allocation.objective, allocation.bound,
                      allocation.proved ? "proved optimal" : "not proved");
  for (const auto& [name, total] : allocation.totals) text += fmt::format("{} {:.9g}\n", name, total);
  return text;
}

Result<int> run(const Options& options) {
  DYAD_TRY(const Json document, read_json(options.choices));
  DYAD_TRY(const quantizer::ChoiceProblem problem, quantizer::choices_from_json(document, options.choices));
  DYAD_TRY(const auto requests, options.limits.read());
  DYAD_TRY(const auto limits, quantizer::resolve_limits(problem, requests, options.choices));
  const auto outcome = quantizer::allocate(problem, limits);
  const auto* infeasible = std::get_if<quantizer::Infeasible>(&outcome);
  if (options.json) {
    print_document(quantizer::allocation_to_json(problem, outcome));
  } else {
    print_text(infeasible ? "infeasible: " + quantizer::describe(*infeasible) + "\n" : as_text(std::get<quantizer::Allocation>(outcome)));
  }
  return infeasible ? kHonestNegative : kDone;
}

}  // namespace

void add_allocate(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("allocate", "Choose bits by the exact integer program: least loss under limits");
  auto options = std::make_shared<Options>();
  verb->add_option("CHOICES", options->choices, "Choices of every layer, schema dyad.choices/1")->required();
  options->limits.declare(*verb, "R times the cost of all-dearest");
  describe(*verb, options->json, "dyad allocate choices.json --limit-fraction latency=0.5");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
