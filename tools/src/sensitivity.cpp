// dyad sensitivity: what each layer loses at each bit-width.
#include "dyad/quantizer/sensitivity.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "console.hpp"
#include "hessian.hpp"
#include "options.hpp"

namespace dyad::tools {
namespace {

struct Options {
  ModelOptions model;
  NormalizeOption normalize;
  PostTrainingFlags post_training;
  HessianFlags hessian;
  std::string data, metric = "hessian";
  std::vector<int> bits = {2, 3, 4, 5, 6, 7, 8};
  std::int64_t images = 1024, error_images = 256;
  std::uint64_t seed = 0;
  bool json = false;
};

std::string as_text(const quantizer::SensitivityTable& table, const std::vector<int>& bits) {
  std::string text = fmt::format("{:<36}", "layer");
  const bool has_trace = table.metric == quantizer::SensitivityMetric::kHessian;
  if (has_trace) text += fmt::format(" {:>12} {:>10}", "trace", "std err");
  for (const int b : bits) text += fmt::format(" {:>10}", fmt::format("{} bits", b));
  text += "\n";
  for (const quantizer::LayerSensitivity& layer : table.layers) {
    text += fmt::format("{:<36}", layer.name);
    if (has_trace) text += fmt::format(" {:>12.4g} {:>10.3g}", layer.trace.value_or(0), layer.trace_stderr.value_or(0));
    for (const int b : bits) text += fmt::format(" {:>10.3e}", layer.error.at(b));
    text += "\n";
  }
  return text;
}

Result<int> run(const Options& options) {
  const auto metric = quantizer::sensitivity_metric_from_name(options.metric);
  DYAD_EXPECT(metric.has_value(), "a flag admitted an unknown metric");
  DYAD_TRY(const network::Network network, options.model.load());
  DYAD_TRY(const network::Normalization normalization, options.normalize.choose(network));
  DYAD_TRY(const network::Dataset all_images, calibration_images(picture_size(network), options.data, 0, options.seed));
  DYAD_TRY(const network::Dataset images, calibration_images(picture_size(network), options.data, options.images, options.seed));
  TerminalProgress progress;
  progress.stage("calibrating");
  DYAD_TRY(const auto calibrated, quantizer::CalibratedNetwork::calibrate(network, images, normalization, options.post_training.read()));
  std::vector<quantizer::LayerTrace> traces;
  if (*metric == quantizer::SensitivityMetric::kHessian) {
    DYAD_TRY(traces, measure_traces(network, all_images, normalization, options.hessian, options.seed, progress));
  }
  progress.stage("measuring errors");
  std::vector<std::int64_t> first(static_cast<std::size_t>(std::min(options.error_images, images.size())));
  std::iota(first.begin(), first.end(), 0);
  DYAD_TRY(const auto table, quantizer::measure_sensitivity(calibrated, *metric, options.bits, images.subset(first), traces,
                                                            [&](std::int64_t done, std::int64_t total) {
                                                              progress.update(done, total);
                                                              return !interrupted();
                                                            }));
  if (!table) return kInterrupted;
  if (options.json) {
    print_document(quantizer::sensitivity_to_json(*table, network.name));
  } else {
    print_text(as_text(*table, options.bits));
  }
  return kDone;
}

}  // namespace

void add_sensitivity(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("sensitivity", "What each layer loses at each bit-width");
  auto options = std::make_shared<Options>();
  options->model.declare(*verb);
  options->normalize.declare(*verb);
  verb->add_option("--data", options->data, "Images: a file or a folder, its training split")->required();
  verb->add_option("--metric", options->metric, "hessian: trace / parameters * |dW|^2; mse, kl: of the logits; weight: |dW|^2")
      ->check(CLI::IsMember({"hessian", "mse", "kl", "weight"}))
      ->capture_default_str();
  verb->add_option("--bits", options->bits, "Bit-widths, comma-separated")->delimiter(',')->check(CLI::Range(2, 8))->capture_default_str();
  verb->add_option("--images", options->images, "Calibration images drawn by the seed; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--error-images", options->error_images, "Of these, images that mse and kl look at")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "Seed of the draws")->capture_default_str();
  options->hessian.declare(*verb);
  options->post_training.declare(*verb);
  describe(*verb, options->json, "dyad sensitivity resnet20.onnx --data cifar10 --metric hessian");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
