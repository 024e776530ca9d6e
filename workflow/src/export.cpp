#include "dyad/workflow/export.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "dyad/base/files.hpp"
#include "dyad/network/bit_lists.hpp"
#include "dyad/quantizer/integer_tensors.hpp"
#include "dyad/quantizer/onnx_qdq.hpp"

namespace dyad::workflow {
namespace {

using quantizer::IntegerNetwork;
using quantizer::WeightPacking;

struct FormatName {
  ExportFormat format;
  const char* name;
  const char* ending;
};
constexpr std::array<FormatName, 7> kFormats{{{ExportFormat::kDyad, "dyad", ".dyad"},
                                              {ExportFormat::kOnnx, "onnx", ".onnx"},
                                              {ExportFormat::kSafetensors, "safetensors", ".safetensors"},
                                              {ExportFormat::kInt4, "int4", ".safetensors"},
                                              {ExportFormat::kInt4Hawq, "int4-hawq", ".safetensors"},
                                              {ExportFormat::kBits, "bits", ".json"},
                                              {ExportFormat::kHawqBits, "hawq-bits", ".json"}}};

const FormatName& entry_of(ExportFormat format) {
  for (const FormatName& entry : kFormats)
    if (entry.format == format) return entry;
  DYAD_EXPECT(false, "an unknown export format");
  return kFormats[0];
}

std::vector<std::string> weighted_layers(const IntegerNetwork& network) {
  std::vector<std::string> names;
  for (const IntegerLayer& layer : network.layers)
    if (layer.op == IntegerOp::kConv) names.push_back(layer.name);
  return names;
}

Result<void> write_tensors(const IntegerNetwork& network, WeightPacking packing, const std::filesystem::path& file) {
  DYAD_TRY(const network::RawSafetensors content, quantizer::to_named_tensors(network, packing));
  return network::write_raw_safetensors(file, content);
}

}  // namespace

std::string_view to_string(ExportFormat format) { return entry_of(format).name; }

std::optional<ExportFormat> export_format_from_name(std::string_view name) {
  for (const FormatName& entry : kFormats)
    if (name == entry.name) return entry.format;
  return std::nullopt;
}

Result<void> export_network(const IntegerNetwork& network, ExportFormat format, const std::filesystem::path& file) {
  const FormatName& entry = entry_of(format);
  if (file.extension() != entry.ending)
    return Error{file.string(), "does not end in '" + std::string(entry.ending) + "'", "readers go by the ending: rename the file"};
  switch (format) {
    case ExportFormat::kDyad: return quantizer::save(network, file);
    case ExportFormat::kOnnx: {
      DYAD_TRY(const network::OnnxModel model, quantizer::to_onnx(network));
      return write_bytes(file, network::serialize_onnx(model));
    }
    case ExportFormat::kSafetensors: return write_tensors(network, WeightPacking::kInt8, file);
    case ExportFormat::kInt4: return write_tensors(network, WeightPacking::kInt4, file);
    case ExportFormat::kInt4Hawq: return write_tensors(network, WeightPacking::kInt4Hawq, file);
    case ExportFormat::kBits: return write_text(file, to_text(network::bits_document(weighted_layers(network), network.assignment)));
    default: break;
  }
  DYAD_TRY(const OrderedJson list, network::hawq_bit_list(weighted_layers(network), network.assignment));
  return write_text(file, to_text(list));
}

OrderedJson export_document(const IntegerNetwork& network, ExportFormat format, const std::filesystem::path& file) {
  std::error_code ignored;
  return {{"schema", "dyad.export/1"},   {"version", DYAD_VERSION},         {"model", network.name},
          {"format", to_string(format)}, {"layers", network.layers.size()}, {"bytes", std::filesystem::file_size(file, ignored)},
          {"out", file.string()}};
}

}  // namespace dyad::workflow
