/// \file The numbers of `dyad inspect`: MACs, parameters, size and binary operations of a network, and the rule of uniform bits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dyad/base/bits.hpp"
#include "dyad/base/layer_shape.hpp"
#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/network.hpp"

namespace dyad::network {

/// One layer for one image. `bits` is meaningful for weighted layers only.
struct LayerSummary {
  LayerShape shape;
  Shape input_shape, output_shape;  ///< (H, W, C)
  std::int64_t macs = 0;
  std::int64_t weights = 0;  ///< without bias
  std::int64_t params = 0;   ///< weights and bias of a convolution or fully connected layer; batch normalization folds away
  LayerBits bits;            ///< 32 x 32: float
};

struct NetworkSummary {
  std::vector<LayerSummary> layers;  ///< as layer_shapes: weighted, pooling, addition, concatenation
  std::int64_t macs = 0, weights = 0, params = 0;
  double size_mib = 0;  ///< sum of weights * weight bits / 8 / 2^20
  double bops_g = 0;    ///< sum of MACs * weight bits * activation bits / 10^9
};

/// Sums of a network whose shapes are inferred. Without an assignment every layer is float (32 x 32); with one, a weighted layer without
/// bits or a name that is no weighted layer is an Error at `place`.
/// Source: HAWQ-V3 (Yao et al., 2021), section 4 (BOPS); sizes and BOPS of its model zoo, docs/network/topologies.md.
Result<NetworkSummary> summarize(const Network& network, const std::optional<BitAssignment>& bits = std::nullopt,
                                 const std::string& place = "--bits");

/// `bits` for every weighted layer, except that the first convolution and the last fully connected layer stay 8 x 8 (HAWQ's convention)
/// unless `all_layers`. 32 x 32 is float everywhere. In a network that ends in a convolution, that convolution is its last layer and stays
/// 8-bit too.
BitAssignment uniform_bits(const Network& network, LayerBits bits, bool all_layers);

/// "W4A8" as numbers, 1 to 16 each or W32A32; an Error at --bits otherwise.
Result<LayerBits> width_from_text(const std::string& text);

/// Bits from the command line: "W4A8" (uniform_bits) or a file {"schema": "dyad.bits/1", "layers": {"name": {"w": 4, "a": 6}}}, where a
/// missing or unknown name is an Error. Widths are 1 to 16, or W32A32.
Result<BitAssignment> bits_from_text(const Network& network, const std::string& text, bool all_layers);

}  // namespace dyad::network
