#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dyad/workflow/compare.hpp"

namespace dyad::workflow {

OrderedJson comparison_document(const Comparison& comparison, const std::string& a, const std::string& b) {
  OrderedJson layers = OrderedJson::array();
  for (const LayerDifference& layer : comparison.layers) {
    OrderedJson entry{{"name", layer.name},         {"max_abs", layer.max_abs},   {"differing", layer.differing},
                      {"elements", layer.elements}, {"format_a", layer.format_a}, {"format_b", layer.format_b}};
    if (layer.scale) entry["scale"] = *layer.scale;
    if (layer.sqnr_db) entry["sqnr_db"] = *layer.sqnr_db;
    layers.push_back(std::move(entry));
  }
  OrderedJson document{{"schema", "dyad.comparison/1"}, {"version", DYAD_VERSION},    {"a", a}, {"b", b},
                       {"images", comparison.images},   {"layers", std::move(layers)}};
  document["first_diverging"] = comparison.first_diverging.empty() ? OrderedJson() : OrderedJson(comparison.first_diverging);
  document["only_in_a"] = comparison.only_in_a;
  document["only_in_b"] = comparison.only_in_b;
  document["predictions_differing"] = comparison.predictions_differing;
  return document;
}

std::string comparison_text(const Comparison& comparison) {
  std::size_t width = 5;
  for (const LayerDifference& layer : comparison.layers) width = std::max(width, layer.name.size());
  const bool mixed = !comparison.layers.empty() && comparison.layers.front().sqnr_db;
  std::string text = fmt::format("{:<{}}  {:>14} {:>12} {:>12} {:>10}", "layer", width, "max |a - b|", "differing", "of", "formats");
  text += mixed ? fmt::format(" {:>12} {:>8}\n", "step of b", "SQNR dB") : "\n";
  for (const LayerDifference& layer : comparison.layers) {
    const std::string formats = layer.format_a == layer.format_b ? layer.format_a : layer.format_a + " " + layer.format_b;
    text +=
        fmt::format("{:<{}}  {:>14.6g} {:>12} {:>12} {:>10}", layer.name, width, layer.max_abs, layer.differing, layer.elements, formats);
    text += mixed ? fmt::format(" {:>12.4e} {:>8.2f}\n", *layer.scale, *layer.sqnr_db) : "\n";
  }
  const auto list = [&](const std::vector<std::string>& names, const char* side) {
    if (names.empty()) return;
    text += fmt::format("only in {}:", side);
    for (const std::string& name : names) text += " " + name;
    text += "\n";
  };
  list(comparison.only_in_a, "a");
  list(comparison.only_in_b, "b");
  if (!comparison.first_diverging.empty())
    text += "first diverging layer: " + comparison.first_diverging + "\n";
  else
    text += mixed ? fmt::format("no layer is below {} dB\n", kDivergingSqnrDb) : "no layer differs\n";
  return text + fmt::format("{} of {} predictions differ\n", comparison.predictions_differing, comparison.images);
}

}  // namespace dyad::workflow
