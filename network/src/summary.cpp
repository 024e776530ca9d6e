#include "dyad/network/summary.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "dyad/base/json.hpp"
#include "dyad/network/bit_lists.hpp"

namespace dyad::network {
namespace {

constexpr int kFloatBits = 32;
constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr char kBitsHint[] = "for example W4A4, W8A8, W32A32, or a file {\"schema\": \"dyad.bits/1\", \"layers\": {…}}";

/// Every name of the assignment is a weighted layer and every weighted layer has bits.
Result<void> check_names(const Network& network, const BitAssignment& bits, const std::string& place) {
  std::size_t known = 0;
  for (const NodeId id : weighted_nodes(network)) {
    if (!bits.contains(network.node(id).name))
      return Error{place + ":/layers", "the layer '" + network.node(id).name + "' has no bits",
                   "every convolution and fully connected layer needs an entry"};
    ++known;
  }
  if (known == bits.size()) return {};
  for (const auto& [name, width] : bits) {
    const auto id = network.find(name);
    const bool weighted = id && (network.node(*id).kind == OpKind::kConv || network.node(*id).kind == OpKind::kLinear);
    if (!weighted)
      return Error{place + ":/layers/" + name, "'" + name + "' is no convolution or fully connected layer",
                   "`dyad inspect` lists the names"};
  }
  return {};
}

/// "W4A8" as bits, or nothing when the text has another form.
std::optional<LayerBits> parse_uniform(const std::string& text) {
  LayerBits bits;
  const char* const end = text.data() + text.size();
  if (text.empty() || (text[0] != 'W' && text[0] != 'w')) return std::nullopt;
  const auto weight = std::from_chars(text.data() + 1, end, bits.weight);
  if (weight.ec != std::errc{} || weight.ptr == end || (*weight.ptr != 'A' && *weight.ptr != 'a')) return std::nullopt;
  const auto activation = std::from_chars(weight.ptr + 1, end, bits.activation);
  if (activation.ec != std::errc{} || activation.ptr != end) return std::nullopt;
  return bits;
}

Result<BitAssignment> bits_from_file(const Network& network, const std::string& file) {
  DYAD_TRY(const Json document, read_json(file));
  const JsonReader reader(document, file);
  if (document.is_object() && !document.contains("schema") && !document.contains("layers")) {
    std::vector<std::string> names;
    for (const NodeId id : weighted_nodes(network)) names.push_back(network.node(id).name);
    return from_hawq_bit_list(names, reader);
  }
  DYAD_TRY([[maybe_unused]] const int major, reader.schema("dyad.bits", 1));
  DYAD_TRY(const JsonReader layers, reader.member("layers"));
  DYAD_TRY(const auto entries, layers.members());
  BitAssignment bits;
  for (const auto& [name, entry] : entries) {
    LayerBits& layer = bits[name];
    DYAD_TRY(const std::int64_t weight, entry.integer("w", 1, kMaxOperandBits));
    DYAD_TRY(const std::int64_t activation, entry.integer("a", 1, kMaxOperandBits));
    DYAD_CHECK(entry.finish());
    layer = {static_cast<int>(weight), static_cast<int>(activation)};
  }
  DYAD_CHECK(reader.finish());
  DYAD_CHECK(check_names(network, bits, file));
  return bits;
}

}  // namespace

Result<NetworkSummary> summarize(const Network& network, const std::optional<BitAssignment>& bits, const std::string& place) {
  if (bits) DYAD_CHECK(check_names(network, *bits, place));
  NetworkSummary summary;
  for (LayerShape& shape : layer_shapes(network)) {
    LayerSummary layer;
    layer.input_shape = {shape.in_h, shape.in_w, shape.in_channels};
    layer.output_shape = {shape.out_h, shape.out_w, shape.out_channels};
    layer.macs = shape.macs();
    layer.weights = layer.params = shape.weight_count();
    if (shape.is_weighted()) {
      const Node& node = network.node(*network.find(shape.name));
      if (node.has_bias || !node.bias.empty()) layer.params += shape.out_channels;
    }
    layer.bits = bits && shape.is_weighted() ? bits->at(shape.name) : LayerBits{kFloatBits, kFloatBits};
    summary.macs += layer.macs;
    summary.weights += layer.weights;
    summary.params += layer.params;
    summary.size_mib += static_cast<double>(layer.weights) * layer.bits.weight / 8 / kMebibyte;
    summary.bops_g += static_cast<double>(layer.macs) * layer.bits.weight * layer.bits.activation / 1e9;
    layer.shape = std::move(shape);
    summary.layers.push_back(std::move(layer));
  }
  return summary;
}

BitAssignment uniform_bits(const Network& network, LayerBits bits, bool all_layers) {
  const std::vector<NodeId> layers = weighted_nodes(network);
  BitAssignment assignment;
  for (const NodeId id : layers) assignment[network.node(id).name] = bits;
  if (all_layers || layers.empty() || bits == LayerBits{kFloatBits, kFloatBits}) return assignment;
  const auto first = std::find_if(layers.begin(), layers.end(), [&](NodeId id) { return network.node(id).kind == OpKind::kConv; });
  const auto last = std::find_if(layers.rbegin(), layers.rend(), [&](NodeId id) { return network.node(id).kind == OpKind::kLinear; });
  if (first != layers.end()) assignment[network.node(*first).name] = {8, 8};
  assignment[network.node(last != layers.rend() ? *last : layers.back()).name] = {8, 8};
  return assignment;
}

Result<LayerBits> width_from_text(const std::string& text) {
  const std::optional<LayerBits> width = parse_uniform(text);
  if (!width) return Error{"--bits", "'" + text + "' is no width", "for example W4A8"};
  const auto valid = [](int bits) { return bits >= 1 && bits <= kMaxOperandBits; };
  if (*width != LayerBits{kFloatBits, kFloatBits} && !(valid(width->weight) && valid(width->activation)))
    return Error{"--bits", "'" + text + "' is out of range", "1 to " + std::to_string(kMaxOperandBits) + " bits, or W32A32 for float"};
  return *width;
}

Result<BitAssignment> bits_from_text(const Network& network, const std::string& text, bool all_layers) {
  if (!parse_uniform(text)) {
    std::error_code ignored;
    if (!std::filesystem::exists(text, ignored)) return Error{"--bits", "'" + text + "' is neither bits nor a file", kBitsHint};
    return bits_from_file(network, text);
  }
  DYAD_TRY(const LayerBits width, width_from_text(text));
  return uniform_bits(network, width, all_layers);
}

}  // namespace dyad::network
