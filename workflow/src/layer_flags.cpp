#include "dyad/workflow/layer_flags.hpp"

#include <map>
#include <string>
#include <vector>

#include "dyad/base/text.hpp"

namespace dyad::workflow {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

constexpr std::int64_t kLargest = 1 << 24;

std::optional<std::int64_t> positive(std::string_view text) {
  const auto value = parse_number<std::int64_t>(text);
  return value && *value >= 1 && *value <= kLargest ? value : std::nullopt;
}

const char* const kConvExample = "for example kernel=3,output=56,stride=1,in=64,out=64,groups=1,batch=16";

}  // namespace

Result<RequestedLayer> parse_gemm(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ',');
  if (parts.size() != 3)
    return Error{"--gemm", "expected three numbers M,N,K, found '" + std::string(text) + "'", "for example 196,256,2304"};
  std::int64_t extents[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const auto extent = positive(parts[i]);
    if (!extent)
      return Error{"--gemm", "'" + std::string(parts[i]) + "' is no extent",
                   "M, N and K are integers from 1 to " + std::to_string(kLargest)};
    extents[i] = *extent;
  }
  RequestedLayer layer;
  layer.shape.name = "gemm";
  layer.shape.in_h = layer.shape.out_h = extents[0];
  layer.shape.out_channels = extents[1];
  layer.shape.in_channels = extents[2];
  layer.batch = 1;
  return layer;
}

Result<RequestedLayer> parse_conv(std::string_view text) {
  std::map<std::string_view, std::int64_t> values{{"stride", 1}, {"groups", 1}};
  const std::map<std::string_view, bool> keys{{"kernel", true},  {"output", true},  {"in", true},    {"out", true},
                                              {"stride", false}, {"groups", false}, {"batch", false}};
  std::map<std::string_view, bool> seen;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    const std::string_view key = part.substr(0, equals);
    if (equals == std::string_view::npos || !keys.contains(key))
      return Error{"--conv",
                   "'" + std::string(part) + "' is not one of kernel=, output=, stride=, in=, out=, groups=, batch=", kConvExample};
    if (seen[key]) return Error{"--conv", "'" + std::string(key) + "' is given twice", "give it once"};
    seen[key] = true;
    const auto value = positive(part.substr(equals + 1));
    if (!value)
      return Error{"--conv", "'" + std::string(part) + "': expected an integer from 1 to " + std::to_string(kLargest), kConvExample};
    values[key] = *value;
  }
  for (const auto& [key, needed] : keys)
    if (needed && !seen[key]) return Error{"--conv", "'" + std::string(key) + "' is missing", kConvExample};
  const std::int64_t kernel = values["kernel"], output = values["output"], stride = values["stride"], groups = values["groups"];
  if (values["in"] % groups != 0 || values["out"] % groups != 0)
    return Error{"--conv",
                 "groups=" + std::to_string(groups) + " does not divide in=" + std::to_string(values["in"]) +
                     " and out=" + std::to_string(values["out"]),
                 "a depthwise convolution has groups, in and out equal"};
  if (kernel > 4096 || stride > 4096 || output > 65536)
    return Error{"--conv", "a window above 4096 or an output above 65536", "check the order of the numbers"};
  RequestedLayer layer;
  layer.shape = square_convolution(kernel, output, stride, values["in"], values["out"], groups);
  layer.shape.name = "conv";
  if (seen["batch"]) layer.batch = static_cast<int>(values["batch"]);
  return layer;
}

}  // namespace dyad::workflow
