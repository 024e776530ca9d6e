// The table of built-in topologies.
#include <algorithm>

#include "topology_builder.hpp"

namespace dyad::network {
namespace {

constexpr std::int64_t kMaxClasses = 1'000'000;
constexpr std::int64_t kMaxImage = 8192;

std::vector<Topology> all_topologies() {
  std::vector<Topology> all;
  for (const auto& part : {resnet_topologies(), inception_topologies(), mobile_topologies(), small_resnet_topologies()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

std::vector<std::string> topology_names() {
  std::vector<std::string> names;
  for (const Topology& topology : all_topologies()) names.emplace_back(topology.name);
  return names;
}

Result<Network> make_topology(std::string_view name, const TopologyOptions& options) {
  const std::vector<Topology> all = all_topologies();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Topology& topology) { return topology.name == name; });
  if (found == all.end()) {
    std::string names;
    for (const Topology& topology : all) names += (names.empty() ? "" : ", ") + std::string(topology.name);
    return Error{std::string(name), "no such topology", "one of " + names};
  }
  if (options.classes < 0 || options.classes > kMaxClasses)
    return Error{"--classes", std::to_string(options.classes) + " classes", "1 to " + std::to_string(kMaxClasses)};
  if (options.image < 0 || options.image > kMaxImage)
    return Error{"--image", "an image of " + std::to_string(options.image) + " pixels a side", "1 to " + std::to_string(kMaxImage)};
  TopologyOptions resolved = options;
  if (resolved.classes == 0) resolved.classes = found->classes;
  if (resolved.image == 0) resolved.image = found->image;
  return found->build(name, resolved);
}

}  // namespace dyad::network
