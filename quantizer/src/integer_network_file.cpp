// The .dyad file: tensors as safetensors, everything else as one JSON document in the header's metadata under "dyad".
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "dyad/base/json.hpp"
#include "dyad/network/safetensors.hpp"
#include "dyad/quantizer/integer_network.hpp"
#include "dyad/quantizer/integer_network_content.hpp"

namespace dyad::quantizer {
namespace {

using network::RawSafetensors;
using network::RawTensor;

constexpr const char* kMetadataKey = "dyad";
constexpr const char* kSchemaName = "dyad.integer_network";
constexpr int kSchemaMajor = 2;

std::string tensor_name(std::size_t layer, const std::string& part) { return std::to_string(layer) + "." + part; }

OrderedJson format_json(BitWidth format) { return {{"bits", format.bits}, {"signed", format.is_signed}}; }

OrderedJson levels_json(LevelSet set) {
  if (set.is_uniform()) return {{"scheme", to_string(set.scheme)}};
  return {{"scheme", to_string(set.scheme)}, {"magnitude_bits", set.magnitude_bits}};
}

// Names of the window's members in the file, beside where they live.
constexpr std::array<std::pair<const char*, int Window::*>, 10> kWindowMembers{{{"kernel_h", &Window::kernel_h},
                                                                                {"kernel_w", &Window::kernel_w},
                                                                                {"stride_h", &Window::stride_h},
                                                                                {"stride_w", &Window::stride_w},
                                                                                {"pad_top", &Window::pad_top},
                                                                                {"pad_left", &Window::pad_left},
                                                                                {"pad_bottom", &Window::pad_bottom},
                                                                                {"pad_right", &Window::pad_right},
                                                                                {"dilation_h", &Window::dilation_h},
                                                                                {"dilation_w", &Window::dilation_w}}};
constexpr std::array<std::pair<const char*, std::int64_t LayerShape::*>, 6> kShapeMembers{{{"in_h", &LayerShape::in_h},
                                                                                           {"in_w", &LayerShape::in_w},
                                                                                           {"in_channels", &LayerShape::in_channels},
                                                                                           {"out_h", &LayerShape::out_h},
                                                                                           {"out_w", &LayerShape::out_w},
                                                                                           {"out_channels", &LayerShape::out_channels}}};

OrderedJson shape_json(const LayerShape& shape) {
  OrderedJson json{{"kind", to_string(shape.kind)}};
  for (const auto& [name, member] : kShapeMembers) json[name] = shape.*member;
  json["groups"] = shape.groups;
  for (const auto& [name, member] : kWindowMembers) json[name] = shape.window.*member;
  return json;
}

OrderedJson layer_json(const IntegerLayer& layer, const std::vector<int>& inputs) {
  OrderedJson json{{"name", layer.name}, {"op", to_string(layer.op)}, {"inputs", inputs}};
  json["input_formats"] = OrderedJson::array();
  for (const BitWidth format : layer.inputs) json["input_formats"].push_back(format_json(format));
  json["output"] = format_json(layer.output);
  if (!layer.input_levels.empty()) {
    json["input_levels"] = OrderedJson::array();
    for (const LevelSet set : layer.input_levels) json["input_levels"].push_back(levels_json(set));
  }
  if (!layer.output_levels.is_uniform()) json["output_levels"] = levels_json(layer.output_levels);
  if (!layer.weight_levels.is_uniform()) json["weight_levels"] = levels_json(layer.weight_levels);
  json["shape"] = shape_json(layer.shape);
  json["relu"] = layer.relu;
  if (layer.op == IntegerOp::kConv) {
    json["weight_bits"] = layer.weight_bits.bits;
    json["input_zero_point"] = layer.input_zero_point;
    json["requantize"] = layer.requantize;
  }
  if (layer.op == IntegerOp::kAveragePool) {
    json["average_rounding"] = to_string(layer.average_rounding);
    json["count_include_pad"] = layer.count_include_pad;
  }
  if (layer.op == IntegerOp::kSubsample) {
    json["channel_pad_before"] = layer.channel_pad_before;
    json["channel_pad_after"] = layer.channel_pad_after;
  }
  json["requantizations"] = OrderedJson::array();
  for (const Requantization& r : layer.requantizations)
    json["requantizations"].push_back(OrderedJson{{"rounding", to_string(r.rounding)}, {"zero_point", r.zero_point}});
  return json;
}

template <typename T>
void put(RawSafetensors& file, const std::string& name, Shape shape, std::span<const T> values) {
  file.tensors.emplace(name, network::raw_tensor<T>(std::move(shape), values));
}
template <typename T>
void put(RawSafetensors& file, const std::string& name, const std::vector<T>& values) {
  put<T>(file, name, {static_cast<std::int64_t>(values.size())}, values);
}

void put_layer(RawSafetensors& file, std::size_t index, const IntegerLayer& layer) {
  if (!layer.weights.empty()) put<std::int8_t>(file, tensor_name(index, "weights"), layer.weights.shape(), layer.weights.values());
  if (!layer.bias.empty()) put(file, tensor_name(index, "bias"), layer.bias);
  if (!layer.weight_zero_points.empty()) put(file, tensor_name(index, "weight_zero_points"), layer.weight_zero_points);
  for (std::size_t i = 0; i < layer.requantizations.size(); ++i) {
    const Requantization& r = layer.requantizations[i];
    const std::string prefix = std::to_string(i) + ".";
    if (!r.float32_scales.empty()) put(file, tensor_name(index, prefix + "float32_scales"), r.float32_scales);
    if (r.ratios.empty()) continue;
    std::vector<std::int32_t> multipliers;
    std::vector<std::uint8_t> shifts;
    for (const Dyadic& ratio : r.ratios) {
      multipliers.push_back(ratio.multiplier);
      shifts.push_back(static_cast<std::uint8_t>(ratio.shift));
    }
    put(file, tensor_name(index, prefix + "multipliers"), multipliers);
    put(file, tensor_name(index, prefix + "shifts"), shifts);
    if (!r.offsets.empty()) put(file, tensor_name(index, prefix + "offsets"), r.offsets);
  }
}

// Takes tensors out of a file, so that what is left over at the end is unknown.
class TensorSource {
 public:
  TensorSource(RawSafetensors& file, std::string place) : file_(file), place_(std::move(place)) {}

  bool has(const std::string& name) const { return file_.tensors.contains(name); }
  template <typename T>
  Result<Tensor<T>> tensor(const std::string& name) {
    const auto found = file_.tensors.find(name);
    if (found == file_.tensors.end()) return Error{place_ + ":/" + name, "the tensor '" + name + "' is missing", "the file is damaged"};
    DYAD_TRY(std::vector<T> values, network::raw_values<T>(found->second, place_ + ":/" + name));
    Tensor<T> result(found->second.shape, std::move(values));
    file_.tensors.erase(found);
    return result;
  }
  /// A tensor of one axis; empty when `optional` and absent.
  template <typename T>
  Result<std::vector<T>> vector(const std::string& name, bool optional) {
    if (optional && !has(name)) return std::vector<T>{};
    DYAD_TRY(const Tensor<T> values, tensor<T>(name));
    if (values.shape().size() != 1) return Error{place_ + ":/" + name, "the tensor '" + name + "' has not one axis", "the file is damaged"};
    return std::vector<T>(values.values().begin(), values.values().end());
  }
  Result<void> finish() const {
    if (file_.tensors.empty()) return {};
    const std::string& name = file_.tensors.begin()->first;
    return Error{place_ + ":/" + name, "the tensor '" + name + "' belongs to no layer", "remove it"};
  }

 private:
  RawSafetensors& file_;
  std::string place_;
};

Result<int> read_int(const JsonReader& reader, std::string_view key, std::int64_t lowest, std::int64_t highest) {
  DYAD_TRY(const std::int64_t value, reader.integer(key, lowest, highest));
  return static_cast<int>(value);
}

// A boolean that must be there.
Result<bool> read_bool(const JsonReader& reader, std::string_view key) {
  DYAD_TRY(const JsonReader member, reader.member(key));
  return member.boolean();
}

template <typename Parse>
auto read_name(const JsonReader& reader, std::string_view key, Parse&& parse)
    -> Result<typename decltype(parse(std::string_view{}))::value_type> {
  DYAD_TRY(const JsonReader member, reader.member(key));
  DYAD_TRY(const std::string text, member.string());
  if (const auto value = parse(text)) return *value;
  return member.error("'" + text + "' is not known here", "docs/quantizer/integer_network.md lists the names");
}

Result<BitWidth> read_format(const JsonReader& reader) {
  BitWidth format;
  DYAD_TRY(format.bits, read_int(reader, "bits", 1, 32));
  DYAD_TRY(format.is_signed, read_bool(reader, "signed"));
  DYAD_CHECK(reader.finish());
  return format;
}

Result<BitWidth> read_format(const JsonReader& reader, std::string_view key) {
  DYAD_TRY(const JsonReader member, reader.member(key));
  return read_format(member);
}

Result<LevelSet> read_levels(const JsonReader& reader) {
  LevelSet set;
  DYAD_TRY(set.scheme, read_name(reader, "scheme", level_scheme_from_name));
  if (!set.is_uniform()) {
    DYAD_TRY(set.magnitude_bits, read_int(reader, "magnitude_bits", 1, kMostApotBits));
  }
  DYAD_CHECK(reader.finish());
  if (!is_known(set)) return reader.error("there is no set of " + describe(set), "docs/quantizer/apot.md lists the sets");
  return set;
}

// Uniform where absent.
Result<LevelSet> read_levels(const JsonReader& layer, std::string_view key) {
  if (!layer.has(key)) return LevelSet{};
  DYAD_TRY(const JsonReader member, layer.member(key));
  return read_levels(member);
}

// The level sets of a layer, which files of the first major version do not have.
Result<void> read_level_sets(const JsonReader& reader, IntegerLayer& layer) {
  if (reader.has("input_levels")) {
    DYAD_TRY(const JsonReader member, reader.member("input_levels"));
    DYAD_TRY(const std::vector<JsonReader> list, member.elements());
    for (const JsonReader& element : list) {
      DYAD_TRY(const LevelSet set, read_levels(element));
      layer.input_levels.push_back(set);
    }
  }
  DYAD_TRY(layer.output_levels, read_levels(reader, "output_levels"));
  DYAD_TRY(layer.weight_levels, read_levels(reader, "weight_levels"));
  return {};
}

Result<LayerShape> read_shape(const JsonReader& layer, const std::string& name) {
  constexpr std::int64_t kMaxExtent = std::int64_t{1} << 24;
  DYAD_TRY(const JsonReader reader, layer.member("shape"));
  LayerShape shape;
  shape.name = name;
  DYAD_TRY(shape.kind, read_name(reader, "kind", layer_kind_from_name));
  for (const auto& [key, member] : kShapeMembers) {
    DYAD_TRY(shape.*member, reader.integer(key, 1, kMaxExtent));
  }
  DYAD_TRY(shape.groups, read_int(reader, "groups", 1, kMaxExtent));
  for (const auto& [key, member] : kWindowMembers) {
    DYAD_TRY(shape.window.*member, read_int(reader, key, 0, kMaxExtent));
  }
  DYAD_CHECK(reader.finish());
  return shape;
}

Result<Requantization> read_requantization(const JsonReader& reader, int major, TensorSource& tensors, const std::string& prefix) {
  Requantization r;
  DYAD_TRY(r.rounding, read_name(reader, "rounding", rounding_from_name));
  DYAD_TRY(r.zero_point, read_int(reader, "zero_point", INT32_MIN, INT32_MAX));
  DYAD_CHECK(reader.finish());
  if (r.rounding == Rounding::kFloat32Scale) {
    DYAD_TRY(r.float32_scales, tensors.vector<float>(prefix + "float32_scales", false));
    return r;
  }
  DYAD_TRY(const std::vector<std::int32_t> multipliers, tensors.vector<std::int32_t>(prefix + "multipliers", false));
  DYAD_TRY(const std::vector<std::uint8_t> shifts, tensors.vector<std::uint8_t>(prefix + "shifts", false));
  if (multipliers.size() != shifts.size()) return reader.error("multipliers and shifts differ in number", "the file is damaged");
  for (std::size_t i = 0; i < shifts.size(); ++i) r.ratios.push_back({multipliers[i], shifts[i]});
  if (major >= 2) {
    DYAD_TRY(r.offsets, tensors.vector<std::int32_t>(prefix + "offsets", true));
  }
  return r;
}

Result<IntegerLayer> read_layer(const JsonReader& reader, int major, TensorSource& tensors, std::size_t index, std::vector<int>& inputs) {
  IntegerLayer layer;
  DYAD_TRY(layer.name, reader.string("name"));
  DYAD_TRY(layer.op, read_name(reader, "op", integer_op_from_name));
  DYAD_TRY(const JsonReader sources, reader.member("inputs"));
  DYAD_TRY(const std::vector<JsonReader> source_list, sources.elements());
  for (const JsonReader& source : source_list) {
    DYAD_TRY(const std::int64_t tensor, source.integer(0, static_cast<std::int64_t>(index)));
    inputs.push_back(static_cast<int>(tensor));
  }
  DYAD_TRY(const JsonReader formats, reader.member("input_formats"));
  DYAD_TRY(const std::vector<JsonReader> format_list, formats.elements());
  for (const JsonReader& format : format_list) {
    DYAD_TRY(const BitWidth value, read_format(format));
    layer.inputs.push_back(value);
  }
  DYAD_TRY(layer.output, read_format(reader, "output"));
  if (major >= 2) DYAD_CHECK(read_level_sets(reader, layer));
  DYAD_TRY(layer.shape, read_shape(reader, layer.name));
  DYAD_TRY(layer.relu, read_bool(reader, "relu"));
  if (layer.op == IntegerOp::kConv) {
    DYAD_TRY(layer.weight_bits.bits, read_int(reader, "weight_bits", 1, 8));
    DYAD_TRY(layer.input_zero_point, read_int(reader, "input_zero_point", INT32_MIN, INT32_MAX));
    DYAD_TRY(layer.requantize, read_bool(reader, "requantize"));
    DYAD_TRY(layer.weights, tensors.tensor<std::int8_t>(tensor_name(index, "weights")));
    DYAD_TRY(layer.bias, tensors.vector<std::int32_t>(tensor_name(index, "bias"), true));
    DYAD_TRY(layer.weight_zero_points, tensors.vector<std::int32_t>(tensor_name(index, "weight_zero_points"), true));
  }
  if (layer.op == IntegerOp::kAveragePool) {
    DYAD_TRY(layer.average_rounding, read_name(reader, "average_rounding", average_rounding_from_name));
    DYAD_TRY(layer.count_include_pad, read_bool(reader, "count_include_pad"));
  }
  if (layer.op == IntegerOp::kSubsample) {
    DYAD_TRY(layer.channel_pad_before, read_int(reader, "channel_pad_before", 0, 1 << 24));
    DYAD_TRY(layer.channel_pad_after, read_int(reader, "channel_pad_after", 0, 1 << 24));
  }
  DYAD_TRY(const JsonReader requantizations, reader.member("requantizations"));
  DYAD_TRY(const std::vector<JsonReader> list, requantizations.elements());
  for (std::size_t i = 0; i < list.size(); ++i) {
    DYAD_TRY(Requantization r, read_requantization(list[i], major, tensors, tensor_name(index, std::to_string(i) + ".")));
    layer.requantizations.push_back(std::move(r));
  }
  DYAD_CHECK(reader.finish());
  return layer;
}

Result<std::vector<double>> read_numbers(const JsonReader& reader, std::string_view key) {
  DYAD_TRY(const JsonReader member, reader.member(key));
  DYAD_TRY(const std::vector<JsonReader> list, member.elements());
  std::vector<double> values;
  for (const JsonReader& element : list) {
    DYAD_TRY(const double value, element.number());
    values.push_back(value);
  }
  return values;
}

Result<InputQuantization> read_input(const JsonReader& root, TensorSource& tensors) {
  DYAD_TRY(const JsonReader reader, root.member("input"));
  InputQuantization input;
  DYAD_TRY(input.height, reader.integer("height", 1, 65536));
  DYAD_TRY(input.width, reader.integer("width", 1, 65536));
  DYAD_TRY(input.channels, reader.integer("channels", 1, 65536));
  DYAD_TRY(input.format, read_format(reader, "format"));
  DYAD_TRY(const double scale, reader.number_above("scale", 0));
  input.scale = static_cast<float>(scale);
  DYAD_TRY(const std::vector<double> mean, read_numbers(reader, "mean"));
  DYAD_TRY(const std::vector<double> stddev, read_numbers(reader, "stddev"));
  input.mean.assign(mean.begin(), mean.end());
  input.stddev.assign(stddev.begin(), stddev.end());
  DYAD_CHECK(reader.finish());
  DYAD_TRY(input.table, tensors.tensor<std::int32_t>("input.table"));
  return input;
}

Result<BitAssignment> read_assignment(const JsonReader& root) {
  DYAD_TRY(const JsonReader reader, root.member("assignment"));
  DYAD_TRY(const auto layers, reader.members());
  BitAssignment assignment;
  for (const auto& [name, bits] : layers) {
    LayerBits& entry = assignment[name];
    DYAD_TRY(entry.weight, read_int(bits, "w", 1, kMaxOperandBits));
    DYAD_TRY(entry.activation, read_int(bits, "a", 1, kMaxOperandBits));
    DYAD_CHECK(bits.finish());
  }
  return assignment;
}

}  // namespace

RawSafetensors to_safetensors(const IntegerNetwork& network) {
  RawSafetensors content;
  const InputQuantization& in = network.input;
  OrderedJson json{{"schema", std::string(kSchemaName) + "/" + std::to_string(kSchemaMajor)}, {"name", network.name}};
  json["input"] = OrderedJson{{"height", in.height}, {"width", in.width}, {"channels", in.channels}, {"format", format_json(in.format)},
                              {"scale", in.scale},   {"mean", in.mean},   {"stddev", in.stddev}};
  json["output_scales"] = network.output_scales;
  json["assignment"] = OrderedJson::object();
  for (const auto& [name, bits] : network.assignment) json["assignment"][name] = OrderedJson{{"w", bits.weight}, {"a", bits.activation}};
  json["layers"] = OrderedJson::array();
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    json["layers"].push_back(layer_json(network.layers[i], network.inputs[i]));
    put_layer(content, i, network.layers[i]);
  }
  put<std::int32_t>(content, "input.table", in.table.shape(), in.table.values());
  content.metadata[kMetadataKey] = json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  return content;
}

Result<void> save(const IntegerNetwork& network, const std::filesystem::path& file) {
  DYAD_CHECK(validate(network, file.string()));
  DYAD_CHECK(prove_no_overflow(network));
  return network::write_raw_safetensors(file, to_safetensors(network));
}

Result<IntegerNetwork> load_integer_network(const std::filesystem::path& file) {
  DYAD_TRY(RawSafetensors content, network::read_raw_safetensors(file));
  return from_safetensors(std::move(content), file.string());
}

Result<IntegerNetwork> from_safetensors(RawSafetensors content, const std::string& place) {
  const auto metadata = content.metadata.find(kMetadataKey);
  if (metadata == content.metadata.end())
    return Error{place + ":/__metadata__/dyad", "is no integer network: its header has no 'dyad' document",
                 "`dyad quantize` writes integer networks"};
  DYAD_TRY(const Json document, parse_json(metadata->second, place + ":/__metadata__/dyad"));
  const JsonReader reader(document, place);
  TensorSource tensors(content, place);
  DYAD_TRY(const int major, reader.schema(kSchemaName, kSchemaMajor));
  IntegerNetwork network;
  DYAD_TRY(network.name, reader.string("name"));
  DYAD_TRY(network.input, read_input(reader, tensors));
  DYAD_TRY(network.output_scales, read_numbers(reader, "output_scales"));
  DYAD_TRY(network.assignment, read_assignment(reader));
  DYAD_TRY(const JsonReader layers, reader.member("layers"));
  DYAD_TRY(const std::vector<JsonReader> list, layers.elements());
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::vector<int> inputs;
    DYAD_TRY(IntegerLayer layer, read_layer(list[i], major, tensors, i, inputs));
    network.layers.push_back(std::move(layer));
    network.inputs.push_back(std::move(inputs));
  }
  DYAD_CHECK(reader.finish());
  DYAD_CHECK(tensors.finish());
  DYAD_CHECK(validate(network, place));
  if (auto proof = prove_no_overflow(network); !proof) return Error{place + ":/layers", proof.error().message, proof.error().hint};
  return network;
}

}  // namespace dyad::quantizer
