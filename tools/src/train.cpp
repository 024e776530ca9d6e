// dyad train: training in float, or with quantized weights and activations, through the LibTorch module.
#include "dyad/workflow/train.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "console.hpp"
#include "dyad/base/dyadic.hpp"
#include "dyad/base/parallel.hpp"
#include "dyad/base/text.hpp"
#include "dyad/network/import.hpp"
#include "dyad/training/quantization_aware.hpp"
#include "dyad/training/training.hpp"
#include "options.hpp"

namespace dyad::tools {
namespace {

struct Options {
  ModelOptions model;
  NormalizeOption normalize;
  training::TrainOptions training;
  std::string data, out, checkpoint;
  std::string scheme = "float";
  std::string schedule = "cosine";
  bool no_augment = false, keep_last = false;
  BitsOptions bits;
  training::QuantizationAwareOptions quantized;  // what it adds to `training`
  std::string teacher, distillation, exported;
  std::string rounding = "half_up";
  bool json = false;
};

/// The command that makes these weights, with every choice that matters.
std::string command_line(const Options& options) {
  const training::TrainOptions& t = options.training;
  // Training bytes depend on the number of threads (docs/training/training.md).
  std::string text = fmt::format("DYAD_THREADS={} dyad train {} --data {} --epochs {} --batch {} --lr {} --seed {}", thread_count(),
                                 options.model.model, options.data, t.epochs, t.batch, t.learning_rate, t.seed);
  if (!options.normalize.text.empty()) text += fmt::format(" --normalize \"{}\"", options.normalize.text);
  text += fmt::format(" --schedule {} --warmup {} --momentum {} --weight-decay {}", options.schedule, t.warmup, t.momentum, t.weight_decay);
  if (t.early_stop > 0) text += fmt::format(" --early-stop {}", t.early_stop);
  if (options.no_augment) text += " --no-augment";
  if (options.keep_last) text += " --keep-last";
  if (options.scheme != "float") {
    const training::QuantizationAwareOptions& q = options.quantized;
    text += fmt::format(" --scheme {} --bits {} --integer-epochs {} --calibration-images {} --rounding {}", options.scheme,
                        options.bits.bits, q.integer_epochs, q.calibration_images, options.rounding);
    if (options.bits.all_layers) text += " --all-layers";
    if (!options.model.weights.empty()) text += " --weights " + options.model.weights;
    if (options.scheme == "hawq")
      text += fmt::format(" --range-momentum {} --percentile {} --fix-batch-norms-after {}", q.hawq.momentum, q.hawq.percentile,
                          q.hawq.fix_batch_norms_after);
    if (!options.teacher.empty()) text += " --teacher " + options.teacher;
    if (!options.distillation.empty()) text += " --distillation " + options.distillation;
    if (!options.exported.empty()) text += " --export " + options.exported;
  }
  return text + " --out " + options.out;
}

/// "0.95,6".
Result<void> read_distillation(const std::string& text, training::Distillation& distillation) {
  const std::size_t comma = text.find(',');
  const auto weight = parse_number<double>(std::string_view(text).substr(0, comma));
  const auto temperature =
      comma == std::string::npos ? std::optional<double>() : parse_number<double>(std::string_view(text).substr(comma + 1));
  if (!weight || !temperature)
    return Error{"--distillation", "expected two numbers, not '" + text + "'", "weight and temperature, for example 0.95,6"};
  distillation.weight = *weight;
  distillation.temperature = *temperature;
  return {};
}

Result<training::QuantizationAwareOptions> quantized_options(const Options& options, const training::TrainOptions& training,
                                                             const network::Network& network) {
  training::QuantizationAwareOptions quantized = options.quantized;
  static_cast<training::TrainOptions&>(quantized) = training;
  quantized.scheme = *training::scheme_from_name(options.scheme);
  quantized.lowering.rounding = *rounding_from_name(options.rounding);
  quantized.integer_out = options.exported;
  DYAD_TRY(const auto bits, options.bits.read(network));
  if (!bits) return Error{"--bits", "is missing", "the bits of weights and activations, for example W4A4"};
  quantized.bits = *bits;
  if (options.teacher.empty()) return quantized;
  quantized.distillation.emplace();
  DYAD_TRY(quantized.distillation->teacher, network::load_model(options.teacher, {}, {}));
  if (!options.distillation.empty()) DYAD_CHECK(read_distillation(options.distillation, *quantized.distillation));
  return quantized;
}

Result<void> check_flags(const Options& options) {
  if (options.scheme == "float" && (!options.bits.bits.empty() || !options.exported.empty() || !options.teacher.empty()))
    return Error{"--scheme", "is float, which has no --bits, --export or --teacher", "choose lsq, hawq, uniform or apot"};
  if (!options.distillation.empty() && options.teacher.empty())
    return Error{"--distillation", "needs a teacher", "name a trained model with --teacher"};
  return check_writable(options.exported);
}

Result<int> run(const Options& options) {
  DYAD_CHECK(check_writable(options.out));
  DYAD_CHECK(check_writable(options.checkpoint));
  DYAD_CHECK(check_flags(options));
  DYAD_TRY(const network::Network network, options.model.load());
  DYAD_TRY(const network::Normalization normalization, options.normalize.choose(network));
  DYAD_TRY(const network::Dataset train_images, network::load_dataset(options.data, network::Split::kTrain, picture_size(network)));
  DYAD_TRY(const network::Dataset test_set, test_images(picture_size(network), options.data, 0));
  training::TrainOptions training = options.training;
  training.schedule = options.schedule == "step" ? training::LearningRateSchedule::kStep : training::LearningRateSchedule::kCosine;
  training.augment = !options.no_augment;
  training.keep_best = !options.keep_last;
  training.out = options.out;
  training.checkpoint = options.checkpoint.empty() ? options.out + ".checkpoint" : options.checkpoint;
  training.command = command_line(options);
  TerminalProgress progress;
  int shown_epoch = 0;
  training.progress = [&](const training::TrainingProgress& at) {
    if (at.epoch != shown_epoch) progress.stage(fmt::format("epoch {}/{}", shown_epoch = at.epoch, at.epochs));
    progress.stage_note(fmt::format("loss {:.3f}  train {:.1f} %  {:.0f} s left in all", at.loss, at.top1_train, at.seconds_left));
    progress.update(at.step, at.steps);
  };
  training.cancelled = [] { return interrupted(); };
  training::TrainingResult result;
  OrderedJson document;
  if (options.scheme == "float") {
    DYAD_TRY(result, training::train(network, train_images, test_set, normalization, training));
    document = workflow::training_document(options.model.model, result, training);
  } else {
    DYAD_TRY(const training::QuantizationAwareOptions quantized, quantized_options(options, training, network));
    DYAD_TRY(training::QuantizationAwareResult trained,
             training::train_quantized(network, train_images, test_set, normalization, quantized));
    document = workflow::quantized_training_document(options.model.model, trained, quantized);
    result = std::move(trained.training);
  }
  if (options.json) {
    print_document(document);
  } else {
    std::string text = fmt::format("{:>5} {:>10} {:>10} {:>10} {:>10}\n", "epoch", "loss", "train top1", "test top1", "rate");
    for (const training::EpochRecord& epoch : result.epochs)
      text += fmt::format("{:>5} {:>10.4f} {:>10.2f} {:>10.2f} {:>10.5f}\n", epoch.epoch, epoch.loss, epoch.top1_train, epoch.top1,
                          epoch.learning_rate);
    text += fmt::format("top-1 {:.2f} % (epoch {}){}; weights written to {}\n", result.top1, result.best_epoch,
                        options.scheme == "float" ? "" : " of the integer network", options.out);
    if (!options.exported.empty()) text += fmt::format("integer network written to {}\n", options.exported);
    print_text(text);
  }
  return kDone;
}

void declare_quantized(CLI::App& verb, Options& options) {
  training::QuantizationAwareOptions& quantized = options.quantized;
  options.bits.declare(verb, false);
  verb.add_option("--export", options.exported, "The integer network, .dyad");
  verb.add_option("--integer-epochs", quantized.integer_epochs, "Last epochs that train through the integer network, batch norms frozen")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb.add_option("--calibration-images", quantized.calibration_images, "Training images that give the first steps")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb.add_option("--rounding", options.rounding, "Rounding of requantization")
      ->check(CLI::IsMember({"half_up", "half_even", "half_away", "floor", "gemmlowp", "float32_scale"}))
      ->capture_default_str();
  verb.add_option("--teacher", options.teacher, "Trained float model whose soft labels are learned too");
  verb.add_option("--distillation", options.distillation, "Weight and temperature of the soft labels (default 0.95,6)");
  verb.add_option("--range-momentum", quantized.hawq.momentum, "hawq: of activation ranges; -1: running extremes")->capture_default_str();
  verb.add_option("--percentile", quantized.hawq.percentile, "hawq: of weights and activations, for example 99.9; 0: extremes")
      ->capture_default_str();
  verb.add_option("--fix-batch-norms-after", quantized.hawq.fix_batch_norms_after,
                  "hawq: steps until batch norms keep their statistics; 0: never")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

}  // namespace

void add_train(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("train", "Train in float or with quantized weights and activations (needs the LibTorch module)");
  auto options = std::make_shared<Options>();
  training::TrainOptions& training = options->training;
  options->model.declare(*verb);
  options->normalize.declare(*verb);
  verb->add_option("--data", options->data, "Data folder with a training and a test split")->required();
  verb->add_option("--out", options->out, "Weights, safetensors")->required();
  verb->add_option("--scheme", options->scheme, "float, or how weights and activations are quantized in training")
      ->check(CLI::IsMember({"float", "lsq", "hawq", "uniform", "apot"}))
      ->capture_default_str();
  verb->add_option("--epochs", training.epochs, "Passes over the training images")->check(CLI::Range(1, 100000))->capture_default_str();
  verb->add_option("--batch", training.batch, "Images a step")->check(CLI::Range(1, 65536))->capture_default_str();
  verb->add_option("--lr", training.learning_rate, "Peak learning rate")->check(CLI::PositiveNumber)->capture_default_str();
  verb->add_option("--schedule", options->schedule, "How the rate falls")->check(CLI::IsMember({"cosine", "step"}))->capture_default_str();
  verb->add_option("--warmup", training.warmup, "Part of all steps in which the rate rises")
      ->check(CLI::Range(0.0, 0.99))
      ->capture_default_str();
  verb->add_option("--momentum", training.momentum, "Nesterov momentum")->check(CLI::Range(0.0, 0.9999))->capture_default_str();
  verb->add_option("--weight-decay", training.weight_decay, "On weights of convolutions and fully connected layers")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--early-stop", training.early_stop, "Stop after so many epochs without a better test top-1; 0: never")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--seed", training.seed, "Seed of start, order and augmentation")->capture_default_str();
  verb->add_option("--checkpoint", options->checkpoint, "State after every epoch (default: OUT.checkpoint)");
  verb->add_flag("--resume", training.resume, "Go on from the checkpoint when there is one");
  verb->add_flag("--no-augment", options->no_augment, "No random crops and flips");
  verb->add_flag("--keep-last", options->keep_last, "Give the last epoch's weights instead of the best");
  declare_quantized(*verb, *options);
  describe(*verb, options->json,
           "dyad train resnet8-fmnist --data /usr/share/datasets/fashion-mnist --epochs 20 --out weights.safetensors");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
