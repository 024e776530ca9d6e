// dyad inspect: layers, MACs, parameters, size, BOPS.
#include "dyad/workflow/inspect.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "options.hpp"

namespace dyad::tools {
namespace {

struct Options {
  ModelOptions model;
  BitsOptions bits;
  bool json = false;
};

Result<int> run(const Options& options) {
  DYAD_TRY(const network::Network network, options.model.load());
  DYAD_TRY(const auto bits, options.bits.read(network));
  DYAD_TRY(const network::NetworkSummary summary, network::summarize(network, bits));
  if (options.json) {
    print_document(workflow::inspection_document(network, summary));
  } else {
    print_text(workflow::inspection_text(summary));
  }
  return kDone;
}

}  // namespace

void add_inspect(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("inspect", "Layers, MACs, parameters, size and BOPS of a network");
  auto options = std::make_shared<Options>();
  options->model.declare(*verb);
  options->bits.declare(*verb, false);
  describe(*verb, options->json, "dyad inspect resnet18 --bits W4A4");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
