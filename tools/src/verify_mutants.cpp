// dyad verify mutants: single-point mutants of the RTL must be noticed.
#include "dyad/workflow/verify_mutants.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "console.hpp"
#include "dyad/workflow/verify_formal.hpp"
#include "verify.hpp"

namespace dyad::tools {
namespace {

struct Options {
  workflow::MutantsRequest what;
  std::string rtl;
  bool seeded = false;
  bool json = false;
};

Result<int> run(Options options) {
  DYAD_TRY(options.what.rtl, workflow::find_rtl(options.rtl));
  // Another sample in each run; the stimuli do not depend on it, so that what one run kills every run kills.
  if (!options.seeded)
    options.what.seed = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) % 1'000'000;
  if (options.what.sample > 0)
    note("sample of " + std::to_string(options.what.sample) + " mutants, --seed " + std::to_string(options.what.seed));
#ifdef DYAD_ALL_MUTANTS
  if (!DYAD_ALL_MUTANTS) note("note: this build holds the mutants of a few modules; configure with -DDYAD_MUTANTS=ALL for those of all");
#endif
  std::vector<workflow::MutantReport> mutants;
  {
    TerminalProgress progress;
    DYAD_TRY(mutants, workflow::verify_mutants(options.what, progress));
  }
  if (options.json) {
    print_document(workflow::mutants_document(options.what, mutants));
  } else {
    print_text(workflow::mutants_text(mutants));
  }
  return std::ranges::count(mutants, workflow::Fate::kSurvived, &workflow::MutantReport::fate) == 0 ? kDone : kHonestNegative;
}

}  // namespace

void add_verify_mutants(CLI::App& verify, Action& action) {
  auto* verb = verify.add_subcommand("mutants", "Every single-point mutant of the RTL must be killed by simulation or by a proof");
  auto options = std::make_shared<Options>();
  verb->add_option("modules", options->what.modules, "Only these modules");
  verb->add_option("--sample", options->what.sample, "Only so many mutants, over all modules, chosen by the seed")
      ->check(CLI::PositiveNumber);
  auto* seed = verb->add_option("--seed", options->what.seed, "Chooses the sample; default: the clock");
  verb->add_option("--rtl", options->rtl, "Folder of the RTL; default $DYAD_RTL, else the source tree's");
  describe(*verb, options->json, "dyad verify mutants dyadic_requantizer");
  verb->callback([options, seed, &action] {
    options->seeded = seed->count() > 0;
    action = [options] { return run(*options); };
  });
}

}  // namespace dyad::tools
