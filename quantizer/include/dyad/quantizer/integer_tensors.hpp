/// \file The tensors of an integer network by layer name, weights as int8 or packed to int4, for programs that read safetensors; and back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/safetensors.hpp"
#include "dyad/quantizer/integer_network.hpp"

namespace dyad::quantizer {

/// How weights of at most 4 bits are stored; wider ones are always int8 (K, C / groups, R, S), as PyTorch has them.
enum class WeightPacking {
  kInt8,      ///< one value an element
  kInt4,      ///< U8 (K, R, S, ceil(C / 2)): channel 2 i in the low nibble, 2 i + 1 in the high one
  kInt4Hawq,  ///< I32 (R, S, K, ceil(C / 8)): HAWQ-V3's HWOI order, element m of eight channels at bit (7 - m) * 4
};

/// Two's-complement nibbles of (K, R, S, C) weights of -8 to 7; missing channels of the last group are 0.
std::vector<std::uint8_t> pack_int4(const Tensor<std::int8_t>& krsc);
std::vector<std::int32_t> pack_int4_hawq(const Tensor<std::int8_t>& krsc);
/// The inverses; `krsc` is the shape of the weights, whose packed size the values must have.
Tensor<std::int8_t> unpack_int4(const std::vector<std::uint8_t>& values, const Shape& krsc);
Tensor<std::int8_t> unpack_int4_hawq(const std::vector<std::int32_t>& values, const Shape& krsc);

/// Tensors `<layer>.weight_integer` (or `.weight_int4`, `.weight_int4_hawq`), `.bias_integer`, `.requantize<j>.multipliers` and `.shifts`
/// of input j, `input.table`; the metadata of the .dyad file and `dyad.tensors` = "by_name". docs/workflow/export.md.
/// An Error names a layer whose name another one has.
Result<network::RawSafetensors> to_named_tensors(const IntegerNetwork& network, WeightPacking packing);
bool holds_named_tensors(const network::RawSafetensors& content);
Result<IntegerNetwork> from_named_tensors(const network::RawSafetensors& content, const std::string& place);

/// The integer network of a file of any kind that Dyad writes: .dyad, named or packed tensors, ONNX.
Result<IntegerNetwork> import_integer_network(const std::filesystem::path& file);
/// Whether that file is one of these, judged by its content; false for files that can't be read.
bool is_integer_network(const std::filesystem::path& file);

}  // namespace dyad::quantizer
