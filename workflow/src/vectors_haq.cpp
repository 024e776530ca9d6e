#include "dyad/workflow/vectors_haq.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "dyad/quantizer/haq.hpp"

namespace dyad::workflow {
namespace {

using quantizer::HaqWall;

template <typename T>
Result<std::vector<T>> numbers(const JsonReader& array) {
  DYAD_TRY(const auto elements, array.elements());
  std::vector<T> values;
  for (const JsonReader& element : elements) {
    DYAD_TRY(const double value, element.number());
    values.push_back(static_cast<T>(value));
  }
  return values;
}

template <typename T>
Result<std::vector<T>> numbers(const JsonReader& object, std::string_view key) {
  DYAD_TRY(const JsonReader array, object.member(key));
  return numbers<T>(array);
}

Result<std::vector<LayerBits>> pairs(const JsonReader& object, std::string_view key) {
  DYAD_TRY(const JsonReader array, object.member(key));
  DYAD_TRY(const auto elements, array.elements());
  std::vector<LayerBits> bits;
  for (const JsonReader& element : elements) {
    DYAD_TRY(const auto pair, numbers<int>(element));
    if (pair.size() != 2) return element.error("expected bits of weights and activations", "for example [8, 8]");
    bits.push_back({pair[0], pair[1]});
  }
  return bits;
}

Result<CheckOutcome> check_actions(const JsonReader& document) {
  CheckOutcome check{"haq action map", 0, 0, {}};
  DYAD_TRY(const JsonReader map, document.member("action_map"));
  DYAD_TRY(const auto rows, map.elements());
  for (const JsonReader& row : rows) {
    DYAD_TRY(const auto values, numbers<double>(row));
    if (values.size() != 4) return row.error("expected lowest and highest bits, an action, its bits", "for example [2, 8, 0.5, 5]");
    ++check.cases;
    const int bits = quantizer::haq_action_bits(values[2], static_cast<int>(values[0]), static_cast<int>(values[1]));
    if (bits != static_cast<int>(values[3])) add_mismatch(check, row.place() + ": " + std::to_string(bits) + " bits");
  }
  return check;
}

Result<CheckOutcome> check_walls(const JsonReader& document) {
  CheckOutcome check{"haq wall", 0, 0, {}};
  DYAD_TRY(const JsonReader list, document.member("final_action_wall"));
  DYAD_TRY(const auto walls, list.elements());
  for (const JsonReader& one : walls) {
    DYAD_TRY(std::vector<LayerBits> bits, pairs(one, "initial"));
    DYAD_TRY(const std::vector<LayerBits> expected, pairs(one, "final"));
    DYAD_TRY(const std::int64_t lowest, one.integer("min_bit", 1, 8));
    if (bits.empty() || bits.size() != expected.size()) return one.error("initial and final have not the same layers", "one pair a layer");
    HaqWall wall;
    for (int b = static_cast<int>(lowest); b <= 8; ++b) wall.weight_choices.push_back(b);
    wall.activation_choices = wall.weight_choices;
    wall.fixed.resize(bits.size());
    wall.fixed.front() = LayerBits{8, -1};  // the published first input is not quantized
    wall.fixed.back() = LayerBits{8, 8};
    wall.keeps = [&](std::span<const LayerBits> now) { return std::equal(now.begin(), now.end(), expected.begin(), expected.end()); };
    ++check.cases;
    if (!quantizer::haq_wall(bits, wall)) add_mismatch(check, one.place() + ": never comes to the published bits");
  }
  return check;
}

Result<CheckOutcome> check_weight_walls(const JsonReader& document) {
  CheckOutcome check{"haq wall of weights", 0, 0, {}};
  DYAD_TRY(const JsonReader wall, document.member("kmeans_action_wall"));
  DYAD_TRY(const auto weights, numbers<std::int64_t>(wall, "layer_weights"));
  const auto all = static_cast<double>(std::accumulate(weights.begin(), weights.end(), std::int64_t{0}));
  DYAD_TRY(const JsonReader list, wall.member("cases"));
  DYAD_TRY(const auto cases, list.elements());
  for (const JsonReader& one : cases) {
    DYAD_TRY(std::vector<int> bits, numbers<int>(one, "initial"));
    DYAD_TRY(const auto expected, numbers<int>(one, "final"));
    DYAD_TRY(const double ratio, one.number("preserve_ratio"));
    DYAD_TRY(const std::int64_t lowest, one.integer("min_bit", 1, 8));
    if (bits.size() != weights.size()) return one.error("has not one number of bits a layer", "layer_weights says how many there are");
    ++check.cases;
    quantizer::haq_weight_wall(bits, weights, static_cast<int>(lowest), ratio * 32 * all);
    if (bits != expected) add_mismatch(check, one.place());
  }
  return check;
}

Result<CheckOutcome> check_quantizers(const JsonReader& document) {
  CheckOutcome check{"haq linear quantizers", 0, 0, {}};
  DYAD_TRY(const JsonReader list, document.member("cases"));
  DYAD_TRY(const auto cases, list.elements());
  for (const JsonReader& one : cases) {
    DYAD_TRY(const std::int64_t w_bits, one.integer("w_bit", 2, 8));
    DYAD_TRY(const std::int64_t a_bits, one.integer("a_bit", 1, 8));
    DYAD_TRY(const auto w, numbers<float>(one, "w"));
    DYAD_TRY(const auto x, numbers<float>(one, "x"));
    DYAD_TRY(const auto w_range, numbers<float>(one, "weight_range"));
    DYAD_TRY(const auto x_range, numbers<float>(one, "activation_range"));
    DYAD_TRY(const auto w_q, numbers<float>(one, "w_q"));
    DYAD_TRY(const auto x_q, numbers<float>(one, "x_q"));
    if (w_range.size() != 1 || x_range.size() != 1)
      return one.error("expected one range of weights and one of activations", "as an array of one number");
    const int wb = static_cast<int>(w_bits), ab = static_cast<int>(a_bits);
    const bool same[] = {quantizer::haq_weight_range(w, wb) == w_range[0], quantizer::haq_activation_range(x, ab) == x_range[0],
                         quantizer::haq_quantize_weights(w, wb, w_range[0]) == w_q,
                         quantizer::haq_quantize_activations(x, ab, x_range[0]) == x_q};
    const char* const names[] = {"/weight_range", "/activation_range", "/w_q", "/x_q"};
    for (int i = 0; i < 4; ++i) {
      ++check.cases;
      if (!same[i]) add_mismatch(check, one.place() + names[i]);
    }
  }
  return check;
}

}  // namespace

bool is_haq_vectors(const Json& document) {
  if (!document.is_object() || document.contains("schema")) return false;
  if (document.contains("final_action_wall")) return true;
  const auto cases = document.find("cases");
  return cases != document.end() && cases->is_array() && !cases->empty() && cases->front().is_object() && cases->front().contains("w_q") &&
         cases->front().contains("activation_range");
}

Result<std::vector<CheckOutcome>> verify_haq_vectors(const Json& document, const std::string& file) {
  const JsonReader reader(document, file);
  std::vector<CheckOutcome> checks;
  const auto add = [&](Result<CheckOutcome> check) -> Result<void> {
    if (!check) return check.error();
    checks.push_back(std::move(*check));
    return {};
  };
  if (!reader.has("final_action_wall")) {
    DYAD_CHECK(add(check_quantizers(reader)));
    return checks;
  }
  DYAD_CHECK(add(check_actions(reader)));
  DYAD_CHECK(add(check_walls(reader)));
  DYAD_CHECK(add(check_weight_walls(reader)));
  return checks;
}

}  // namespace dyad::workflow
