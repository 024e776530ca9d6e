// dyad zoo: published tables of quantized networks, computed again.
#include "dyad/workflow/zoo.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "dyad/accel_models/accelerator.hpp"

namespace dyad::tools {
namespace {

Result<int> run(bool json) {
  DYAD_TRY(const workflow::Zoo zoo,
           workflow::hawq_zoo([](const std::string& name) { return accel_models::make_cost_model(name, Tier::kAnalytic); }));
  if (json) {
    print_document(workflow::zoo_document(zoo));
  } else {
    print_text(workflow::zoo_text(zoo));
  }
  return kDone;
}

}  // namespace

void add_zoo(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("zoo", "HAWQ-V3's model zoo: size, BOPS and speed-up, computed beside the published numbers");
  auto json = std::make_shared<bool>(false);
  describe(*verb, *json, "dyad zoo");
  verb->callback([json, &action] { action = [json] { return run(*json); }; });
}

}  // namespace dyad::tools
