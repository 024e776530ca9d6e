#include "options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "command.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/summary.hpp"
#include "dyad/workflow/evaluate.hpp"

namespace dyad::tools {

std::vector<std::string> weighted_layers(const network::Network& network) {
  std::vector<std::string> names;
  for (const LayerShape& layer : network::layer_shapes(network))
    if (layer.is_weighted()) names.push_back(layer.name);
  return names;
}

void ModelOptions::declare(CLI::App& verb) {
  verb.add_option("MODEL", model, "A built-in topology, 'embedded', an .onnx or a .safetensors file")->required();
  verb.add_option("--weights", weights, "Weights of a topology, safetensors");
  verb.add_option("--classes", classes, "Classes of a topology")->check(CLI::Range(1, 1'000'000));
  verb.add_option("--image", image, "Image height and width of a topology")->check(CLI::Range(1, 8192));
}

Result<network::Network> ModelOptions::load() const { return network::load_model(model, {classes, image}, weights); }

void BitsOptions::declare(CLI::App& verb, bool required) {
  auto* option = verb.add_option("--bits", bits, "W4A8, W32A32 for float, or a file of schema dyad.bits/1");
  if (required) option->required();
  verb.add_flag("--all-layers", all_layers, "A uniform width counts for the first and the last layer too");
}

Result<std::optional<BitAssignment>> BitsOptions::read(const network::Network& network) const {
  if (bits.empty()) return std::optional<BitAssignment>();
  DYAD_TRY(BitAssignment assignment, network::bits_from_text(network, bits, all_layers));
  const bool all_float = std::all_of(assignment.begin(), assignment.end(), [](const auto& layer) {
    return layer.second == LayerBits{32, 32};
  });
  return all_float ? std::optional<BitAssignment>() : std::optional(std::move(assignment));
}

void NormalizeOption::declare(CLI::App& verb) {
  verb.add_option("--normalize", text, "cifar10, imagenet, mnist, unit, none or mean=…;std=… on u8 / 255");
}

Result<network::Normalization> NormalizeOption::choose(const network::Network& network) const {
  const std::int64_t channels = network.node(network.input()).output_shape.at(2);
  if (!text.empty()) return network::normalization_from_name(text, channels);
  if (!network.normalization)
    note(std::string("note: the model names no normalization; using '") + (channels == 3 ? "imagenet" : "unit") + "' (see --normalize)");
  return network::default_normalization(network, channels);
}

void PostTrainingFlags::declare(CLI::App& verb) {
  verb.add_option("--weight-rule", weights, "How weight steps are found")
      ->check(CLI::IsMember({"minmax", "mse", "power3"}))
      ->capture_default_str();
  verb.add_option("--ranges", ranges, "How activation ranges are found")
      ->check(CLI::IsMember({"minmax", "average", "percentile", "mse", "kl"}))
      ->capture_default_str();
  verb.add_flag("--no-bias-correction", no_bias_correction, "Keep the folded biases");
  verb.add_option("--rounding", rounding, "Rounding of requantization")
      ->check(CLI::IsMember({"half_up", "half_even", "half_away", "floor", "gemmlowp"}))
      ->capture_default_str();
  verb.add_option("--requantization", form, "Form of the dyadic ratio")
      ->check(CLI::IsMember({"normalized", "shift32"}))
      ->capture_default_str();
  verb.add_option("--average-rounding", average, "Rounding of average pooling")
      ->check(CLI::IsMember({"half_up", "half_away", "floor", "hawq"}))
      ->capture_default_str();
}

quantizer::PostTrainingOptions PostTrainingFlags::read() const {
  quantizer::PostTrainingOptions options;
  options.weights = weights == "minmax" ? quantizer::WeightRule::kMinMax
                    : weights == "mse"  ? quantizer::WeightRule::kMse
                                        : quantizer::WeightRule::kPower3;
  options.activations = ranges;
  options.bias_correction = !no_bias_correction;
  const auto named_rounding = rounding_from_name(rounding);
  const auto named_average = average_rounding_from_name(average);
  DYAD_EXPECT(named_rounding && named_average, "a flag admitted an unknown rounding");
  options.rounding = *named_rounding;
  options.average = *named_average;
  options.form = form == "shift32" ? RequantizationForm::kShift32 : RequantizationForm::kNormalized;
  return options;
}

Result<void> check_writable(const std::string& file) {
  if (file.empty()) return {};
  std::error_code ignored;
  const std::filesystem::path path(file), folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (std::filesystem::is_directory(path, ignored)) return Error{file, "is a folder, a file was expected", "name a file inside it"};
  if (!std::filesystem::is_directory(folder, ignored))
    return Error{file, "its folder does not exist", "make it first: mkdir -p " + folder.string()};
  if (access(folder.c_str(), W_OK) != 0) return Error{file, "its folder is not writable", "check its permissions"};
  return {};
}

std::int64_t picture_size(const network::Network& network) { return network.node(network.input()).output_shape.at(0); }

Result<network::Dataset> calibration_images(std::int64_t picture_size, const std::string& path, std::int64_t count, std::uint64_t seed) {
  DYAD_TRY(const network::Dataset all, network::load_dataset(path, network::Split::kTrain, picture_size));
  return workflow::sample_images(all, count, seed);
}

Result<network::Dataset> test_images(std::int64_t picture_size, const std::string& path, std::int64_t limit) {
  DYAD_TRY(const network::Dataset all, network::load_dataset(path, network::Split::kTest, picture_size));
  return limit > 0 ? workflow::first_images(all, limit) : all;
}

}  // namespace dyad::tools
