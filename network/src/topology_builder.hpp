/// \file What the built-in topologies are written with: layers by PyTorch module name, shapes tracked by the network itself.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/network/import.hpp"
#include "dyad/network/network.hpp"

namespace dyad::network {

/// Square or rectangular window of a convolution or pooling with symmetric padding.
struct WindowSpec {
  int kernel_h = 3, kernel_w = 3;
  int stride = 1;
  int pad_h = 0, pad_w = 0;

  /// kernel x kernel, padded so that stride 1 keeps the extent.
  static WindowSpec same(int kernel, int stride = 1) { return {kernel, kernel, stride, kernel / 2, kernel / 2}; }
  /// kernel x kernel without padding.
  static WindowSpec valid(int kernel, int stride = 1) { return {kernel, kernel, stride, 0, 0}; }
  /// A 1 x n or n x 1 window that keeps the extent.
  static WindowSpec line(int kernel_h, int kernel_w) { return {kernel_h, kernel_w, 1, kernel_h / 2, kernel_w / 2}; }
  Window window() const;
};

/// Builds one network, node after node. Every function returns the id of the last node it added.
class TopologyBuilder {
 public:
  TopologyBuilder(std::string_view name, std::int64_t image, std::int64_t channels);

  NodeId input() const { return 0; }
  std::int64_t channels(NodeId id) const { return channels_.at(id); }

  NodeId conv(const std::string& name, NodeId from, std::int64_t out_channels, const Window& window, int groups = 1, bool bias = false);
  NodeId batch_norm(const std::string& name, NodeId from);
  NodeId activation(const std::string& name, NodeId from, OpKind kind);
  NodeId linear(const std::string& name, NodeId from, std::int64_t out_channels, bool bias = true);
  NodeId pool(const std::string& name, NodeId from, OpKind kind, const Window& window);
  NodeId average_pool(const std::string& name, NodeId from, const Window& window);
  NodeId global_average_pool(const std::string& name, NodeId from);
  /// Every second row and column, with zero channels added: the parameter-free shortcut ("option A").
  NodeId subsample(const std::string& name, NodeId from, int stride, std::int64_t out_channels);
  NodeId add(const std::string& name, NodeId a, NodeId b);
  NodeId multiply(const std::string& name, NodeId a, NodeId gate);
  NodeId concat(const std::string& name, const std::vector<NodeId>& parts);

  /// pytorchcv's ConvBlock: `name.conv`, `name.bn` and, unless the kind is kIdentity, `name.activ`.
  NodeId conv_block(const std::string& name, NodeId from, std::int64_t out_channels, const WindowSpec& window, OpKind kind = OpKind::kRelu,
                    int groups = 1);

  /// Epsilon of the batch normalizations added from here on.
  void set_epsilon(float epsilon) { epsilon_ = epsilon; }
  /// The finished network with its shapes, or the Error of an image too small for it.
  Result<Network> finish() &&;

 private:
  NodeId push(Node node, std::initializer_list<NodeId> inputs, std::int64_t channels);
  Network network_;
  std::vector<std::int64_t> channels_;
  float epsilon_ = 1e-5f;
};

/// One row of the table of topologies; `build` draws the network for resolved options.
struct Topology {
  std::string_view name;
  std::int64_t classes, image, channels;
  Result<Network> (*build)(std::string_view name, const TopologyOptions& options);
};
/// The tables of the files topologies_*.cpp.
std::vector<Topology> resnet_topologies();
std::vector<Topology> small_resnet_topologies();
std::vector<Topology> mobile_topologies();
std::vector<Topology> inception_topologies();

}  // namespace dyad::network
