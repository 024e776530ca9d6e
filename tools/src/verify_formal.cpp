// dyad verify formal: proofs of the RTL.
#include "dyad/workflow/verify_formal.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "console.hpp"
#include "verify.hpp"

namespace dyad::tools {
namespace {

struct Options {
  std::vector<std::string> modules;
  std::string rtl, waves;
  bool json = false;
};

/// One line a proof, then what is wrong with it; after each module what simulation exhausts and what is open; at the end how many there
/// are.
std::string summary(const std::vector<workflow::ModuleProofs>& modules) {
  std::string text;
  std::size_t proofs = 0, proved = 0;
  double cpu_s = 0;
  for (const workflow::ModuleProofs& module : modules) {
    text += module.module + "\n";
    if (module.proofs.empty()) text += "  proved: nothing of this module by itself\n";
    for (const workflow::Proof& proof : module.proofs) {
      ++proofs;
      proved += proof.status() == workflow::ProofStatus::kProved;
      cpu_s += proof.cpu_s();
      text += fmt::format("  {:<8} {:<24} {:7.1f} s  {}{}\n", name_of(proof.status()), proof.name, proof.cpu_s(), proof.claim,
                          proof.bound > 0 ? fmt::format(" (in the first {} steps)", proof.bound) : "");
      for (const workflow::Obligation& one : proof.obligations)
        if (one.status != workflow::ProofStatus::kProved)
          text += fmt::format("           {} ({}): {}\n", one.name, name_of(one.status), one.reason);
    }
    for (const std::string& what : module.exhausted) text += "  simulated exhaustively: " + what + "\n";
    for (const std::string& what : module.open) text += "  neither proved nor exhausted: " + what + "\n";
  }
  return text + fmt::format("{} of {} proofs hold, in {} modules; {:.0f} CPU seconds\n", proved, proofs, modules.size(), cpu_s);
}

Result<int> run(const Options& options) {
  workflow::FormalRequest request;
  request.modules = options.modules;
  request.options.waves = options.waves;
  DYAD_TRY(request.rtl, workflow::find_rtl(options.rtl));
  TerminalProgress progress;
  DYAD_TRY(const std::vector<workflow::ModuleProofs> modules, workflow::verify_formal(request, progress));
  if (options.json) {
    print_document(workflow::formal_document(modules));
  } else {
    print_text(summary(modules));
  }
  return std::ranges::all_of(modules, [](const auto& module) { return module.proved(); }) ? kDone : kHonestNegative;
}

}  // namespace

void add_verify_formal(CLI::App& verify, Action& action) {
  auto* verb = verify.add_subcommand("formal", "Prove the properties of the RTL with Yosys, z3 and CaDiCaL");
  auto options = std::make_shared<Options>();
  verb->add_option("MODULE", options->modules,
                   "Modules that have proofs (rtl/formal/MODULE.json), or single proofs MODULE/PROOF; default: all");
  verb->add_option("--rtl", options->rtl, "The folder rtl of the sources; default: DYAD_RTL, else that of the build");
  verb->add_option("--waves", options->waves, "Folder for the counterexamples of claims that fail, as VCD");
  describe(*verb, options->json, "dyad verify formal stream_skid");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
