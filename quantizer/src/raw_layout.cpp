#include "raw_layout.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "dyad/base/json.hpp"

namespace dyad::quantizer {

Result<void> check_unique_names(const IntegerNetwork& network) {
  std::set<std::string> names;
  for (const IntegerLayer& layer : network.layers)
    if (!names.insert(layer.name).second)
      return Error{network.name + ":/" + layer.name, "two layers have the name '" + layer.name + "'", "give every layer its own name"};
  return {};
}

Result<void> check_plain_integers(const IntegerNetwork& network, const std::string& into) {
  for (const IntegerLayer& layer : network.layers) {
    bool offsets = false;
    for (const Requantization& requantization : layer.requantizations) offsets = offsets || !requantization.offsets.empty();
    if (layer.weight_levels.is_uniform() && layer.output_levels.is_uniform() && !offsets) continue;
    return Error{network.name + ":/" + layer.name, "layer '" + layer.name + "' has levels or offsets, for which " + into + " has no form",
                 "keep the .dyad file"};
  }
  return {};
}

bool is_weight_tensor(const std::string& name) { return name.ends_with(".weights"); }
std::string weight_name(const IntegerLayer& layer) { return layer.name + ".weight"; }

Result<std::vector<LayerLayout>> layer_layouts(const network::RawSafetensors& content, const std::string& place) {
  const auto metadata = content.metadata.find("dyad");
  if (metadata == content.metadata.end())
    return Error{place + ":/__metadata__/dyad", "is no integer network: its header has no 'dyad' document", "`dyad export` writes it"};
  DYAD_TRY(const Json document, parse_json(metadata->second, place + ":/__metadata__/dyad"));
  const JsonReader reader(document, place);
  DYAD_TRY(const JsonReader layers, reader.member("layers"));
  DYAD_TRY(const std::vector<JsonReader> list, layers.elements());
  std::vector<LayerLayout> found;
  for (std::size_t i = 0; i < list.size(); ++i) {
    LayerLayout layer;
    layer.index = i;
    DYAD_TRY(layer.name, list[i].string("name"));
    DYAD_TRY(const JsonReader requantizations, list[i].member("requantizations"));
    DYAD_TRY(const std::vector<JsonReader> ratios, requantizations.elements());
    layer.requantizations = ratios.size();
    if (!list[i].has("weight_bits")) {
      found.push_back(std::move(layer));
      continue;
    }
    layer.weight_tensor = std::to_string(i) + ".weights";
    DYAD_TRY(const std::int64_t bits, list[i].integer("weight_bits", 1, 8));
    layer.weight_bits = static_cast<int>(bits);
    DYAD_TRY(const JsonReader shape, list[i].member("shape"));
    constexpr std::int64_t kMost = 1 << 24;
    DYAD_TRY(const std::int64_t k, shape.integer("out_channels", 1, kMost));
    DYAD_TRY(const std::int64_t r, shape.integer("kernel_h", 1, kMost));
    DYAD_TRY(const std::int64_t s, shape.integer("kernel_w", 1, kMost));
    DYAD_TRY(const std::int64_t c, shape.integer("in_channels", 1, kMost));
    DYAD_TRY(const std::int64_t groups, shape.integer("groups", 1, kMost));
    layer.krsc = {k, r, s, c / groups};
    constexpr std::int64_t kMostWeights = std::int64_t{1} << 40;
    std::int64_t weights = 1;
    for (const std::int64_t extent : layer.krsc) {
      if (extent < 1 || weights > kMostWeights / extent)
        return shape.error("no weights can be " + to_string(layer.krsc), "the file is damaged");
      weights *= extent;
    }
    found.push_back(std::move(layer));
  }
  return found;
}

std::vector<std::int8_t> channels_first(const Tensor<std::int8_t>& krsc) {
  const std::int64_t area = krsc.extent(1) * krsc.extent(2), c = krsc.extent(3);
  std::vector<std::int8_t> values(static_cast<std::size_t>(krsc.size()));
  for (std::int64_t i = 0; i < krsc.size(); ++i) {
    const std::int64_t k = i / (area * c), position = i / c % area, channel = i % c;
    values[static_cast<std::size_t>((k * c + channel) * area + position)] = krsc[i];
  }
  return values;
}

Result<Tensor<std::int8_t>> channels_last(const std::vector<std::int8_t>& values, const LayerLayout& layer, const std::string& place) {
  if (static_cast<std::int64_t>(values.size()) != element_count(layer.krsc))
    return Error{place + ":/" + layer.name, "the weights of layer '" + layer.name + "' do not fill " + to_string(layer.krsc),
                 "the file is damaged"};
  Tensor<std::int8_t> weights(layer.krsc);
  const std::int64_t area = layer.krsc[1] * layer.krsc[2], c = layer.krsc[3];
  for (std::int64_t i = 0; i < weights.size(); ++i) {
    const std::int64_t k = i / (area * c), position = i / c % area, channel = i % c;
    weights[i] = values[static_cast<std::size_t>((k * c + channel) * area + position)];
  }
  return weights;
}

}  // namespace dyad::quantizer
