/// \file What exports share: weights of a .dyad content by layer name, and their order in other files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/safetensors.hpp"
#include "dyad/quantizer/integer_network.hpp"
#include "dyad/quantizer/integer_network_content.hpp"

namespace dyad::quantizer {

/// An Error naming the first layer whose name another one has: exports call tensors by layer.
Result<void> check_unique_names(const IntegerNetwork& network);
/// An Error naming the first layer with levels or requantization offsets, which `into` can't hold.
Result<void> check_plain_integers(const IntegerNetwork& network, const std::string& into);

/// "3.weights": the tensor of a .dyad content that holds a layer's weights.
bool is_weight_tensor(const std::string& name);
/// The name under which exports keep a layer's weights.
std::string weight_name(const IntegerLayer& layer);

/// A layer of a .dyad content's document: just what finding its tensors takes.
struct LayerLayout {
  std::size_t index = 0;
  std::string name;
  std::size_t requantizations = 0;
  std::string weight_tensor;  ///< "3.weights"; empty: the layer has no weights
  Shape krsc;                 ///< (K, R, S, C / groups)
  int weight_bits = 0;
  bool is_weighted() const { return !weight_tensor.empty(); }
};
/// The layers of the document under metadata "dyad".
Result<std::vector<LayerLayout>> layer_layouts(const network::RawSafetensors& content, const std::string& place);

/// (K, R, S, C) as (K, C, R, S), and back; `values` must fill the layer's shape.
std::vector<std::int8_t> channels_first(const Tensor<std::int8_t>& krsc);
Result<Tensor<std::int8_t>> channels_last(const std::vector<std::int8_t>& values, const LayerLayout& layer, const std::string& place);

}  // namespace dyad::quantizer
