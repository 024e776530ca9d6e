#include "hmq.hpp"

#include <CLI/CLI.hpp>

namespace dyad::tools {

void HmqFlags::declare(CLI::App& verb) {
  const char* const group = "Method hmq";
  const auto choice = [&](const char* flag, std::string& target, const char* help, std::initializer_list<std::string> words) {
    verb.add_option(flag, target, help)->check(CLI::IsMember(words))->capture_default_str()->group(group);
  };
  verb.add_option("--epochs", options.epochs, "Passes over the epoch's images, search and final phase together")
      ->check(CLI::Range(2, 10000))
      ->capture_default_str()
      ->group(group);
  verb.add_option("--epoch-images", options.epoch_images, "Training images of an epoch, drawn anew for each; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  verb.add_option("--hmq-batch", options.batch, "Images of a step")->check(CLI::Range(2, 65536))->capture_default_str()->group(group);
  verb.add_option("--hmq-weight-rate", options.weight_rate, "Learning rate of weights, factors and biases")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  verb.add_option("--hmq-logits-rate", options.logits_rate, "Learning rate of the probabilities")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  verb.add_option("--hmq-final", options.final_fraction, "Fraction of the epochs at the bits that were found; at least one")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group(group);
  choice("--hmq-activations", activations, "gradient; rule: the published one by tensor size", {"gradient", "rule"});
  choice("--hmq-ranges", ranges, "exact: what n bits hold; published: one level more", {"exact", "published"});
  choice("--hmq-start", start, "balanced: at the limits; published: 95 % on the most bits", {"balanced", "published"});
  choice("--hmq-teacher", teacher, "float: the float network; labels: published", {"float", "labels"});
  choice("--hmq-channels", channels, "scaled: weights over each channel's largest; plain: one threshold for the tensor",
         {"scaled", "plain"});
  verb.add_flag("--hmq-no-augment", no_augment, "No random crops and mirror images")->group(group);
}

training::HmqOptions HmqFlags::read() const {
  training::HmqOptions read = options;
  const auto known_ranges = quantizer::hmq_ranges_from_name(ranges);
  const auto known_activations = training::hmq_activations_from_name(activations);
  const auto known_start = training::hmq_start_from_name(start);
  const auto known_teacher = training::hmq_teacher_from_name(teacher);
  DYAD_EXPECT(known_ranges && known_activations && known_start && known_teacher, "a flag admitted an unknown word");
  read.ranges = *known_ranges;
  read.activations = *known_activations;
  read.start = *known_start;
  read.teacher = *known_teacher;
  read.channel_scales = channels == "scaled";
  read.augment = !no_augment;
  return read;
}

}  // namespace dyad::tools
