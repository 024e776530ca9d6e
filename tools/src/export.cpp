// dyad export: an integer network in the formats of other programs.
#include "dyad/workflow/export.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "dyad/quantizer/integer_tensors.hpp"
#include "options.hpp"

namespace dyad::tools {
namespace {

struct Options {
  std::string network, format, out;
  bool json = false;
};

Result<int> run(const Options& options) {
  DYAD_CHECK(check_writable(options.out));
  const auto format = workflow::export_format_from_name(options.format);
  DYAD_EXPECT(format.has_value(), "a flag admitted an unknown format");
  DYAD_TRY(const quantizer::IntegerNetwork network, quantizer::import_integer_network(options.network));
  DYAD_CHECK(workflow::export_network(network, *format, options.out));
  const OrderedJson document = workflow::export_document(network, *format, options.out);
  if (options.json) {
    print_document(document);
  } else {
    print_text(fmt::format("{} layers as {} in {}, {} bytes\n", network.layers.size(), options.format, options.out,
                           document["bytes"].get<std::uintmax_t>()));
  }
  return kDone;
}

}  // namespace

void add_export(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("export", "Write an integer network as ONNX, packed int4, integer tensors or a bit list");
  auto options = std::make_shared<Options>();
  verb->add_option("NETWORK", options->network, "An integer network: .dyad, or a file that this verb wrote")->required();
  verb->add_option("--format", options->format, "onnx, safetensors, int4, int4-hawq, bits, hawq-bits or dyad")
      ->check(CLI::IsMember({"onnx", "safetensors", "int4", "int4-hawq", "bits", "hawq-bits", "dyad"}))
      ->required();
  verb->add_option("-o,--out", options->out, "The file; it ends in .onnx, .safetensors, .json or .dyad")->required();
  describe(*verb, options->json, "dyad export net.dyad --format onnx -o net.onnx");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
