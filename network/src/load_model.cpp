// What MODEL on the command line means.
#include <algorithm>

#include "dyad/base/files.hpp"
#include "dyad/base/text.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/safetensors.hpp"

namespace dyad::embedded {
std::string_view embedded_resnet8_fmnist();
}

namespace dyad::network {
namespace {

constexpr std::string_view kEmbeddedTopology = "resnet8-fmnist";

std::string lower_extension(const std::string& model) {
  std::string extension = std::filesystem::path(model).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

Error refuse_pytorch(const std::string& model) {
  return Error{model, "PyTorch's pickle files are not read: loading one runs code from it",
               "convert it: python3 -c \"import torch; from safetensors.torch import save_file; m = torch.load('" + model +
                   "', map_location='cpu'); m = m.get('state_dict', m); save_file({k.removeprefix('module.'): v.clone().contiguous() for "
                   "k, v in m.items()}, '" +
                   std::filesystem::path(model).replace_extension(".safetensors").string() +
                   "')\", then: MODEL=<topology> --weights that file"};
}

/// A positive count in the metadata, 0 when absent.
Result<std::int64_t> metadata_count(const Safetensors& weights, const std::string& key, const std::string& place) {
  const auto found = weights.metadata.find(key);
  if (found == weights.metadata.end()) return std::int64_t{0};
  const std::string& text = found->second;
  const auto value = parse_number<std::int64_t>(text);
  if (!value || *value < 1) return Error{place + ":/__metadata__/" + key, "'" + text + "' is not a positive number", "for example 10"};
  return *value;
}

Result<Network> topology_with_weights(std::string_view name, TopologyOptions options, const Safetensors& weights,
                                      const std::string& place) {
  if (options.classes == 0) {
    DYAD_TRY(options.classes, metadata_count(weights, "classes", place));
  }
  if (options.image == 0) {
    DYAD_TRY(options.image, metadata_count(weights, "image", place));
  }
  DYAD_TRY(Network network, make_topology(name, options));
  DYAD_CHECK(load_weights(network, weights, place));
  return network;
}

Result<Network> load_embedded(const TopologyOptions& options) {
  const std::string_view bytes = embedded::embedded_resnet8_fmnist();
  DYAD_TRY(const RawSafetensors raw, parse_safetensors({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "embedded"));
  DYAD_TRY(const Safetensors weights, to_float(raw, "embedded"));
  DYAD_TRY(Network network, topology_with_weights(kEmbeddedTopology, options, weights, "embedded"));
  network.name = "embedded";
  return network;
}

Result<Network> load_self_described(const std::string& file, const TopologyOptions& options) {
  DYAD_TRY(const Safetensors weights, read_safetensors(file));
  const auto topology = weights.metadata.find("topology");
  if (topology == weights.metadata.end())
    return Error{file, "its metadata does not name a topology, so the weights alone are no network",
                 "use: MODEL=<topology> --weights " + file};
  Result<Network> network = topology_with_weights(topology->second, options, weights, file);
  if (!network && network.error().place == topology->second)
    return Error{file + ":/__metadata__/topology", "no such topology: '" + topology->second + "'", network.error().hint};
  return network;
}

}  // namespace

Result<Network> load_model(const std::string& model, const TopologyOptions& options, const std::filesystem::path& weights) {
  const std::string extension = lower_extension(model);
  const bool whole_model = extension == ".onnx" || extension == ".safetensors" || model == "embedded";
  if (extension == ".pt" || extension == ".pth") return refuse_pytorch(model);
  if (lower_extension(weights.string()) == ".pt" || lower_extension(weights.string()) == ".pth") return refuse_pytorch(weights.string());
  if (whole_model && !weights.empty())
    return Error{"--weights", "'" + model + "' has weights of its own", "leave --weights out, or name a topology"};
  if (model == "embedded") return load_embedded(options);
  if (extension == ".safetensors") return load_self_described(model, options);
  if (extension == ".onnx") {
    if (options.classes != 0) return Error{"--classes", "an ONNX file fixes its classes", "leave it out"};
    if (options.image != 0) return Error{"--image", "an ONNX file fixes its image size", "leave it out"};
    return import_onnx(model);
  }
  const std::vector<std::string> names = topology_names();
  if (std::find(names.begin(), names.end(), model) == names.end()) {
    Error error = make_topology(model, {}).error();
    std::error_code ignored;
    if (std::filesystem::exists(model, ignored)) return Error{model, "is no .onnx or .safetensors file", "only those are read as networks"};
    return Error{model, "is neither a file nor a topology", "an .onnx or .safetensors file, 'embedded', or " + error.hint};
  }
  if (weights.empty()) return make_topology(model, options);
  DYAD_TRY(const Safetensors content, read_safetensors(weights));
  return topology_with_weights(model, options, content, weights.string());
}

}  // namespace dyad::network
