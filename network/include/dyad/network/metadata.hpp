/// \file The metadata that model files of any format carry: the keys `mean` and `std`, one number a channel, comma-separated.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/network.hpp"

namespace dyad::network {

/// The normalization that `mean` and `std` state, or nothing when both are absent. One without the other, another number of values, or a
/// standard deviation that is not positive is an Error at `place`/key.
Result<std::optional<Normalization>> normalization_from_metadata(const std::map<std::string, std::string>& metadata,
                                                                 const std::string& place);
/// "0.485,0.456,0.406": each value in its shortest exact form.
std::string metadata_list(const std::vector<float>& values);

/// Weights (K, C, R, S), as PyTorch and ONNX have them, to (K, R, S, C), and back.
Tensor<float> channels_last(const Tensor<float>& weight);
Tensor<float> channels_first(const Tensor<float>& weight);

}  // namespace dyad::network
