// The graph: a Boost adjacency list whose vertex descriptors are the node ids.
#include "dyad/network/network.hpp"

#include <algorithm>
#include <numeric>

// GCC 12 with sanitizers takes an empty boost::optional in named_graph.hpp for an uninitialized one.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/reverse_graph.hpp>
#pragma GCC diagnostic pop

namespace dyad::network {

std::string_view to_string(OpKind kind) {
  switch (kind) {
    case OpKind::kInput: return "input";
    case OpKind::kConv: return "conv";
    case OpKind::kLinear: return "linear";
    case OpKind::kBatchNorm: return "batch_norm";
    case OpKind::kRelu: return "relu";
    case OpKind::kRelu6: return "relu6";
    case OpKind::kLeakyRelu: return "leaky_relu";
    case OpKind::kSigmoid: return "sigmoid";
    case OpKind::kSwish: return "swish";
    case OpKind::kAdd: return "add";
    case OpKind::kMul: return "mul";
    case OpKind::kConcat: return "concat";
    case OpKind::kMaxPool: return "max_pool";
    case OpKind::kAveragePool: return "average_pool";
    case OpKind::kGlobalAveragePool: return "global_average_pool";
    case OpKind::kFlatten: return "flatten";
    case OpKind::kSubsample: return "subsample";
    case OpKind::kIdentity: return "identity";
    case OpKind::kSoftmax: return "softmax";
  }
  DYAD_EXPECT(false, "unknown operation kind");
  return "";
}

// An edge knows which argument of its target it is; the same node may be two arguments.
struct Network::Graph {
  struct Edge {
    std::size_t argument = 0;
  };
  using List = boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, Node, Edge>;
  List list;
  bool output_chosen = false;
};

Network::Network() : graph_(std::make_unique<Graph>()) {}
Network::Network(const Network& other)
    : name(other.name), normalization(other.normalization), graph_(std::make_unique<Graph>(*other.graph_)), output_(other.output_) {}
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(const Network& other) {
  if (this != &other) *this = Network(other);
  return *this;
}
Network& Network::operator=(Network&&) noexcept = default;
Network::~Network() = default;

NodeId Network::add(Node node, std::span<const NodeId> inputs) {
  if (node.name.empty()) node.name = to_string(node.kind);
  const std::string wanted = node.name;
  for (int copy = 2; find(node.name); ++copy) node.name = wanted + "#" + std::to_string(copy);
  for (const NodeId id : inputs) DYAD_EXPECT(id < size(), "node " + node.name + " has an input that does not exist");
  const NodeId added = boost::add_vertex(std::move(node), graph_->list);
  for (std::size_t argument = 0; argument < inputs.size(); ++argument) {
    boost::add_edge(inputs[argument], added, Graph::Edge{argument}, graph_->list);
  }
  if (!graph_->output_chosen) output_ = added;
  return added;
}

std::size_t Network::size() const { return boost::num_vertices(graph_->list); }

Node& Network::node(NodeId id) {
  DYAD_EXPECT(id < size(), "no node of this id");
  return graph_->list[id];
}

const Node& Network::node(NodeId id) const {
  DYAD_EXPECT(id < size(), "no node of this id");
  return graph_->list[id];
}

std::optional<NodeId> Network::find(std::string_view node_name) const {
  for (NodeId id = 0; id < size(); ++id) {
    if (graph_->list[id].name == node_name) return id;
  }
  return std::nullopt;
}

std::vector<NodeId> Network::inputs(NodeId id) const {
  DYAD_EXPECT(id < size(), "no node of this id");
  std::vector<NodeId> sources(boost::in_degree(id, graph_->list));
  const auto [begin, end] = boost::in_edges(id, graph_->list);
  for (auto edge = begin; edge != end; ++edge) sources[graph_->list[*edge].argument] = boost::source(*edge, graph_->list);
  return sources;
}

std::vector<NodeId> Network::consumers(NodeId id) const {
  DYAD_EXPECT(id < size(), "no node of this id");
  std::vector<NodeId> targets;
  const auto [begin, end] = boost::out_edges(id, graph_->list);
  for (auto edge = begin; edge != end; ++edge) targets.push_back(boost::target(*edge, graph_->list));
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  return targets;
}

// add() takes existing inputs only, so every edge goes from a smaller id to a larger one and the smallest ready id is the next id.
std::vector<NodeId> Network::topological_order() const {
  std::vector<NodeId> order(size());
  std::iota(order.begin(), order.end(), NodeId{0});
  return order;
}

std::vector<NodeId> Network::execution_order() const {
  std::vector<NodeId> order;
  if (size() == 0) return order;
  const auto backwards = boost::make_reverse_graph(graph_->list);
  std::vector<boost::default_color_type> colour(size());
  const auto colour_map = boost::make_iterator_property_map(colour.begin(), boost::get(boost::vertex_index, backwards));
  boost::breadth_first_search(backwards, output_, boost::color_map(colour_map));
  for (NodeId id = 0; id < size(); ++id) {
    if (colour[id] == boost::black_color) order.push_back(id);
  }
  return order;
}

NodeId Network::input() const {
  for (NodeId id = 0; id < size(); ++id) {
    if (graph_->list[id].kind == OpKind::kInput) return id;
  }
  DYAD_EXPECT(false, "network " + name + " has no input");
  return 0;
}

NodeId Network::output() const {
  DYAD_EXPECT(size() > 0, "network " + name + " is empty");
  return output_;
}

void Network::set_output(NodeId id) {
  DYAD_EXPECT(id < size(), "no node of this id");
  output_ = id;
  graph_->output_chosen = true;
}

bool Network::has_weights() const {
  for (const NodeId id : execution_order()) {
    const Node& node = graph_->list[id];
    if (is_weighted(node.kind) && node.weight.empty()) return false;
    if (node.kind == OpKind::kBatchNorm && node.batch_norm.gamma.empty()) return false;
  }
  return true;
}

std::vector<NodeId> weighted_nodes(const Network& network) {
  std::vector<NodeId> weighted;
  for (const NodeId id : network.execution_order()) {
    const OpKind kind = network.node(id).kind;
    if (is_weighted(kind)) weighted.push_back(id);
  }
  return weighted;
}

namespace {

LayerKind layer_kind(OpKind kind) {
  switch (kind) {
    case OpKind::kConv: return LayerKind::kConv;
    case OpKind::kLinear: return LayerKind::kLinear;
    case OpKind::kMaxPool: return LayerKind::kMaxPool;
    case OpKind::kAveragePool:
    case OpKind::kGlobalAveragePool: return LayerKind::kAveragePool;
    case OpKind::kAdd: return LayerKind::kAdd;
    case OpKind::kConcat: return LayerKind::kConcat;
    default: return LayerKind::kOther;
  }
}

}  // namespace

LayerShape layer_shape(const Network& network, NodeId id) {
  const Node& node = network.node(id);
  const std::vector<NodeId> inputs = network.inputs(id);
  DYAD_EXPECT(node.output_shape.size() == 3, "infer_shapes has not run before layer_shape of " + node.name);
  LayerShape layer;
  layer.name = node.name;
  layer.kind = layer_kind(node.kind);
  layer.out_h = node.output_shape[0];
  layer.out_w = node.output_shape[1];
  layer.out_channels = node.output_shape[2];
  const Shape& in = inputs.empty() ? node.output_shape : network.node(inputs[0]).output_shape;
  DYAD_EXPECT(in.size() == 3, "infer_shapes has not run before layer_shape of " + node.name);
  layer.in_h = in[0];
  layer.in_w = in[1];
  layer.in_channels = node.kind == OpKind::kConcat ? layer.out_channels : in[2];
  switch (node.kind) {
    case OpKind::kConv:
      layer.groups = node.groups;
      layer.window = node.window;
      break;
    case OpKind::kMaxPool:
    case OpKind::kAveragePool:
    case OpKind::kSubsample: layer.window = node.window; break;
    case OpKind::kGlobalAveragePool:
      layer.window.kernel_h = static_cast<int>(in[0]);
      layer.window.kernel_w = static_cast<int>(in[1]);
      break;
    default: break;
  }
  return layer;
}

std::vector<LayerShape> layer_shapes(const Network& network) {
  std::vector<LayerShape> layers;
  for (const NodeId id : network.execution_order()) {
    if (layer_kind(network.node(id).kind) != LayerKind::kOther) layers.push_back(layer_shape(network, id));
  }
  return layers;
}

}  // namespace dyad::network
