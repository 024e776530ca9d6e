#include "dyad/network/bit_lists.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>

namespace dyad::network {
namespace {

constexpr int kCarrierBits = 16;  ///< of HAWQ-V3's residual sums

/// One name of the list: the weight or activation bits of a layer, or those of a residual sum when `layer` is empty.
struct Entry {
  std::string name, layer;
  bool is_weight = false;
};

struct Unit {
  std::map<int, std::string> convolutions;
  std::string identity;
};

/// The names of a ResNet, or nothing when a layer has none of pytorchcv's.
std::optional<std::vector<Entry>> resnet_entries(const std::vector<std::string>& layers) {
  static const std::regex convolution(R"(features\.(stage\d+\.unit\d+)\.body\.conv(\d)\.conv)"),
      identity(R"(features\.(stage\d+\.unit\d+)\.identity_conv\.conv)");
  constexpr const char* kFirst = "features.init_block.conv.conv";
  constexpr const char* kLast = "output";
  if (layers.size() < 3 || layers.front() != kFirst || layers.back() != kLast) return std::nullopt;
  std::vector<std::string> order;
  std::map<std::string, Unit> units;
  std::size_t deepest = 0;
  for (std::size_t i = 1; i + 1 < layers.size(); ++i) {
    std::smatch match;
    const bool is_convolution = std::regex_match(layers[i], match, convolution);
    if (!is_convolution && !std::regex_match(layers[i], match, identity)) return std::nullopt;
    const std::string unit = match[1];
    if (!units.contains(unit)) order.push_back(unit);
    if (is_convolution) {
      units[unit].convolutions[std::stoi(match[2])] = layers[i];
    } else {
      units[unit].identity = layers[i];
    }
    deepest = std::max(deepest, units[unit].convolutions.size());
  }
  const std::string first = deepest == 3 ? "quant_init_convbn" : "quant_init_block_convbn";
  std::vector<Entry> entries{{"quant_input", kFirst, false}, {first, kFirst, true}, {"quant_act_int32", "", false}};
  for (const std::string& name : order) {
    const Unit& unit = units[name];
    for (const auto& [number, layer] : unit.convolutions) {
      entries.push_back({name + ".quant_act" + (number == 1 ? "" : std::to_string(number - 1)), layer, false});
      entries.push_back({name + ".quant_convbn" + std::to_string(number), layer, true});
    }
    if (!unit.identity.empty()) entries.push_back({name + ".quant_identity_convbn", unit.identity, true});
    entries.push_back({name + ".quant_act_int32", "", false});
  }
  entries.push_back({"quant_act_output", kLast, false});
  entries.push_back({"quant_output", kLast, true});
  return entries;
}

std::vector<Entry> entries_of(const std::vector<std::string>& layers) {
  if (auto entries = resnet_entries(layers)) return *std::move(entries);
  std::vector<Entry> entries;
  for (const std::string& layer : layers) {
    entries.push_back({layer + ".quant_act", layer, false});
    entries.push_back({layer + ".quant_weight", layer, true});
  }
  return entries;
}

/// Each identity convolution and the first convolution of its unit, which read one tensor.
std::vector<std::pair<std::string, std::string>> shared_inputs(const std::vector<Entry>& entries) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::string first;
  for (const Entry& entry : entries) {
    if (entry.name.ends_with(".quant_act")) first = entry.layer;
    if (entry.name.ends_with(".quant_identity_convbn")) pairs.emplace_back(entry.layer, first);
  }
  return pairs;
}

}  // namespace

OrderedJson bits_document(const std::vector<std::string>& layers, const BitAssignment& bits) {
  OrderedJson list = OrderedJson::object();
  for (const std::string& layer : layers) list[layer] = OrderedJson{{"w", bits.at(layer).weight}, {"a", bits.at(layer).activation}};
  return {{"schema", "dyad.bits/1"}, {"layers", std::move(list)}};
}

Result<OrderedJson> hawq_bit_list(const std::vector<std::string>& layers, const BitAssignment& bits) {
  const std::vector<Entry> entries = entries_of(layers);
  for (const auto& [identity, first] : shared_inputs(entries))
    if (bits.at(identity).activation != bits.at(first).activation)
      return Error{identity, "reads other bits than '" + first + "', which reads the same tensor",
                   "HAWQ-V3's list has one width for both: tie them, or write dyad.bits/1"};
  OrderedJson list = OrderedJson::object();
  for (const Entry& entry : entries) {
    if (entry.layer.empty()) {
      list[entry.name] = kCarrierBits;
    } else {
      const LayerBits& width = bits.at(entry.layer);
      list[entry.name] = entry.is_weight ? width.weight : width.activation;
    }
  }
  return list;
}

Result<BitAssignment> from_hawq_bit_list(const std::vector<std::string>& layers, const JsonReader& list) {
  const std::vector<Entry> entries = entries_of(layers);
  BitAssignment bits;
  for (const Entry& entry : entries) {
    if (entry.layer.empty()) {
      DYAD_TRY([[maybe_unused]] const std::int64_t carrier, list.integer(entry.name, kCarrierBits, kCarrierBits));
      continue;
    }
    DYAD_TRY(const std::int64_t width, list.integer(entry.name, 1, kMaxOperandBits));
    LayerBits& layer = bits[entry.layer];
    (entry.is_weight ? layer.weight : layer.activation) = static_cast<int>(width);
  }
  for (const auto& [identity, first] : shared_inputs(entries)) bits[identity].activation = bits[first].activation;
  DYAD_CHECK(list.finish());
  return bits;
}

}  // namespace dyad::network
