// dyad run: accuracy of a float or an integer network over a data set.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "console.hpp"
#include "dyad/base/files.hpp"
#include "dyad/workflow/evaluate.hpp"
#include "options.hpp"

namespace dyad::tools {
namespace {

struct Options {
  ModelOptions model;
  NormalizeOption normalize;
  std::string data, backend, dump_outputs, compare_predictions;
  std::int64_t limit = 0;
  bool json = false;
};

Result<workflow::Evaluation> evaluate_integer_file(const Options& options, std::string& described) {
  if (!options.normalize.text.empty()) return Error{"--normalize", "an integer network holds its own normalization", "leave the flag out"};
  DYAD_TRY(const quantizer::IntegerNetwork network, quantizer::load_integer_network(options.model.model));
  DYAD_TRY(const auto backend, make_integer_backend(options.backend.empty() ? "cpu" : options.backend));
  DYAD_TRY(const network::Dataset images, test_images(options.data, options.limit));
  described = backend->name() + " (" + backend->description() + ")";
  TerminalProgress progress;
  return workflow::evaluate_integer(network, *backend, images, 0, progress);
}

Result<workflow::Evaluation> evaluate_float_model(const Options& options, std::string& described) {
  if (!options.backend.empty()) {
    if (options.backend != "cpu" && options.backend != "scalar")
      return Error{"--backend", "'" + options.backend + "' runs integer networks only", "make one with: dyad quantize"};
    note("note: a float network; it runs in float32 on the CPU whatever the backend");
  }
  DYAD_TRY(const network::Network network, options.model.load());
  DYAD_TRY(const network::Normalization normalization, options.normalize.choose(network));
  DYAD_TRY(const network::Dataset images, test_images(options.data, options.limit));
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
  const bool is_integer = std::filesystem::path(options.model.model).extension() == ".dyad";
  DYAD_TRY(const workflow::Evaluation evaluation,
           is_integer ? evaluate_integer_file(options, described) : evaluate_float_model(options, described));
  OrderedJson document{
      {"schema", "dyad.run/1"},  {"version", DYAD_VERSION}, {"model", options.model.model}, {"backend", described},
      {"top1", evaluation.top1}, {"top5", evaluation.top5}, {"images", evaluation.images},  {"images_per_s", evaluation.images_per_s}};
  if (is_integer) document["digest"] = evaluation.digest;
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
  verb->add_option("--backend", options->backend, "Of an integer network: scalar or cpu (default)");
  verb->add_option("--limit", options->limit, "Only the first images")->check(CLI::PositiveNumber);
  verb->add_option("--dump-outputs", options->dump_outputs, "Write the logits, image after image: int32 or float32, little-endian");
  verb->add_option("--compare-predictions", options->compare_predictions, "Count agreement with a file of one class byte an image");
  describe(*verb, options->json, "dyad run resnet20.dyad --data cifar10 --backend cpu");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
