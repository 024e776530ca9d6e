// Enumerations and the words for them in files, flags and reports.
#include <array>
#include <utility>

#include "dyad/base/cost_model.hpp"
#include "dyad/base/dyadic.hpp"
#include "dyad/base/integer_layer.hpp"
#include "dyad/base/layer_shape.hpp"
#include "dyad/base/level_set.hpp"

namespace dyad {
namespace {

template <typename Enum, std::size_t N>
std::string_view name_of(const std::array<std::pair<Enum, std::string_view>, N>& names, Enum value) {
  for (const auto& [candidate, name] : names)
    if (candidate == value) return name;
  throw InternalError("an enumerator without a name");
}

template <typename Enum, std::size_t N>
std::optional<Enum> value_of(const std::array<std::pair<Enum, std::string_view>, N>& names, std::string_view text) {
  for (const auto& [value, name] : names)
    if (name == text) return value;
  return std::nullopt;
}

constexpr std::array<std::pair<Rounding, std::string_view>, 6> kRoundings{{
    {Rounding::kHalfUp, "half_up"},
    {Rounding::kHalfEven, "half_even"},
    {Rounding::kHalfAway, "half_away"},
    {Rounding::kFloor, "floor"},
    {Rounding::kGemmlowp, "gemmlowp"},
    {Rounding::kFloat32Scale, "float32_scale"},
}};
constexpr std::array<std::pair<AverageRounding, std::string_view>, 4> kAverageRoundings{{
    {AverageRounding::kHawq, "hawq"},
    {AverageRounding::kHalfUp, "half_up"},
    {AverageRounding::kHalfAway, "half_away"},
    {AverageRounding::kFloor, "floor"},
}};
constexpr std::array<std::pair<LayerKind, std::string_view>, 8> kLayerKinds{{
    {LayerKind::kConv, "conv"},
    {LayerKind::kLinear, "linear"},
    {LayerKind::kMaxPool, "max_pool"},
    {LayerKind::kAveragePool, "average_pool"},
    {LayerKind::kAdd, "add"},
    {LayerKind::kConcat, "concat"},
    {LayerKind::kRescale, "rescale"},
    {LayerKind::kOther, "other"},
}};
constexpr std::array<std::pair<IntegerOp, std::string_view>, 8> kIntegerOps{{
    {IntegerOp::kConv, "conv"},
    {IntegerOp::kAdd, "add"},
    {IntegerOp::kConcat, "concat"},
    {IntegerOp::kRequantize, "requantize"},
    {IntegerOp::kMaxPool, "max_pool"},
    {IntegerOp::kAveragePool, "average_pool"},
    {IntegerOp::kSubsample, "subsample"},
    {IntegerOp::kFlatten, "flatten"},
}};
constexpr std::array<std::pair<LevelScheme, std::string_view>, 3> kLevelSchemes{{
    {LevelScheme::kUniform, "uniform"},
    {LevelScheme::kApot, "apot"},
    {LevelScheme::kPot, "pot"},
}};
constexpr std::array<std::pair<Tier, std::string_view>, 4> kTiers{{
    {Tier::kAnalytic, "analytic"},
    {Tier::kCycle, "cycle"},
    {Tier::kRtl, "rtl"},
    {Tier::kMeasured, "measured"},
}};

}  // namespace

std::string_view to_string(Rounding rounding) { return name_of(kRoundings, rounding); }
std::optional<Rounding> rounding_from_name(std::string_view name) { return value_of(kRoundings, name); }
std::string_view to_string(AverageRounding rounding) { return name_of(kAverageRoundings, rounding); }
std::optional<AverageRounding> average_rounding_from_name(std::string_view name) { return value_of(kAverageRoundings, name); }
std::string_view to_string(LayerKind kind) { return name_of(kLayerKinds, kind); }
std::string_view to_string(IntegerOp op) { return name_of(kIntegerOps, op); }
std::optional<IntegerOp> integer_op_from_name(std::string_view name) { return value_of(kIntegerOps, name); }
std::optional<LayerKind> layer_kind_from_name(std::string_view name) { return value_of(kLayerKinds, name); }
std::string_view to_string(LevelScheme scheme) { return name_of(kLevelSchemes, scheme); }
std::optional<LevelScheme> level_scheme_from_name(std::string_view name) { return value_of(kLevelSchemes, name); }
std::string_view to_string(Tier tier) { return name_of(kTiers, tier); }
std::optional<Tier> tier_from_name(std::string_view name) { return value_of(kTiers, name); }

}  // namespace dyad
