// dyad run: accuracy of a float or an integer network over a data set.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "console.hpp"
#include "dyad/base/files.hpp"
#include "dyad/quantizer/integer_tensors.hpp"
#include "dyad/workflow/evaluate.hpp"
#ifdef DYAD_HAS_RTL
#include "dyad/workflow/rtl_run.hpp"
#endif
#include "options.hpp"
#include "verify.hpp"

namespace dyad::tools {
namespace {

struct Options {
  ModelOptions model;
  NormalizeOption normalize;
  std::string data, backend, accelerator, waves, dump_outputs, compare_predictions;
  std::int64_t limit = 0;
  bool json = false;
};

Result<workflow::Evaluation> evaluate_integer_file(const Options& options, std::string& described) {
  if (!options.normalize.text.empty()) return Error{"--normalize", "an integer network holds its own normalization", "leave the flag out"};
  DYAD_TRY(const quantizer::IntegerNetwork network, quantizer::import_integer_network(options.model.model));
  DYAD_TRY(const auto backend, make_integer_backend(options.backend.empty() ? "cpu" : options.backend));
  DYAD_TRY(const network::Dataset images, test_images(network.input.height, options.data, options.limit));
  described = backend->name() + " (" + backend->description() + ")";
  TerminalProgress progress;
  return workflow::evaluate_integer(network, *backend, images, 0, progress);
}

/// Through the Verilated core of an accelerator; adds to `document` what only the RTL has.
Result<workflow::Evaluation> evaluate_on_rtl(const Options& options, std::string& described, OrderedJson& document) {
#ifdef DYAD_HAS_RTL
  if (!options.normalize.text.empty()) return Error{"--normalize", "an integer network holds its own normalization", "leave the flag out"};
  DYAD_CHECK(check_writable(options.waves));
  DYAD_TRY(const quantizer::IntegerNetwork network, quantizer::import_integer_network(options.model.model));
  DYAD_TRY(const accel_models::Accelerator accelerator,
           accel_models::load_accelerator(options.accelerator.empty() ? "bismo-edge" : options.accelerator));
  DYAD_TRY(const network::Dataset images, test_images(network.input.height, options.data, options.limit));
  TerminalProgress progress;
  DYAD_TRY(workflow::RtlRun run, workflow::run_on_rtl(network, accelerator, images, 0, progress, options.waves));
  described = "rtl (" + run.core + ", Verilated, in the SystemC memory system of " + accelerator.name + ")";
  document["accelerator"] = accelerator.name;
  document["cycles"] = run.cycles.value;
  document["cycle_tier_cycles"] = run.cycle_tier_cycles.value;
  for (const workflow::RtlLayer& layer : run.layers) {
    OrderedJson entry{{"name", layer.name}, {"cycles", layer.cycles.value}, {"cycle_tier_cycles", layer.cycle_tier_cycles.value}};
    if (!layer.fused.empty()) entry["fused"] = layer.fused;
    document["layers"].push_back(std::move(entry));
  }
  return std::move(run.evaluation);
#else
  static_cast<void>(options), static_cast<void>(described), static_cast<void>(document);
  return without_rtl("--backend rtl");
#endif
}

Result<workflow::Evaluation> evaluate_float_model(const Options& options, std::string& described) {
  if (!options.backend.empty()) {
    if (options.backend != "cpu" && options.backend != "scalar")
      return Error{"--backend", "'" + options.backend + "' runs integer networks only", "make one with: dyad quantize"};
    note("note: a float network; it runs in float32 on the CPU whatever the backend");
  }
  DYAD_TRY(const network::Network network, options.model.load());
  DYAD_TRY(const network::Normalization normalization, options.normalize.choose(network));
  DYAD_TRY(const network::Dataset images, test_images(picture_size(network), options.data, options.limit));
  described = "float32 on the CPU";
  TerminalProgress progress;
  return workflow::evaluate_float(network, images, normalization, 0, progress);
}

/// Images on which the prediction is the byte in `file`.
Result<std::int64_t> agreeing_images(const workflow::Evaluation& evaluation, const std::string& file) {
  DYAD_TRY(const std::vector<std::uint8_t> expected, read_bytes(file));
  if (static_cast<std::int64_t>(expected.size()) < evaluation.images)
    return Error{file, fmt::format("has {} predictions for {} images", expected.size(), evaluation.images),
                 "one byte an image, in image order"};
  std::int64_t agreeing = 0;
  for (std::size_t i = 0; i < evaluation.predictions.size(); ++i) agreeing += evaluation.predictions[i] == expected[i];
  return agreeing;
}

Result<int> run(const Options& options) {
  DYAD_CHECK(check_writable(options.dump_outputs));
  std::string described;
  const bool is_integer = quantizer::is_integer_network(options.model.model);
  const bool on_rtl = is_integer && options.backend == "rtl";
  if (!on_rtl && (!options.accelerator.empty() || !options.waves.empty()))
    return Error{options.waves.empty() ? "--accelerator" : "--waves", "belongs to --backend rtl",
                 "add --backend rtl, or leave the flag out"};
  OrderedJson rtl = OrderedJson::object();
  DYAD_TRY(const workflow::Evaluation evaluation, on_rtl       ? evaluate_on_rtl(options, described, rtl)
                                                  : is_integer ? evaluate_integer_file(options, described)
                                                               : evaluate_float_model(options, described));
  OrderedJson document{
      {"schema", "dyad.run/1"},  {"version", DYAD_VERSION}, {"model", options.model.model}, {"backend", described},
      {"top1", evaluation.top1}, {"top5", evaluation.top5}, {"images", evaluation.images},  {"images_per_s", evaluation.images_per_s}};
  if (is_integer) document["digest"] = evaluation.digest;
  document.update(rtl);
  if (!options.compare_predictions.empty()) {
    DYAD_TRY(const std::int64_t agreeing, agreeing_images(evaluation, options.compare_predictions));
    document["agreeing"] = agreeing;
  }
  if (!options.dump_outputs.empty()) {
    DYAD_CHECK(write_bytes(options.dump_outputs, evaluation.outputs));
    document["outputs"] = options.dump_outputs;
  }
  if (options.json) {
    print_document(document);
    return kDone;
  }
  std::string text = fmt::format("{:.2f} % top-1, {:.2f} % top-5 on {} images, {:.0f} images/s, {}\n", evaluation.top1, evaluation.top5,
                                 evaluation.images, evaluation.images_per_s, described);
  if (is_integer) text += "digest of the logits " + evaluation.digest + "\n";
  if (on_rtl)
    text +=
        fmt::format("{} cycles, {} by the cycle tier\n", rtl["cycles"].get<std::int64_t>(), rtl["cycle_tier_cycles"].get<std::int64_t>());
  if (document.contains("agreeing"))
    text += fmt::format("{} of {} predictions agree\n", document["agreeing"].get<std::int64_t>(), evaluation.images);
  print_text(text);
  return kDone;
}

}  // namespace

void add_run(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("run", "Run a float or an integer network over a data set");
  auto options = std::make_shared<Options>();
  options->model.declare(*verb);
  options->normalize.declare(*verb);
  verb->add_option("--data", options->data, "Images: a file or a folder, its test split")->required();
  verb->add_option("--backend", options->backend,
                   "Of an integer network: scalar, cpu (default) or rtl, the Verilated core of an accelerator");
  verb->add_option("--accelerator", options->accelerator, "Of --backend rtl: a name or a file; default bismo-edge");
  verb->add_option("--waves", options->waves, "Of --backend rtl: write the core's waves, FST");
  verb->add_option("--limit", options->limit, "Only the first images")->check(CLI::PositiveNumber);
  verb->add_option("--dump-outputs", options->dump_outputs, "Write the logits, image after image: int32 or float32, little-endian");
  verb->add_option("--compare-predictions", options->compare_predictions, "Count agreement with a file of one class byte an image");
  describe(*verb, options->json, "dyad run resnet20.dyad --data cifar10 --backend cpu");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
