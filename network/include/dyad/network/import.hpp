/// \file Networks from files and from names: ONNX, safetensors weights, built-in topologies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/result.hpp"
#include "dyad/base/tensor.hpp"
#include "dyad/network/network.hpp"

namespace dyad::network {

/// ONNX, opset 11 to 17. An operator outside the supported set is an Error naming the node and the operator.
Result<Network> import_onnx(const std::filesystem::path& file);
/// The same from bytes in memory; `place` stands for the file in errors and, without folder and ending, names the network.
Result<Network> import_onnx(std::span<const std::uint8_t> bytes, const std::string& place);

/// A safetensors file, float32 (or float16, converted) tensors by name, in the file's own layout; and its metadata.
struct Safetensors {
  std::map<std::string, Tensor<float>> tensors;
  std::map<std::string, std::string> metadata;
};
Result<Safetensors> read_safetensors(const std::filesystem::path& file);
Result<void> write_safetensors(const std::filesystem::path& file, const Safetensors& content);

struct TopologyOptions {
  std::int64_t classes = 0;  ///< 0: the topology's own (1000 ImageNet, 10 CIFAR)
  std::int64_t image = 0;    ///< 0: 224, 299 inceptionv3, 32 CIFAR, 28 MNIST
};
/// A built-in topology without weights, or an Error listing the names.
Result<Network> make_topology(std::string_view name, const TopologyOptions& options);
std::vector<std::string> topology_names();
/// Loads PyTorch-layout weights into a topology by its parameter names; a missing, unknown or misshapen tensor is an Error.
/// `num_batches_tracked` is ignored; metadata `mean` and `std` become the network's normalization. On an Error the network is unchanged.
Result<void> load_weights(Network& network, const Safetensors& weights, const std::string& place);
/// The inverse: every weight under its PyTorch name in PyTorch's layout, normalization as metadata. The network has weights.
Safetensors save_weights(const Network& network);

/// What `MODEL` on the command line means: a topology name (with `weights`, a safetensors file, or without), `embedded`, an .onnx file, or
/// a .safetensors file whose metadata key `topology` names its topology (keys `classes` and `image` stand for options not given).
/// `.pt` and `.pth` are refused with the line that converts them.
Result<Network> load_model(const std::string& model, const TopologyOptions& options, const std::filesystem::path& weights);

}  // namespace dyad::network
