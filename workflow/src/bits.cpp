#include "dyad/workflow/bits.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "dyad/network/summary.hpp"

namespace dyad::workflow {
namespace {

/// "W4A8" as numbers; nothing when the text has another form.
std::optional<LayerBits> uniform_width(std::string_view text) {
  if (text.empty() || (text[0] != 'W' && text[0] != 'w')) return std::nullopt;
  LayerBits bits;
  const char* const end = text.data() + text.size();
  const auto weight = std::from_chars(text.data() + 1, end, bits.weight);
  if (weight.ec != std::errc{} || weight.ptr == end || (*weight.ptr != 'A' && *weight.ptr != 'a')) return std::nullopt;
  const auto activation = std::from_chars(weight.ptr + 1, end, bits.activation);
  if (activation.ec != std::errc{} || activation.ptr != end) return std::nullopt;
  return bits;
}

Result<BitAssignment> read_bit_file(const std::filesystem::path& file, const network::Network& network) {
  DYAD_TRY(const Json document, read_json(file));
  const JsonReader root(document, file.string());
  DYAD_TRY([[maybe_unused]] const int version, root.schema("dyad.bits", 1));
  DYAD_TRY(const JsonReader layers, root.member("layers"));
  DYAD_CHECK(root.finish());
  DYAD_TRY(const auto members, layers.members());
  BitAssignment assignment;
  for (const auto& [name, reader] : members) {
    const auto id = network.find(name);
    const network::OpKind kind = id ? network.node(*id).kind : network::OpKind::kInput;
    if (kind != network::OpKind::kConv && kind != network::OpKind::kLinear)
      return reader.error("the network has no convolution or fully connected layer '" + name + "'", "list its layers with: dyad inspect MODEL");
    DYAD_TRY(const auto weight, reader.integer("w", 1, kMaxOperandBits));
    DYAD_TRY(const auto activation, reader.integer("a", 1, kMaxOperandBits));
    DYAD_CHECK(reader.finish());
    assignment.emplace(name, LayerBits{static_cast<int>(weight), static_cast<int>(activation)});
  }
  for (const network::NodeId id : network::weighted_nodes(network))
    if (!assignment.contains(network.node(id).name))
      return layers.error("layer '" + network.node(id).name + "' is missing", "every layer needs its bits; dyad inspect MODEL lists them");
  return assignment;
}

}  // namespace

Result<std::optional<BitAssignment>> read_bits(const std::string& text, const network::Network& network, bool all_layers) {
  if (text.empty()) return std::optional<BitAssignment>();
  if (const auto uniform = uniform_width(text)) {
    const auto [w, a] = *uniform;
    if (w == 32 && a == 32) return std::optional<BitAssignment>();
    if (w < 1 || w > kMaxOperandBits || a < 1 || a > kMaxOperandBits)
      return Error{"--bits", "'" + text + "' is out of range", "1 to 16 bits each, as in W4A8, or W32A32 for float"};
    return std::optional(network::uniform_bits(network, *uniform, all_layers));
  }
  std::error_code ignored;
  if (!std::filesystem::exists(text, ignored))
    return Error{"--bits", "'" + text + "' is neither a width nor a file", "W4A8, or a file of schema dyad.bits/1"};
  DYAD_TRY(BitAssignment assignment, read_bit_file(text, network));
  return std::optional(std::move(assignment));
}

OrderedJson assignment_json(const BitAssignment& assignment, const network::Network& network) {
  OrderedJson json = OrderedJson::object();
  for (const network::NodeId id : network::weighted_nodes(network)) {
    const std::string& name = network.node(id).name;
    if (const auto found = assignment.find(name); found != assignment.end())
      json[name] = {{"w", found->second.weight}, {"a", found->second.activation}};
  }
  return json;
}

}  // namespace dyad::workflow
