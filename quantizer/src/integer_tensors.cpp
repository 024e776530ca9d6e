#include "dyad/quantizer/integer_tensors.hpp"

#include <map>
#include <optional>

#include "dyad/base/files.hpp"
#include "dyad/quantizer/onnx_qdq.hpp"
#include "raw_layout.hpp"

namespace dyad::quantizer {
namespace {

using network::RawSafetensors;
using network::RawTensor;

constexpr const char* kLayoutKey = "dyad.tensors";
constexpr const char* kLayout = "by_name";
constexpr int kPackedBits = 4;
constexpr std::int64_t kHawqGroup = 8;

std::int64_t groups_of(std::int64_t channels, std::int64_t group) { return (channels + group - 1) / group; }

std::int8_t sign_extended(std::uint32_t nibble) {
  return static_cast<std::int8_t>(nibble >= 8 ? static_cast<int>(nibble) - 16 : static_cast<int>(nibble));
}

// Tensors of a layer in a .dyad file ("3.bias"), and their names here.
std::map<std::string, std::string> names_of(const LayerLayout& layer) {
  const std::string index = std::to_string(layer.index) + ".";
  std::map<std::string, std::string> names;
  if (layer.is_weighted()) {
    names[index + "bias"] = layer.name + ".bias_integer";
    names[index + "weight_zero_points"] = layer.name + ".weight_zero_points";
  }
  for (std::size_t j = 0; j < layer.requantizations; ++j)
    for (const char* part : {"multipliers", "shifts", "float32_scales"})
      names[index + std::to_string(j) + "." + part] = layer.name + ".requantize" + std::to_string(j) + "." + part;
  return names;
}

RawTensor packed(const IntegerLayer& layer, WeightPacking packing, std::string& suffix) {
  const Tensor<std::int8_t>& w = layer.weights;
  const std::int64_t k = w.extent(0), r = w.extent(1), s = w.extent(2), c = w.extent(3);
  if (layer.weight_levels.is_uniform() && layer.weight_bits.bits <= kPackedBits && packing == WeightPacking::kInt4) {
    suffix = "weight_int4";
    const std::vector<std::uint8_t> values = pack_int4(w);
    return network::raw_tensor<std::uint8_t>({k, r, s, groups_of(c, 2)}, std::span(values));
  }
  if (layer.weight_levels.is_uniform() && layer.weight_bits.bits <= kPackedBits && packing == WeightPacking::kInt4Hawq) {
    suffix = "weight_int4_hawq";
    const std::vector<std::int32_t> values = pack_int4_hawq(w);
    return network::raw_tensor<std::int32_t>({r, s, k, groups_of(c, kHawqGroup)}, std::span(values));
  }
  suffix = "weight_integer";
  const std::vector<std::int8_t> values = channels_first(w);
  return network::raw_tensor<std::int8_t>({k, c, r, s}, std::span(values));
}

// Takes tensors out of a content, so that what is left over is unknown.
class NamedTensors {
 public:
  NamedTensors(std::map<std::string, RawTensor> tensors, std::string place) : tensors_(std::move(tensors)), place_(std::move(place)) {}

  std::optional<RawTensor> take(const std::string& name) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) return std::nullopt;
    RawTensor tensor = std::move(found->second);
    tensors_.erase(found);
    return tensor;
  }

  Result<Tensor<std::int8_t>> weights(const LayerLayout& layer) {
    const std::string name = place_ + ":/" + layer.name;
    const Error damaged{name, "the packed weights do not fill " + to_string(layer.krsc), "the file is damaged"};
    const std::int64_t rows = layer.krsc[0] * layer.krsc[1] * layer.krsc[2];
    if (const auto tensor = take(layer.name + ".weight_integer")) {
      DYAD_TRY(const std::vector<std::int8_t> values, network::raw_values<std::int8_t>(*tensor, name));
      return channels_last(values, layer, place_);
    }
    if (const auto tensor = take(layer.name + ".weight_int4")) {
      DYAD_TRY(const std::vector<std::uint8_t> values, network::raw_values<std::uint8_t>(*tensor, name));
      if (static_cast<std::int64_t>(values.size()) != rows * groups_of(layer.krsc[3], 2)) return damaged;
      return unpack_int4(values, layer.krsc);
    }
    if (const auto tensor = take(layer.name + ".weight_int4_hawq")) {
      DYAD_TRY(const std::vector<std::int32_t> values, network::raw_values<std::int32_t>(*tensor, name));
      if (static_cast<std::int64_t>(values.size()) != rows * groups_of(layer.krsc[3], kHawqGroup)) return damaged;
      return unpack_int4_hawq(values, layer.krsc);
    }
    return Error{name, "the weights of layer '" + layer.name + "' are missing", "the file is damaged"};
  }

  Result<void> finish() const {
    if (tensors_.empty()) return {};
    const std::string& name = tensors_.begin()->first;
    return Error{place_ + ":/" + name, "the tensor '" + name + "' belongs to no layer", "remove it"};
  }

 private:
  std::map<std::string, RawTensor> tensors_;
  std::string place_;
};

}  // namespace

std::vector<std::uint8_t> pack_int4(const Tensor<std::int8_t>& krsc) {
  const std::int64_t c = krsc.extent(3), rows = krsc.size() / c, bytes = groups_of(c, 2);
  std::vector<std::uint8_t> values(static_cast<std::size_t>(rows * bytes), 0);
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t i = 0; i < c; ++i)
      values[static_cast<std::size_t>(row * bytes + i / 2)] |= static_cast<std::uint8_t>((krsc[row * c + i] & 15) << (i % 2 * 4));
  return values;
}

std::vector<std::int32_t> pack_int4_hawq(const Tensor<std::int8_t>& krsc) {
  const std::int64_t k = krsc.extent(0), area = krsc.extent(1) * krsc.extent(2), c = krsc.extent(3), words = groups_of(c, kHawqGroup);
  std::vector<std::int32_t> values(static_cast<std::size_t>(area * k * words), 0);
  for (std::int64_t position = 0; position < area; ++position)
    for (std::int64_t out = 0; out < k; ++out)
      for (std::int64_t word = 0; word < words; ++word) {
        std::uint32_t bits = 0;
        for (std::int64_t m = 0; m < kHawqGroup && word * kHawqGroup + m < c; ++m)
          bits |= static_cast<std::uint32_t>(krsc[(out * area + position) * c + word * kHawqGroup + m] & 15) << ((7 - m) * 4);
        values[static_cast<std::size_t>((position * k + out) * words + word)] = static_cast<std::int32_t>(bits);
      }
  return values;
}

Tensor<std::int8_t> unpack_int4(const std::vector<std::uint8_t>& values, const Shape& krsc) {
  Tensor<std::int8_t> weights(krsc);
  const std::int64_t c = krsc[3], rows = weights.size() / c, bytes = groups_of(c, 2);
  DYAD_EXPECT(static_cast<std::int64_t>(values.size()) == rows * bytes, "packed weights of another size");
  for (std::int64_t i = 0; i < weights.size(); ++i)
    weights[i] = sign_extended((values[static_cast<std::size_t>(i / c * bytes + i % c / 2)] >> (i % c % 2 * 4)) & 15U);
  return weights;
}

Tensor<std::int8_t> unpack_int4_hawq(const std::vector<std::int32_t>& values, const Shape& krsc) {
  Tensor<std::int8_t> weights(krsc);
  const std::int64_t k = krsc[0], area = krsc[1] * krsc[2], c = krsc[3], words = groups_of(c, kHawqGroup);
  DYAD_EXPECT(static_cast<std::int64_t>(values.size()) == area * k * words, "packed weights of another size");
  for (std::int64_t i = 0; i < weights.size(); ++i) {
    const std::int64_t channel = i % c, position = i / c % area, out = i / (c * area);
    const auto bits = static_cast<std::uint32_t>(values[static_cast<std::size_t>((position * k + out) * words + channel / kHawqGroup)]);
    weights[i] = sign_extended((bits >> ((7 - channel % kHawqGroup) * 4)) & 15U);
  }
  return weights;
}

Result<RawSafetensors> to_named_tensors(const IntegerNetwork& network, WeightPacking packing) {
  DYAD_CHECK(validate(network, network.name));
  DYAD_CHECK(prove_no_overflow(network));
  DYAD_CHECK(check_unique_names(network));
  RawSafetensors content = to_safetensors(network), named;
  DYAD_TRY(const std::vector<LayerLayout> layers, layer_layouts(content, network.name));
  named.metadata = content.metadata;
  named.metadata[kLayoutKey] = kLayout;
  const auto put = [&](const std::string& name, RawTensor tensor) -> Result<void> {
    if (named.tensors.emplace(name, std::move(tensor)).second) return {};
    return Error{network.name + ":/" + name, "two tensors would have the name '" + name + "'", "rename the layer"};
  };
  const auto move = [&](const std::string& from, const std::string& to) -> Result<void> {
    auto tensor = content.tensors.extract(from);
    return tensor.empty() ? Result<void>() : put(to, std::move(tensor.mapped()));
  };
  DYAD_CHECK(move("input.table", "input.table"));
  for (const LayerLayout& layer : layers) {
    if (layer.is_weighted()) {
      std::string suffix;
      RawTensor weights = packed(network.layers[layer.index], packing, suffix);
      DYAD_CHECK(put(layer.name + "." + suffix, std::move(weights)));
      content.tensors.erase(layer.weight_tensor);
    }
    for (const auto& [from, to] : names_of(layer)) DYAD_CHECK(move(from, to));
  }
  if (!content.tensors.empty())
    return Error{network.name + ":/" + content.tensors.begin()->first, "this tensor has no name here",
                 "export the network as .dyad or .onnx"};
  return named;
}

bool holds_named_tensors(const RawSafetensors& content) {
  const auto found = content.metadata.find(kLayoutKey);
  return found != content.metadata.end() && found->second == kLayout;
}

Result<IntegerNetwork> from_named_tensors(const RawSafetensors& content, const std::string& place) {
  DYAD_TRY(const std::vector<LayerLayout> layers, layer_layouts(content, place));
  NamedTensors named(content.tensors, place);
  RawSafetensors raw;
  raw.metadata["dyad"] = content.metadata.at("dyad");
  if (auto table = named.take("input.table")) raw.tensors.emplace("input.table", std::move(*table));
  for (const LayerLayout& layer : layers) {
    if (layer.is_weighted()) {
      DYAD_TRY(const Tensor<std::int8_t> weights, named.weights(layer));
      raw.tensors.emplace(layer.weight_tensor, network::raw_tensor<std::int8_t>(weights.shape(), weights.values()));
    }
    for (const auto& [to, from] : names_of(layer))
      if (auto tensor = named.take(from)) raw.tensors.emplace(to, std::move(*tensor));
  }
  DYAD_CHECK(named.finish());
  return from_safetensors(std::move(raw), place);
}

Result<IntegerNetwork> import_integer_network(const std::filesystem::path& file) {
  if (file.extension() == ".onnx") {
    DYAD_TRY(const std::vector<std::uint8_t> bytes, read_bytes(file));
    DYAD_TRY(const network::OnnxContent content, network::read_onnx_content(bytes, file.string()));
    return from_onnx(content, file.string());
  }
  DYAD_TRY(RawSafetensors content, network::read_raw_safetensors(file));
  if (holds_named_tensors(content)) return from_named_tensors(content, file.string());
  return from_safetensors(std::move(content), file.string());
}

bool is_integer_network(const std::filesystem::path& file) {
  const std::string extension = file.extension().string();
  if (extension == ".dyad") return true;
  if (extension == ".onnx") {
    const auto bytes = read_bytes(file);
    if (!bytes) return false;
    const auto content = network::read_onnx_content(*bytes, file.string());
    return content && holds_integer_network(*content);
  }
  if (extension != ".safetensors") return false;
  const auto content = network::read_raw_safetensors(file);
  return content && holds_named_tensors(*content);
}

}  // namespace dyad::quantizer
