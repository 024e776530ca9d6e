/// \file Groups of flags that several verbs share, and how they become library objects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/result.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/post_training.hpp"

namespace CLI {
class App;
}

namespace dyad::tools {

constexpr const char* kAcceleratorHelp = "A named accelerator, its JSON file, or table:F.npy|F.csv|F.json of measurements";

/// Names of the convolutions and fully connected layers, in execution order.
std::vector<std::string> weighted_layers(const network::Network& network);

/// MODEL, --weights, --classes, --image.
struct ModelOptions {
  std::string model;
  std::string weights;
  std::int64_t classes = 0;
  std::int64_t image = 0;

  void declare(CLI::App& verb);
  Result<network::Network> load() const;
};

/// --bits, --all-layers.
struct BitsOptions {
  std::string bits;
  bool all_layers = false;

  void declare(CLI::App& verb, bool required);
  /// Nothing means float.
  Result<std::optional<BitAssignment>> read(const network::Network& network) const;
};

/// --normalize; without it the model's own, else a default that is said on stderr.
struct NormalizeOption {
  std::string text;

  void declare(CLI::App& verb);
  Result<network::Normalization> choose(const network::Network& network) const;
};

/// --weight-rule, --ranges, --no-bias-correction, --rounding, --requantization, --average-rounding.
struct PostTrainingFlags {
  std::string weights = "power3";
  std::string ranges = "mse";
  std::string rounding = "half_up";
  std::string form = "normalized";
  std::string average = "half_up";
  bool no_bias_correction = false;

  void declare(CLI::App& verb);
  quantizer::PostTrainingOptions read() const;
};

/// An Error now rather than after long work when `file` can't be written; nothing for an empty name.
Result<void> check_writable(const std::string& file);

/// Height and width to which pictures of a folder are cut for this network.
std::int64_t picture_size(const network::Network& network);
/// `count` images of the training split of `path`, drawn by `seed`; all of them when there are no more.
Result<network::Dataset> calibration_images(std::int64_t picture_size, const std::string& path, std::int64_t count, std::uint64_t seed);
/// The first `limit` images of the test split; 0 means all.
Result<network::Dataset> test_images(std::int64_t picture_size, const std::string& path, std::int64_t limit);

}  // namespace dyad::tools
