// dyad train: float training of a topology through the LibTorch module.
#include "dyad/workflow/train.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "console.hpp"
#include "dyad/base/parallel.hpp"
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
  return text + " --out " + options.out;
}

Result<int> run(const Options& options) {
  DYAD_CHECK(check_writable(options.out));
  DYAD_CHECK(check_writable(options.checkpoint));
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
  DYAD_TRY(const training::TrainingResult result, training::train(network, train_images, test_set, normalization, training));
  const OrderedJson document = workflow::training_document(options.model.model, result, training);
  if (options.json) {
    print_document(document);
  } else {
    std::string text = fmt::format("{:>5} {:>10} {:>10} {:>10} {:>10}\n", "epoch", "loss", "train top1", "test top1", "rate");
    for (const training::EpochRecord& epoch : result.epochs)
      text += fmt::format("{:>5} {:>10.4f} {:>10.2f} {:>10.2f} {:>10.5f}\n", epoch.epoch, epoch.loss, epoch.top1_train, epoch.top1,
                          epoch.learning_rate);
    print_text(text + fmt::format("top-1 {:.2f} % (epoch {}); weights written to {}\n", result.top1, result.best_epoch, options.out));
  }
  return kDone;
}

}  // namespace

void add_train(CLI::App& program, Action& action) {
  auto* verb = program.add_subcommand("train", "Train a topology in float (needs the LibTorch module)");
  auto options = std::make_shared<Options>();
  training::TrainOptions& training = options->training;
  options->model.declare(*verb);
  options->normalize.declare(*verb);
  verb->add_option("--data", options->data, "Data folder with a training and a test split")->required();
  verb->add_option("--out", options->out, "Weights, safetensors")->required();
  verb->add_option("--scheme", options->scheme, "Number format")->check(CLI::IsMember({"float"}))->capture_default_str();
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
  describe(*verb, options->json,
           "dyad train resnet8-fmnist --data /usr/share/datasets/fashion-mnist --epochs 20 --out weights.safetensors");
  verb->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace dyad::tools
