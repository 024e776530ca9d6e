// dyad doctor: what this build and this machine have.
#include "dyad/workflow/doctor.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"

namespace dyad::tools {

namespace {

#ifdef DYAD_HAS_RTL
constexpr bool kHasRtl = true;
#else
constexpr bool kHasRtl = false;
#endif

}  // namespace

void add_doctor(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("doctor", "What this build and this machine have, and what each missing piece is needed for");
  auto json = std::make_shared<bool>(false);
  describe(*verb, *json, "dyad doctor");
  verb->callback([json, &action] {
    action = [json]() -> Result<int> {
      const auto checks = workflow::examine(kHasRtl);
      if (*json) {
        print_document(workflow::doctor_document(checks));
      } else {
        print_text(workflow::doctor_text(checks));
      }
      return kDone;
    };
  });
}

}  // namespace dyad::tools
