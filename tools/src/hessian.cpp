#include "hessian.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "command.hpp"
#include "dyad/training/training.hpp"

namespace dyad::tools {

void HessianFlags::declare(CLI::App& verb) {
  verb.add_option("--trace-method", method, "Estimator of the Hessian trace")
      ->check(CLI::IsMember({"gauss_newton", "hutchinson"}))
      ->capture_default_str();
  verb.add_option("--trace-images", images, "Images at most; 0: the training split")->check(CLI::NonNegativeNumber)->capture_default_str();
  verb.add_option("--trace-draws", draws, "Random vectors an image")->check(CLI::Range(1, 1000))->capture_default_str();
  verb.add_option("--trace-stderr", stderr_goal, "Stop at this relative standard error in every layer")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
}

Result<std::vector<quantizer::LayerTrace>> measure_traces(const network::Network& network, const network::Dataset& images,
                                                          const network::Normalization& normalization, const HessianFlags& flags,
                                                          std::uint64_t seed, workflow::Progress& progress) {
  training::HessianOptions options;
  options.method = flags.method == "hutchinson" ? training::HessianMethod::kHutchinson : training::HessianMethod::kGaussNewton;
  options.seed = seed;
  options.max_images = flags.images;
  options.draws = flags.draws;
  options.target_relative_stderr = flags.stderr_goal;
  options.progress = [&](const training::HessianProgress& at) { progress.update(at.images, at.max_images); };
  options.cancelled = [&] { return progress.cancelled(); };
  progress.stage("Hessian traces");
  DYAD_TRY(const training::HessianTraces traces, training::hessian_traces(network, images, normalization, options));
  std::vector<quantizer::LayerTrace> layers;
  double worst = 0;
  for (const training::LayerTrace& layer : traces.layers) {
    layers.push_back({layer.name, layer.trace, layer.trace_stderr, layer.parameters});
    if (layer.trace > 0) worst = std::max(worst, layer.trace_stderr / layer.trace);
  }
  if (!traces.reached_target && !traces.was_cancelled)
    note(fmt::format("note: after all {} images the largest relative standard error of a trace is {:.1f} %, above the {:.1f} % asked for",
                     traces.images, 100 * worst, 100 * flags.stderr_goal));
  return layers;
}

}  // namespace dyad::tools
