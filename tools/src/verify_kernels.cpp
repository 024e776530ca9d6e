// dyad verify kernels: every backend against scalar.
#include "dyad/workflow/verify_kernels.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "console.hpp"
#include "verify.hpp"

namespace dyad::tools {
namespace {

struct Options {
  workflow::KernelVerification what;
  bool json = false;
};

Result<int> run(const Options& options) {
  TerminalProgress progress;
  DYAD_TRY(const auto checks, workflow::verify_kernels(options.what, progress));
  OrderedJson document = workflow::verification_document("kernels", checks);
  document["seed"] = options.what.seed;
  return finish_verification(document, checks, options.json);
}

}  // namespace

void add_verify_kernels(CLI::App& verify, Action& action) {
  auto* verb = verify.add_subcommand("kernels", "Every backend and instruction set against scalar, on random and extreme layers");
  auto options = std::make_shared<Options>();
  verb->add_option("--layers", options->what.layers, "Random layers")->check(CLI::PositiveNumber)->capture_default_str();
  verb->add_option("--seed", options->what.seed, "Draws the layers")->capture_default_str();
  verb->add_option("--backend", options->what.backends, "Only these, for example cpu/avx2; may be given several times")
      ->allow_extra_args(false);
  describe(*verb, options->json, "dyad verify kernels --layers 100000 --seed 7");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
