// Named and spelled-out normalizations of `--normalize`.
#include <charconv>
#include <cmath>

#include "dyad/network/dataset.hpp"

namespace dyad::network {
namespace {

constexpr const char* kHint = "use cifar10, imagenet, mnist, unit, none, or for example mean=.485,.456,.406;std=.229,.224,.225";

Error flag_error(std::string message) { return Error{"--normalize", std::move(message), kHint}; }

// ImageNet: torchvision's; CIFAR-10 and MNIST: means and deviations of the training images, as in common use.
Normalization imagenet() { return {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}}; }
Normalization cifar10() { return {{0.4914f, 0.4822f, 0.4465f}, {0.2470f, 0.2435f, 0.2616f}}; }
Normalization mnist() { return {{0.1307f}, {0.3081f}}; }

Normalization same_for_all(std::int64_t channels, float mean, float stddev) {
  const auto count = static_cast<std::size_t>(channels);
  return {std::vector<float>(count, mean), std::vector<float>(count, stddev)};
}

Result<std::vector<float>> numbers(std::string_view list) {
  std::vector<float> values;
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view item = list.substr(0, comma);
    float value = 0;
    const auto [end, failure] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (failure != std::errc{} || end != item.data() + item.size() || !std::isfinite(value))
      return flag_error("'" + std::string(item) + "' is not a number");
    values.push_back(value);
    if (comma == std::string_view::npos) return values;
    list.remove_prefix(comma + 1);
  }
}

Result<Normalization> spelled_out(std::string_view text) {
  constexpr std::string_view kMean = "mean=", kStd = ";std=";
  const std::size_t split = text.find(kStd);
  if (!text.starts_with(kMean) || split == std::string_view::npos) return flag_error("'" + std::string(text) + "' is not a normalization");
  DYAD_TRY(auto mean, numbers(text.substr(kMean.size(), split - kMean.size())));
  DYAD_TRY(auto stddev, numbers(text.substr(split + kStd.size())));
  for (const float value : stddev) {
    if (!(value > 0)) return flag_error("a standard deviation must be positive");
  }
  return Normalization{std::move(mean), std::move(stddev)};
}

Result<Normalization> any_channels(std::string_view text, std::int64_t channels) {
  if (text == "cifar10") return cifar10();
  if (text == "imagenet") return imagenet();
  if (text == "mnist") return mnist();
  if (text == "unit") return same_for_all(channels, 0.0f, 1.0f);
  if (text == "none") return same_for_all(channels, 0.0f, 1.0f / 255.0f);
  return spelled_out(text);
}

}  // namespace

Result<Normalization> normalization_from_name(std::string_view text, std::int64_t channels) {
  DYAD_TRY(Normalization chosen, any_channels(text, channels));
  for (const std::size_t count : {chosen.mean.size(), chosen.stddev.size()}) {
    if (static_cast<std::int64_t>(count) != channels)
      return flag_error("'" + std::string(text) + "' gives " + std::to_string(count) + " channels, the images have " +
                        std::to_string(channels));
  }
  return chosen;
}

Normalization default_normalization(const Network& network, std::int64_t channels) {
  if (network.normalization) return *network.normalization;
  return channels == 3 ? imagenet() : same_for_all(channels, 0.0f, 1.0f);
}

}  // namespace dyad::network
