/// \file `dyad compare`: two networks on the same images, layer by layer. HAWQ-V3's check of feature maps, made general.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dyad/base/integer_backend.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/network/network.hpp"
#include "dyad/quantizer/integer_network.hpp"
#include "dyad/workflow/progress.hpp"

namespace dyad::workflow {

/// Outputs of the layer of one name in both networks.
struct LayerDifference {
  std::string name;
  std::int64_t elements = 0;
  double max_abs = 0;              ///< largest difference: integers, or real values when one side is float
  std::int64_t differing = 0;      ///< elements that differ; float against integers: by more than one step
  std::string format_a, format_b;  ///< "u4", "s32", "float32"
  /// Float against integers: the step that fits best (least squares; one a channel for raw accumulators, then the mean is here), and
  /// the signal-to-quantization-noise ratio with it.
  std::optional<double> scale, sqnr_db;
};

struct Comparison {
  bool both_integers = false;
  std::vector<LayerDifference> layers;  ///< of both networks, in the order of B
  /// Integers, or floats: the first layer with a difference. Float against integers: the first below kDivergingSqnrDb. Empty: none.
  std::string first_diverging;
  std::vector<std::string> only_in_a, only_in_b;
  std::int64_t images = 0;
  std::int64_t predictions_differing = 0;  ///< images whose largest logit is another
};

/// A layer whose noise is a tenth of its signal's power or more has diverged.
constexpr double kDivergingSqnrDb = 10;

/// Integers of both networks, every layer of every image. Each runs on its own backend. Layers of one name must have one shape.
Result<Comparison> compare_integers(const quantizer::IntegerNetwork& a, const IntegerBackend& backend_a, const quantizer::IntegerNetwork& b,
                                    const IntegerBackend& backend_b, const network::Dataset& images, Progress& progress);
/// A float network (batch norms are folded first) against an integer one made from it.
Result<Comparison> compare_float_with_integers(const network::Network& a, const network::Normalization& normalization,
                                               const quantizer::IntegerNetwork& b, const IntegerBackend& backend,
                                               const network::Dataset& images, Progress& progress);
/// Two float networks, both with their batch norms folded.
Result<Comparison> compare_floats(const network::Network& a, const network::Network& b, const network::Normalization& normalization_a,
                                  const network::Normalization& normalization_b, const network::Dataset& images, Progress& progress);

/// The network with every dyadic requantization rounded in another way. An Error when it has none.
Result<quantizer::IntegerNetwork> with_rounding(quantizer::IntegerNetwork network, Rounding rounding);

/// Schema dyad.comparison/1.
OrderedJson comparison_document(const Comparison& comparison, const std::string& a, const std::string& b);
std::string comparison_text(const Comparison& comparison);

}  // namespace dyad::workflow
