// dyad vectors generate: corner-heavy vectors and a test bench for the user's own RTL.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "dyad/base/files.hpp"
#include "dyad/workflow/vector_bench.hpp"
#include "dyad/workflow/vector_generator.hpp"
#include "options.hpp"

namespace dyad::tools {
namespace {

struct Options {
  workflow::VectorRequest request;
  workflow::BenchModule module;
  std::string op = "requantize", rounding = "half_up", format = "json", out;
  std::vector<std::string> ports;
  bool no_zero_point = false, is_unsigned = false, in_unsigned = false, json = false;
};

Result<workflow::VectorRequest> request_of(const Options& options) {
  workflow::VectorRequest request = options.request;
  request.op = *workflow::vector_op_from_name(options.op);
  request.out.is_signed = !options.is_unsigned;
  request.zero_points = !options.no_zero_point;
  request.in.is_signed = !options.in_unsigned;
  request.acc_bits = options.module.acc_bits;
  request.multiplier_bits = options.module.multiplier_bits;
  if (request.op == workflow::VectorOp::kAveragePool) {
    const auto rounding = average_rounding_from_name(options.rounding);
    if (!rounding)
      return Error{"--rounding", "there is no average rounding '" + options.rounding + "'", "half_up, half_away, floor or hawq"};
    request.average_rounding = *rounding;
  } else {
    const auto rounding = rounding_from_name(options.rounding);
    if (!rounding)
      return Error{"--rounding", "there is no rounding '" + options.rounding + "'", "half_up, half_even, half_away, floor or gemmlowp"};
    request.rounding = *rounding;
  }
  return request;
}

Result<workflow::BenchModule> module_of(const Options& options) {
  if (options.module.name.empty())
    return Error{"--module", "a test bench needs the name of your module", "for example --module my_requantizer"};
  workflow::BenchModule module = options.module;
  for (const std::string& each : options.ports) {
    const std::size_t equal = each.find('=');
    if (equal == std::string::npos || equal == 0) return Error{"--port", "'" + each + "' is not SIGNAL=PORT", "for example acc=sum_in"};
    module.ports[each.substr(0, equal)] = each.substr(equal + 1);
  }
  return module;
}

Result<void> write_bench(const std::map<std::string, std::string>& files, const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return Error{folder.string(), "can't be made: " + failure.message(), "name a folder that can be written"};
  for (const auto& [name, text] : files) DYAD_CHECK(write_text(folder / name, text));
  return {};
}

Result<int> run(const Options& options) {
  const bool is_bench = options.format == "memh";
  DYAD_TRY(const workflow::VectorRequest request, request_of(options));
  if (!is_bench) {
    if (!options.module.name.empty()) return Error{"--module", "a JSON file has no test bench", "add --format memh"};
    DYAD_CHECK(check_writable(options.out));
  } else {
    DYAD_CHECK(module_of(options));
  }
  DYAD_TRY(const workflow::VectorFile vectors, workflow::generate_vectors(request));
  OrderedJson document{{"schema", "dyad.vectors-generated/1"},
                       {"version", DYAD_VERSION},
                       {"op", options.op},
                       {"rounding", options.rounding},
                       {"cases", vectors.size()},
                       {"seed", request.seed},
                       {"out", options.out}};
  if (is_bench) {
    DYAD_TRY(const workflow::BenchModule module, module_of(options));
    DYAD_TRY(const auto files, workflow::vector_bench(vectors, module));
    DYAD_CHECK(write_bench(files, options.out));
    for (const auto& [name, text] : files) document["files"].push_back(name);
  } else {
    DYAD_CHECK(write_text(options.out, to_text(workflow::vectors_document(vectors))));
  }
  if (options.json) {
    print_document(document);
  } else if (is_bench) {
    print_text(std::to_string(vectors.size()) + " cases in " + options.out + "; " + options.module.name + "_tb.sv says how to run them\n");
  } else {
    print_text(std::to_string(vectors.size()) + " cases in " + options.out + "\n");
  }
  return kDone;
}

}  // namespace

void add_vectors(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("vectors", "Vectors and a test bench for your own RTL");
  verb->require_subcommand(1);
  verb->footer("Example:\n  dyad vectors generate --op requantize --rounding half_even --format memh --module my_requantizer -o bench");
  auto* generate = verb->add_subcommand("generate", "Corner-heavy vectors: ties, saturation edges, extreme multipliers and shifts");
  auto options = std::make_shared<Options>();
  generate->add_option("--op", options->op, "Operation")
      ->check(CLI::IsMember({"requantize", "residual_add", "average_pool"}))
      ->capture_default_str();
  generate->add_option("--rounding", options->rounding, "Rounding of the operation")->capture_default_str();
  generate->add_option("--out-bits", options->request.out.bits, "Bits of the result")->capture_default_str();
  generate->add_flag("--unsigned", options->is_unsigned, "The result is unsigned");
  generate->add_option("--cases", options->request.cases, "Operations")->capture_default_str();
  generate->add_option("--seed", options->request.seed, "Draws the cases")
      ->check(CLI::Range(std::int64_t{0}, INT64_MAX))
      ->capture_default_str();
  generate->add_option("--acc-bits", options->module.acc_bits, "Bits of your accumulators, and of the port")->capture_default_str();
  generate->add_option("--multiplier-bits", options->module.multiplier_bits, "Bits of your signed multipliers, and of the port")
      ->capture_default_str();
  generate->add_option("--most-shift", options->request.most_shift, "Largest shift")->capture_default_str();
  generate->add_flag("--no-zero-point", options->no_zero_point, "Zero points are 0");
  generate->add_option("--in-bits", options->request.in.bits, "average_pool: bits of the values")->capture_default_str();
  generate->add_flag("--in-unsigned", options->in_unsigned, "average_pool: the values are unsigned");
  generate->add_option("--window", options->request.most_window, "average_pool: largest window")->capture_default_str();
  generate->add_option("--format", options->format, "json: a dyad.vectors/1 file; memh: a folder with $readmemh files and a test bench")
      ->check(CLI::IsMember({"json", "memh"}))
      ->capture_default_str();
  generate->add_option("--module", options->module.name, "memh: your module");
  generate->add_option("--port", options->ports, "memh: SIGNAL=PORT when your port has another name, SIGNAL=- when there is none")
      ->allow_extra_args(false);
  generate->add_option("--parameter", options->module.parameters, "memh: NAME=VALUE of your module")->allow_extra_args(false);
  generate->add_option("--out-port-bits", options->module.out_bits, "memh: width of the ports of the result and of its bounds")
      ->capture_default_str();
  generate->add_option("-o,--out", options->out, "The file (json) or the folder (memh)")->required();
  describe(*generate, options->json,
           "dyad vectors generate --op requantize --rounding half_even --format memh --module my_requantizer -o bench");
  generate->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
