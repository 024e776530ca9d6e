#include "dyad/network/metadata.hpp"

#include <charconv>
#include <cmath>
#include <string_view>

namespace dyad::network {
namespace {

constexpr char kListHint[] = "numbers separated by commas, one a channel, for example 0.485,0.456,0.406";

Result<std::vector<float>> parse_list(const std::string& text, const std::string& place) {
  std::vector<float> values;
  std::string_view rest = text;
  for (;;) {
    const std::size_t comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    float value = 0;
    const auto [end, fault] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (fault != std::errc{} || end != item.data() + item.size() || !std::isfinite(value))
      return Error{place, "'" + std::string(item) + "' is not a number", kListHint};
    values.push_back(value);
    if (comma == std::string_view::npos) return values;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<std::optional<Normalization>> normalization_from_metadata(const std::map<std::string, std::string>& metadata,
                                                                 const std::string& place) {
  const auto mean = metadata.find("mean");
  const auto deviation = metadata.find("std");
  if (mean == metadata.end() && deviation == metadata.end()) return std::optional<Normalization>();
  const std::string where = place + "/";
  if (mean == metadata.end()) return Error{where + "std", "'std' stands without 'mean'", "give both, or --normalize"};
  if (deviation == metadata.end()) return Error{where + "mean", "'mean' stands without 'std'", "give both, or --normalize"};
  Normalization result;
  DYAD_TRY(result.mean, parse_list(mean->second, where + "mean"));
  DYAD_TRY(result.stddev, parse_list(deviation->second, where + "std"));
  if (result.mean.size() != result.stddev.size()) return Error{where + "std", "'mean' and 'std' differ in length", kListHint};
  for (const float value : result.stddev)
    if (!(value > 0)) return Error{where + "std", "a standard deviation must be positive", kListHint};
  return std::optional<Normalization>(std::move(result));
}

std::string metadata_list(const std::vector<float>& values) {
  std::string text;
  for (const float value : values) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    text += (text.empty() ? "" : ",") + std::string(digits, end);
  }
  return text;
}

}  // namespace dyad::network
