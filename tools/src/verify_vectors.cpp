// dyad verify vectors: files of dyad.vectors/1 against every implementation.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "console.hpp"
#include "dyad/workflow/vectors.hpp"
#include "dyad/workflow/vectors_haq.hpp"
#include "rtl_vectors.hpp"
#include "verify.hpp"

namespace dyad::tools {
namespace {

struct Options {
  std::vector<std::string> files;
  bool json = false;
};

Result<int> run(const Options& options) {
  std::vector<workflow::VectorFile> files;
  std::vector<workflow::CheckOutcome> checks;
  for (const std::string& file : options.files) {
    DYAD_TRY(const Json document, read_json(file));
    if (workflow::is_haq_vectors(document)) {
      DYAD_TRY(const auto found, workflow::verify_haq_vectors(document, file));
      checks.insert(checks.end(), found.begin(), found.end());
      continue;
    }
    DYAD_TRY(workflow::VectorFile vectors, workflow::load_vectors(file));
    files.push_back(std::move(vectors));
  }
  DYAD_TRY(auto implementations, workflow::vector_implementations());
#ifdef DYAD_HAS_RTL
  implementations.push_back(rtl_vector_implementation());
#else
  note("note: this build has no RTL; the other implementations are checked (-DDYAD_WITH_RTL=ON adds it)");
#endif
  TerminalProgress progress;
  if (!files.empty()) {
    DYAD_TRY(const auto found, workflow::verify_vectors(files, implementations, progress));
    checks.insert(checks.end(), found.begin(), found.end());
  }
  OrderedJson document = workflow::verification_document("vectors", checks);
  document["files"] = options.files;
  return finish_verification(document, checks, options.json);
}

}  // namespace

void add_verify_vectors(CLI::App& verify, Action& action) {
  auto* verb =
      verify.add_subcommand("vectors", "Vector files (dyad.vectors/1, or HAQ's) against every implementation that has their operation");
  auto options = std::make_shared<Options>();
  verb->add_option("FILE", options->files, "Vector files")->required();
  describe(*verb, options->json, "dyad verify vectors requantize_half_up.json");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
