#include "reconstruction.hpp"

#include <CLI/CLI.hpp>

#include "dyad/training/training.hpp"

namespace dyad::tools {

void ReconstructionFlags::declare(CLI::App& verb) {
  auto* wanted =
      verb.add_flag("--reconstruct", reconstruct, "Learn roundings, steps and biases from the images (needs the LibTorch module)");
  verb.add_option("--iterations", iterations, "Of each block; 0: 250, or 400 where weights have 2 bits")
      ->check(CLI::Range(0, 1000000))
      ->needs(wanted)
      ->capture_default_str();
  verb.add_option("--reconstruction-images", images, "Of the calibration images; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->needs(wanted)
      ->capture_default_str();
  verb.add_option("--granularity", granularity, "What is learned at once: a residual block or a layer")
      ->check(CLI::IsMember({"block", "layer"}))
      ->needs(wanted)
      ->capture_default_str();
}

training::ReconstructionOptions ReconstructionFlags::read(std::uint64_t seed) const {
  training::ReconstructionOptions options;
  options.iterations = iterations;
  options.images = images;
  options.granularity = granularity == "layer" ? quantizer::Granularity::kLayer : quantizer::Granularity::kBlock;
  options.seed = seed;
  return options;
}

Result<void> ReconstructionFlags::check() const {
  if (!reconstruct) return {};
  return training::open_module();
}

}  // namespace dyad::tools
