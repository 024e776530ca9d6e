// dyad report: result documents become one HTML page.
#include "dyad/workflow/report.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"

namespace dyad::tools {
namespace {

struct Options {
  std::vector<std::string> results;
  std::string out;
  bool json = false;
};

Result<int> run(const Options& options) {
  DYAD_CHECK(workflow::write_report({options.results.begin(), options.results.end()}, options.out));
  if (options.json) {
    print_document({{"schema", "dyad.report/1"}, {"version", DYAD_VERSION}, {"documents", options.results}, {"out", options.out}});
  } else {
    for (const std::string& file : options.results) {
      DYAD_TRY(const Json document, read_json(file));
      DYAD_TRY(const std::string text, workflow::summarize({file, document}));
      print_text(text + "\n");
    }
    print_text("report written to " + options.out + "\n");
  }
  return kDone;
}

}  // namespace

void add_report(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("report", "Show result documents on one self-contained HTML page");
  auto options = std::make_shared<Options>();
  verb->add_option("RESULT", options->results, "Documents that search, simulate or train wrote with --json")->required();
  verb->add_option("-o,--out", options->out, "The page")->required();
  describe(*verb, options->json, "dyad report search.json -o report.html");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
