// dyad quantize: post-training quantization to an integer network.
#include "dyad/workflow/quantize.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.hpp"
#include "console.hpp"
#include "dyad/workflow/reconstruct.hpp"
#include "options.hpp"
#include "reconstruction.hpp"

namespace dyad::tools {
namespace {

struct Options {
  ModelOptions model;
  BitsOptions bits;
  NormalizeOption normalize;
  PostTrainingFlags post_training;
  ReconstructionFlags reconstruction;
  bool equalize = false;
  std::string scheme = "dyadic";
  std::string calibrate;
  std::string out;
  std::int64_t images = 1024;
  std::uint64_t seed = 0;
  bool json = false;
};

Result<int> run(const Options& options) {
  DYAD_CHECK(check_writable(options.out));
  DYAD_CHECK(options.reconstruction.check());
  DYAD_TRY(network::Network network, options.model.load());
  DYAD_TRY(const auto bits, options.bits.read(network));
  if (!bits) return Error{"--bits", "a float network needs no quantization", "give 2 to 8 bits, as in W4A8"};
  DYAD_TRY(const network::Normalization normalization, options.normalize.choose(network));
  DYAD_TRY(const network::Dataset images, calibration_images(picture_size(network), options.calibrate, options.images, options.seed));
  TerminalProgress progress;
  std::optional<quantizer::EqualizationReport> equalized;
  if (options.equalize) {
    progress.stage("equalization");
    DYAD_TRY(network, network::fold_batch_norms(network));
    DYAD_CHECK(network.infer_shapes());
    DYAD_TRY(equalized, quantizer::equalize(network, images, normalization));
  }
  progress.stage("calibration");
  DYAD_TRY(const auto calibrated, quantizer::CalibratedNetwork::calibrate(network, images, normalization, options.post_training.read()));
  std::optional<workflow::ReconstructedNetwork> reconstructed;
  quantizer::IntegerNetwork integer_network;
  const training::ReconstructionOptions learning = options.reconstruction.read(options.seed);
  if (options.reconstruction.reconstruct) {
    DYAD_TRY(reconstructed, workflow::reconstruct_network(calibrated, *bits, learning, progress));
    if (!reconstructed) return kInterrupted;
    integer_network = std::move(reconstructed->network);
  } else {
    DYAD_TRY(integer_network, calibrated.quantize(*bits));
  }
  if (interrupted()) return kInterrupted;
  DYAD_CHECK(quantizer::save(integer_network, options.out));
  OrderedJson document = workflow::quantization_document(calibrated, *bits, options.out);
  if (equalized) document["equalization"] = workflow::equalization_document(*equalized);
  if (reconstructed) document["reconstruction"] = workflow::reconstruction_document(reconstructed->record, learning);
  if (options.json) {
    print_document(document);
    return kDone;
  }
  std::string text = fmt::format("{:<40} {:>6} {:>6} {:>12}\n", "layer", "w bits", "a bits", "weight MSE");
  for (const auto& layer : document["layers"])
    text += fmt::format("{:<40} {:>6} {:>6} {:>12.3e}\n", layer["name"].get<std::string>(), layer["w_bits"].get<int>(),
                        layer["a_bits"].get<int>(), layer["mse"].get<double>());
  if (equalized) text += fmt::format("equalized {} pairs of layers in {} passes\n", equalized->pairs.size(), equalized->passes);
  if (reconstructed) {
    text += fmt::format("\n{:<40} {:>12} {:>12}\n", "block", "error before", "error after");
    for (const training::BlockRecord& block : reconstructed->record.blocks)
      text += fmt::format("{:<40} {:>12.3e} {:>12.3e}\n", block.target, block.error_before, block.error_after);
  }
  print_text(text + fmt::format("integer network of {} layers written to {}\n", integer_network.layers.size(), options.out));
  return kDone;
}

}  // namespace

void add_quantize(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("quantize", "Make an integer network from a float one and calibration images");
  auto options = std::make_shared<Options>();
  options->model.declare(*verb);
  options->bits.declare(*verb, true);
  verb->add_option("--scheme", options->scheme, "Number format")->check(CLI::IsMember({"dyadic"}))->capture_default_str();
  verb->add_option("--calibrate", options->calibrate, "Images: a file or a folder, its training split")->required();
  verb->add_option("--images", options->images, "Calibration images drawn by the seed; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "Seed of the draw and of reconstruction")->capture_default_str();
  verb->add_option("--out", options->out, "The integer network, .dyad")->required();
  options->normalize.declare(*verb);
  options->post_training.declare(*verb);
  verb->add_flag("--equalize", options->equalize, "First scale channels between layers to like ranges (cross-layer equalization)");
  options->reconstruction.declare(*verb);
  describe(*verb, options->json, "dyad quantize resnet20.onnx --bits W4A8 --calibrate cifar10 --out resnet20.dyad");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
