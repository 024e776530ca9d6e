// The `dyad` program: understands the command line, runs one verb, prints what it returns.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "console.hpp"
#include "dyad/kernels/executor.hpp"

namespace dyad::tools {
namespace {

/// Names from damaged files can hold anything: control characters and bytes that are no UTF-8 become '?'.
std::string printable(const std::string& text) {
  std::string clean;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xc2 && lead < 0xe0 ? 2
                               : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
    bool whole = length > 0 && i + length <= text.size() && lead >= 0x20 && lead != 0x7f;
    for (std::size_t k = 1; whole && k < length; ++k) whole = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    clean += whole ? text.substr(i, length) : "?";
    i += whole ? length : 1;
  }
  return clean;
}

int report_error(const Error& error) {
  std::cerr << "error: " << printable((error.place.empty() ? "" : error.place + ": ") + error.message) << "\n";
  if (!error.hint.empty()) std::cerr << "hint: " << printable(error.hint) << "\n";
  return kBadInput;
}

/// The first line of CLI11's message; the rest lists what help shows too.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

int run(int argc, char** argv) {
  CLI::App program{"Bits for every layer of a network on a simulated accelerator, and integers that are exactly right.", "dyad"};
  program.set_version_flag("--version", "dyad " DYAD_VERSION);
  program.require_subcommand(1);
  program.get_formatter()->column_width(36);
  Action action;
  for (const auto add : {add_inspect, add_simulate, add_quantize, add_run, add_sensitivity, add_allocate, add_search, add_train, add_report,
                         add_verify, add_vectors, add_calibrate, add_zoo, add_compare, add_export, add_data, add_doctor})
    add(program, action);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return program.exit(error);
    const auto verbs = program.get_subcommands();
    return report_error(
        {"command line", first_line(error.what()), "see: dyad " + (verbs.empty() ? "" : verbs.front()->get_name() + " ") + "--help"});
  }
  catch_interrupts();
  kernels::register_cpu_backends();
  const Result<int> status = action();
  if (interrupted()) {
    note("interrupted; what was finished before is kept");
    return kInterrupted;
  }
  return status ? *status : report_error(status.error());
}

}  // namespace

void describe(CLI::App& verb, bool& json, const std::string& example) {
  verb.add_flag("--json", json, "One JSON document on stdout");
  verb.footer("Example:\n  " + example);
}

void print_document(const OrderedJson& document) { std::cout << to_text(document); }
void print_text(const std::string& text) { std::cout << text; }
void note(const std::string& text) { std::cerr << text << "\n"; }

}  // namespace dyad::tools

int main(int argc, char** argv) {
  try {
    const int status = dyad::tools::run(argc, argv);
    std::cout.flush();
    if (!std::cout) {
      std::cerr << "error: stdout: cannot be written\nhint: is the disk full or the pipe closed?\n";
      return dyad::tools::kBadInput;
    }
    return status;
  } catch (const std::bad_alloc&) {
    std::cerr << "error: memory: not enough for this input\nhint: use fewer images or a smaller network\n";
    return dyad::tools::kBadInput;
  } catch (const std::exception& failure) {
    std::cerr << "internal error: " << failure.what() << "\nhint: this is a bug of dyad; please report the command and this line\n";
    return dyad::tools::kOurBug;
  }
}
