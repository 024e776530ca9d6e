// dyad calibrate: fits cost models to measurements.
#include "dyad/workflow/calibrate.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "dyad/base/files.hpp"

namespace dyad::tools {
namespace {

struct Options {
  std::string accelerator, measurements, out;
  hardware::FitOptions fit;
  std::optional<int> batch;
  bool json = false;
};

std::string error_line(const std::string& name, const hardware::ErrorSummary& error) {
  return fmt::format("{:<28} {:>7.2f} {:>7.2f} {:>8.2f} {:>7}\n", name, error.mape, error.p90, error.bias,
                     error.kendall_tau ? fmt::format("{:.3f}", *error.kendall_tau) : "-");
}

std::string as_text(const workflow::CalibrationFit& fit) {
  const hardware::Study& study = fit.study;
  std::string text =
      fmt::format("{} measurements of {} shapes: {}\n\n", fit.measurements.rows.size(), study.shapes, fit.measurements.source);
  for (const auto& parameter : accel_models::tensor_core::kernel_parameters())
    for (const std::string& name : fit.options.parameters)
      if (name == parameter.name) text += fmt::format("{:<28} {:>12.5g}\n", name, study.kernel.*(parameter.member));
  text += fmt::format("\n{:<28} {:>7} {:>7} {:>8} {:>7}\n", "error, %", "mean", "p90", "bias", "tau");
  text += error_line("held out, shape by shape", study.held_out);
  text += fmt::format("{:<28} {:.2f} to {:.2f}\n", "  95 % interval of the mean", study.held_out.mape_low, study.held_out.mape_high);
  text += error_line("in sample", study.in_sample);
  for (const hardware::Baseline& baseline : study.baselines) text += error_line(baseline.name, baseline.error);
  if (study.scatter.groups > 0)
    text += fmt::format("\n{} rows repeat a shape and its bits: they are {:.2f} % from their mean, two of them by a factor of {:.2f}\n",
                        study.scatter.rows, study.scatter.mape, study.scatter.largest_ratio);
  return text;
}

Result<int> run(const Options& options) {
  DYAD_TRY(const workflow::CalibrationFit fit,
           workflow::calibrate_fit(options.accelerator, options.measurements, options.fit, options.batch));
  if (!options.out.empty()) {
    DYAD_TRY(const OrderedJson document, workflow::fitted_accelerator(fit, std::filesystem::path(options.out).stem().string()));
    DYAD_CHECK(write_text(options.out, to_text(document)));
  }
  if (options.json) {
    OrderedJson document = workflow::fit_document(fit);
    if (!options.out.empty()) document["out"] = options.out;
    print_document(document);
  } else {
    print_text(as_text(fit));
  }
  return kDone;
}

}  // namespace

void add_calibrate(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("calibrate", "Fits cost models to measurements");
  verb->require_subcommand(1);
  auto* fit = verb->add_subcommand("fit", "Fits the kernel parameters of a GPU to measured times, and says the error on shapes held out");
  auto options = std::make_shared<Options>();
  options->fit.parameters = hardware::default_parameters();
  fit->add_option("MEASUREMENTS", options->measurements, "CSV of measured times, or HAWQ-V3's published ilp_inputs.json")->required();
  fit->add_option("--accelerator", options->accelerator, "A GPU: a name or a JSON file; its card is kept, its kernel is fitted")
      ->required();
  fit->add_option("--parameters", options->fit.parameters, "Members of its \"kernel\" to fit, comma-separated")
      ->delimiter(',')
      ->capture_default_str();
  fit->add_option("--starts", options->fit.starts, "Random starting points of each fit")->check(CLI::Range(1, 1000))->capture_default_str();
  fit->add_option("--batch", options->batch, "Batch of HAWQ-V3's times (default: the accelerator's)")->check(CLI::PositiveNumber);
  fit->add_option("--seed", options->fit.seed, "Seed of the starting points and of the bootstrap")->capture_default_str();
  fit->add_option("--out", options->out, "The accelerator with the fitted kernel, as JSON");
  describe(*fit, options->json, "dyad calibrate fit ilp_inputs.json --accelerator t4-hawq --out my-t4.json");
  fit->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
