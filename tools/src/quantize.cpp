// dyad quantize: post-training quantization to an integer network.
#include "dyad/workflow/quantize.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "options.hpp"

namespace dyad::tools {
namespace {

struct Options {
  ModelOptions model;
  BitsOptions bits;
  NormalizeOption normalize;
  PostTrainingFlags post_training;
  std::string scheme = "dyadic";
  std::string calibrate;
  std::string out;
  std::int64_t images = 1024;
  std::uint64_t seed = 0;
  bool pruned = false, json = false;
};

Result<int> run(const Options& options) {
  DYAD_CHECK(check_writable(options.out));
  if (options.pruned && options.scheme != "kmeans")
    return Error{"--pruned", "--scheme " + options.scheme + " quantizes zeros as any weight", "use it with --scheme kmeans"};
  DYAD_TRY(const network::Network network, options.model.load());
  DYAD_TRY(const auto bits, options.bits.read(network));
  if (!bits) return Error{"--bits", "a float network needs no quantization", "give 2 to 8 bits, as in W4A8"};
  DYAD_TRY(const network::Normalization normalization, options.normalize.choose(network));
  DYAD_TRY(const network::Dataset images, calibration_images(picture_size(network), options.calibrate, options.images, options.seed));
  DYAD_TRY(const auto calibrated, quantizer::CalibratedNetwork::calibrate(network, images, normalization, options.post_training.read()));
  OrderedJson document;
  quantizer::IntegerNetwork integer_network;
  if (options.scheme == "kmeans") {
    DYAD_TRY(quantizer::KmeansNetwork made,
             quantizer::quantize_kmeans(calibrated, *bits, {.iterations = 50, .pruned = options.pruned, .seed = options.seed}));
    document = workflow::kmeans_document(calibrated, *bits, made, options.out);
    integer_network = std::move(made.network);
  } else {
    DYAD_TRY(integer_network, calibrated.quantize(*bits));
    document = workflow::quantization_document(calibrated, *bits, options.out);
  }
  DYAD_CHECK(quantizer::save(integer_network, options.out));
  if (options.json) {
    print_document(document);
    return kDone;
  }
  std::string text = fmt::format("{:<40} {:>6} {:>6} {:>12}\n", "layer", "w bits", "a bits", "weight MSE");
  for (const auto& layer : document["layers"])
    text += fmt::format("{:<40} {:>6} {:>6} {:>12.3e}\n", layer["name"].get<std::string>(), layer["w_bits"].get<int>(),
                        layer["a_bits"].get<int>(), layer["mse"].get<double>());
  print_text(text + fmt::format("integer network of {} layers written to {}\n", integer_network.layers.size(), options.out));
  return kDone;
}

}  // namespace

void add_quantize(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("quantize", "Make an integer network from a float one and calibration images");
  auto options = std::make_shared<Options>();
  options->model.declare(*verb);
  options->bits.declare(*verb, true);
  verb->add_option("--scheme", options->scheme, "dyadic: uniform steps; kmeans: codebooks of 2^w int8 levels, w from 1")
      ->check(CLI::IsMember({"dyadic", "kmeans"}))
      ->capture_default_str();
  verb->add_flag("--pruned", options->pruned, "kmeans: zeros stay zeros, only the other weights are clustered");
  verb->add_option("--calibrate", options->calibrate, "Images: a file or a folder, its training split")->required();
  verb->add_option("--images", options->images, "Calibration images drawn by the seed; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "Seed of the draw")->capture_default_str();
  verb->add_option("--out", options->out, "The integer network, .dyad")->required();
  options->normalize.declare(*verb);
  options->post_training.declare(*verb);
  describe(*verb, options->json, "dyad quantize resnet20.onnx --bits W4A8 --calibrate cifar10 --out resnet20.dyad");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
