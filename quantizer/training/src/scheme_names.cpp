// Names of schemes, compiled into the API and into the module.
#include <array>
#include <utility>

#include "dyad/training/quantization_aware.hpp"

namespace dyad::training {
namespace {

constexpr std::array<std::pair<QuantizationScheme, std::string_view>, 4> kNames{{{QuantizationScheme::kLsq, "lsq"},
                                                                                 {QuantizationScheme::kHawq, "hawq"},
                                                                                 {QuantizationScheme::kUniform, "uniform"},
                                                                                 {QuantizationScheme::kApot, "apot"}}};

}  // namespace

std::string_view to_string(QuantizationScheme scheme) {
  for (const auto& [value, name] : kNames)
    if (value == scheme) return name;
  return "";
}

std::optional<QuantizationScheme> scheme_from_name(std::string_view name) {
  for (const auto& [value, known] : kNames)
    if (known == name) return value;
  return std::nullopt;
}

}  // namespace dyad::training
