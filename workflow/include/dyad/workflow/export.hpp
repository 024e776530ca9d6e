/// \file `dyad export`: an integer network in the formats of other programs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"
#include "dyad/quantizer/integer_network.hpp"

namespace dyad::workflow {

enum class ExportFormat {
  kDyad,         ///< .dyad
  kOnnx,         ///< ONNX of QuantizeLinear and DequantizeLinear
  kSafetensors,  ///< integer tensors by layer name
  kInt4,         ///< the same, weights of at most 4 bits packed two to a byte
  kInt4Hawq,     ///< the same in HAWQ-V3's order, eight to an int32
  kBits,         ///< the assignment alone, dyad.bits/1
  kHawqBits,     ///< the assignment alone, with HAWQ-V3's names
};
/// "dyad", "onnx", "safetensors", "int4", "int4-hawq", "bits", "hawq-bits".
std::string_view to_string(ExportFormat format);
std::optional<ExportFormat> export_format_from_name(std::string_view name);

/// Writes `file`, whose ending must be the format's (.dyad, .onnx, .safetensors or .json): readers go by it.
Result<void> export_network(const quantizer::IntegerNetwork& network, ExportFormat format, const std::filesystem::path& file);

/// Schema dyad.export/1.
OrderedJson export_document(const quantizer::IntegerNetwork& network, ExportFormat format, const std::filesystem::path& file);

}  // namespace dyad::workflow
