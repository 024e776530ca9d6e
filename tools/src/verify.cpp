// dyad verify: equality of every implementation, by simulation, proof, mutation and vectors.
#include "verify.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace dyad::tools {

int finish_verification(const OrderedJson& document, const std::vector<workflow::CheckOutcome>& checks, bool json) {
  if (json) {
    print_document(document);
  } else {
    print_text(workflow::verification_text(checks));
  }
  return workflow::all_passed(checks) ? kDone : kHonestNegative;
}

void add_verify(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("verify", "Check that every implementation computes the same integers");
  verb->require_subcommand(1);
  verb->footer("Example:\n  dyad verify rtl dyadic_requantizer --cases 100000");
  for (const auto add : {add_verify_rtl, add_verify_formal, add_verify_mutants, add_verify_kernels, add_verify_vectors}) add(*verb, action);
}

}  // namespace dyad::tools
