// dyad quantize: post-training quantization to an integer network, and imported checkpoints.
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
  std::string scheme = "dyadic";
  std::string activations;
  std::string import;
  std::string calibrate;
  std::string out;
  std::int64_t images = 1024;
  std::uint64_t seed = 0;
  bool equalize = false, pruned = false, json = false;
};

/// What a way of quantizing made: the integer network, its document, and lines for people below the table of layers.
struct Made {
  quantizer::IntegerNetwork network;
  OrderedJson document;
  std::string lines;
};

int show(const Options& options, const Made& made) {
  if (options.json) {
    print_document(made.document);
    return kDone;
  }
  std::string text = fmt::format("{:<40} {:>6} {:>6} {:>12}\n", "layer", "w bits", "a bits", "weight MSE");
  for (const auto& layer : made.document["layers"])
    text += fmt::format("{:<40} {:>6} {:>6} {:>12.3e}\n", layer["name"].get<std::string>(), layer["w_bits"].get<int>(),
                        layer["a_bits"].get<int>(), layer["mse"].get<double>());
  print_text(text + made.lines + fmt::format("integer network of {} layers written to {}\n", made.network.layers.size(), options.out));
  return kDone;
}

/// A checkpoint of the APoT authors: MODEL is the file, or its topology beside --weights.
Result<Made> import_apot(const Options& options) {
  if (options.scheme != "apot") return Error{"--import", "apot-checkpoint holds levels of the scheme apot", "add --scheme apot"};
  if (!options.activations.empty())
    return Error{"--activations", "an imported checkpoint says itself what its activations are", "leave it out"};
  if (options.equalize || options.reconstruction.reconstruct)
    return Error{"--import", "an imported checkpoint is trained already", "leave --equalize and --reconstruct out"};
  const bool named = !options.model.weights.empty();
  DYAD_TRY(const auto checkpoint,
           quantizer::ApotCheckpoint::read(named ? options.model.weights : options.model.model, named ? options.model.model : std::string(),
                                           {options.model.classes, options.model.image}));
  DYAD_TRY(const auto bits, options.bits.read(checkpoint.network()));
  if (!bits) return Error{"--bits", "an APoT checkpoint is not float", "give the bits that it was trained at, as in W4A4"};
  if (!checkpoint.named_bits()) note("note: the checkpoint does not name the bits that it was trained at; those of --bits are taken");
  DYAD_TRY(const network::Normalization normalization, options.normalize.choose(checkpoint.network()));
  DYAD_TRY(auto lowered, checkpoint.lower(*bits, normalization, options.post_training.read()));
  OrderedJson document = workflow::quantization_document(lowered, options.out);
  return Made{std::move(lowered.network), std::move(document), ""};
}

/// --scheme and --activations as options of post-training quantization.
Result<quantizer::PostTrainingOptions> post_training(const Options& options) {
  quantizer::PostTrainingOptions result = options.post_training.read();
  if (options.scheme != "apot" && options.scheme != "pot") {
    if (!options.activations.empty())
      return Error{"--activations", "the scheme " + options.scheme + " has uniform activations", "add --scheme apot or pot"};
    return result;
  }
  const bool apot = options.scheme == "apot";
  result.weight_levels = apot ? LevelScheme::kApot : LevelScheme::kPot;
  if (options.activations == "apot" || (options.activations.empty() && apot)) result.activation_levels = LevelScheme::kApot;
  return result;
}

/// At the bits of the options; nothing when the user stopped it.
Result<std::optional<Made>> quantize(const Options& options, const quantizer::CalibratedNetwork& calibrated, const BitAssignment& bits,
                                     workflow::Progress& progress) {
  if (options.scheme == "kmeans") {
    DYAD_TRY(quantizer::KmeansNetwork made,
             quantizer::quantize_kmeans(calibrated, bits, {.iterations = 50, .pruned = options.pruned, .seed = options.seed}));
    OrderedJson document = workflow::kmeans_document(calibrated, bits, made, options.out);
    return std::optional(Made{std::move(made.network), std::move(document), ""});
  }
  if (!options.reconstruction.reconstruct) {
    DYAD_TRY(quantizer::IntegerNetwork network, calibrated.quantize(bits));
    return std::optional(Made{std::move(network), workflow::quantization_document(calibrated, bits, options.out), ""});
  }
  const training::ReconstructionOptions learning = options.reconstruction.read(options.seed);
  DYAD_TRY(auto reconstructed, workflow::reconstruct_network(calibrated, bits, learning, progress));
  if (!reconstructed) return std::optional<Made>();
  Made made{std::move(reconstructed->network), workflow::quantization_document(calibrated, bits, options.out), ""};
  made.document["reconstruction"] = workflow::reconstruction_document(reconstructed->record, learning);
  made.lines = fmt::format("\n{:<40} {:>12} {:>12}\n", "block", "error before", "error after");
  for (const training::BlockRecord& block : reconstructed->record.blocks)
    made.lines += fmt::format("{:<40} {:>12.3e} {:>12.3e}\n", block.target, block.error_before, block.error_after);
  return std::optional(std::move(made));
}

Result<std::optional<Made>> quantize_float(const Options& options) {
  if (options.calibrate.empty()) return Error{"--calibrate", "is missing", "name calibration images: a file or a folder"};
  DYAD_CHECK(options.reconstruction.check());
  if (options.pruned && options.scheme != "kmeans")
    return Error{"--pruned", "the scheme " + options.scheme + " quantizes zeros as any weight", "use it with --scheme kmeans"};
  if (options.reconstruction.reconstruct && options.scheme != "dyadic")
    return Error{"--reconstruct", "learns the roundings of uniform steps, not of the scheme " + options.scheme, "use --scheme dyadic"};
  DYAD_TRY(network::Network network, options.model.load());
  DYAD_TRY(const auto bits, options.bits.read(network));
  if (!bits) return Error{"--bits", "a float network needs no quantization", "give 2 to 8 bits, as in W4A8"};
  DYAD_TRY(const network::Normalization normalization, options.normalize.choose(network));
  DYAD_TRY(const quantizer::PostTrainingOptions how, post_training(options));
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
  DYAD_TRY(const auto calibrated, quantizer::CalibratedNetwork::calibrate(network, images, normalization, how));
  DYAD_TRY(std::optional<Made> made, quantize(options, calibrated, *bits, progress));
  if (made && equalized) {
    made->document["equalization"] = workflow::equalization_document(*equalized);
    made->lines = fmt::format("equalized {} pairs of layers in {} passes\n", equalized->pairs.size(), equalized->passes) + made->lines;
  }
  return made;
}

Result<int> run(const Options& options) {
  DYAD_CHECK(check_writable(options.out));
  std::optional<Made> made;
  if (options.import.empty()) {
    DYAD_TRY(made, quantize_float(options));
  } else {
    DYAD_TRY(made, import_apot(options));
  }
  if (!made || interrupted()) return kInterrupted;
  DYAD_CHECK(quantizer::save(made->network, options.out));
  return show(options, *made);
}

}  // namespace

void add_quantize(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("quantize", "Make an integer network from a float one and calibration images");
  auto options = std::make_shared<Options>();
  options->model.declare(*verb);
  options->bits.declare(*verb, true);
  verb->add_option("--scheme", options->scheme,
                   "dyadic: uniform steps; apot, pot: sums of powers of two; kmeans: codebooks of 2^w int8 levels, w from 1")
      ->check(CLI::IsMember({"dyadic", "apot", "pot", "kmeans"}))
      ->capture_default_str();
  verb->add_flag("--pruned", options->pruned, "kmeans: zeros stay zeros, only the other weights are clustered");
  verb->add_option("--activations", options->activations, "Activations of the schemes apot (default apot) and pot (default uniform)")
      ->check(CLI::IsMember({"apot", "uniform"}));
  verb->add_option("--import", options->import, "MODEL is a trained checkpoint of the APoT authors, .safetensors")
      ->check(CLI::IsMember({"apot-checkpoint"}));
  verb->add_option("--calibrate", options->calibrate, "Images: a file or a folder, its training split; not with --import");
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
