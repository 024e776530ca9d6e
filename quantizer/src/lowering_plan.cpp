#include "dyad/quantizer/lowering_plan.hpp"

#include <algorithm>

namespace dyad::quantizer {
namespace {

using network::is_weighted;
using network::Node;
using network::NodeId;
using network::OpKind;

bool is_activation(OpKind kind) { return kind == OpKind::kRelu || kind == OpKind::kRelu6; }
// Copies values without arithmetic, so any format passes through.
bool only_moves(OpKind kind) {
  return kind == OpKind::kMaxPool || kind == OpKind::kFlatten || kind == OpKind::kSubsample || kind == OpKind::kConcat;
}

bool is_supported(OpKind kind) {
  return is_weighted(kind) || is_activation(kind) || only_moves(kind) || kind == OpKind::kInput || kind == OpKind::kAdd ||
         kind == OpKind::kAveragePool || kind == OpKind::kGlobalAveragePool || kind == OpKind::kIdentity;
}

// What the readers of a tensor ask for.
struct Demands {
  std::vector<ScaledFormat> formats;
  int carriers = 0, additions = 0, outputs = 0;
};

class Planner {
 public:
  Planner(const network::Network& folded, std::map<NodeId, ScaledFormat> layer_inputs, const std::vector<ScaledFormat>& carriers)
      : net_(folded), order_(folded.execution_order()), carriers_(carriers) {
    plan_.layer_inputs = std::move(layer_inputs);
  }

  Result<LoweringPlan> run() {
    const std::size_t n = net_.size();
    plan_.tensors.resize(n);
    plan_.source.resize(n);
    plan_.activation.resize(n);
    for (NodeId id = 0; id < n; ++id) plan_.source[id] = id;
    DYAD_CHECK(find_output());
    DYAD_CHECK(check_operations());
    fuse_activations();
    demands_.resize(n);
    ++demands_[plan_.source[plan_.output]].outputs;
    for (auto id = order_.rbegin(); id != order_.rend(); ++id) place(*id);
    return std::move(plan_);
  }

 private:
  Error unsupported(const Node& node, const std::string& message) const {
    return Error{
        (net_.name.empty() ? "network" : net_.name) + ":/" + node.name,
        "'" + node.name + "' (" + std::string(to_string(node.kind)) + ") " + message,
        "integer networks hold convolutions, linear layers, ReLU, ReLU6, addition, concatenation, pooling, flatten and subsampling"};
  }

  // A softmax at the end does not change the order of the logits; it is left out.
  Result<void> find_output() {
    NodeId id = net_.output();
    while (net_.node(id).kind == OpKind::kSoftmax || renames(id)) id = net_.inputs(id)[0];
    plan_.output = id;
    const Shape& shape = net_.node(id).output_shape;
    if (shape[0] != 1 || shape[1] != 1) return unsupported(net_.node(id), "is the output but no vector: its shape is " + to_string(shape));
    return {};
  }

  bool renames(NodeId id) const {
    const Node& node = net_.node(id);
    if (node.kind == OpKind::kIdentity) return true;
    if (node.kind != OpKind::kFlatten) return false;
    return net_.node(net_.inputs(id)[0]).output_shape == node.output_shape;
  }

  Result<void> check_operations() {
    for (const NodeId id : order_) {
      const Node& node = net_.node(id);
      if (node.kind == OpKind::kSoftmax && net_.consumers(id).empty()) continue;
      if (!is_supported(node.kind)) return unsupported(node, "has no integer form");
      if (node.kind == OpKind::kAveragePool && node.ceil_mode && node.count_include_pad)
        return unsupported(node, "counts padding in ceil mode, which integer pooling does not do");
      if (renames(id)) plan_.source[id] = plan_.source[net_.inputs(id)[0]];
    }
    return {};
  }

  // Distinct nodes of the executed part that read the tensor of `id`, renamings passed.
  std::vector<NodeId> readers(NodeId id) const {
    std::vector<NodeId> result;
    for (const NodeId reader : net_.consumers(id)) {
      if (std::find(order_.begin(), order_.end(), reader) == order_.end()) continue;
      if (plan_.source[reader] == reader) {
        result.push_back(reader);
      } else {
        for (const NodeId further : readers(reader)) result.push_back(further);
      }
    }
    return result;
  }

  void fuse_activations() {
    for (const NodeId id : order_) {
      const OpKind kind = net_.node(id).kind;
      if (!is_weighted(kind) && kind != OpKind::kAdd) continue;
      const std::vector<NodeId> next = readers(id);
      if (next.size() == 1 && is_activation(net_.node(next[0]).kind) && id != plan_.output) plan_.activation[id] = next[0];
    }
    for (const auto& activation : plan_.activation)
      if (activation) fused_.push_back(*activation);
  }

  bool is_fused(NodeId id) const { return std::find(fused_.begin(), fused_.end(), id) != fused_.end(); }

  // Decides the tensor of operation `id` from its readers' demands, then makes its own demands on its inputs.
  void place(NodeId id) {
    const Node& node = net_.node(id);
    if (plan_.source[id] != id || is_fused(id) || node.kind == OpKind::kSoftmax) return;
    const NodeId tensor = plan_.written_by(id);
    TensorPlan& plan = plan_.tensors[tensor];
    plan = decide(id, demands_[tensor], carriers_[tensor]);
    for (const NodeId input : net_.inputs(id)) {
      Demands& demands = demands_[plan_.source[input]];
      if (is_weighted(node.kind)) {
        demands.formats.push_back(plan_.layer_inputs.at(id));
      } else if (only_moves(node.kind) && plan.role == TensorRole::kDirect) {
        demands.formats.push_back(plan.format);
      } else if (node.kind == OpKind::kAdd) {
        ++demands.additions;
      } else {
        ++demands.carriers;
      }
    }
  }

  TensorPlan decide(NodeId id, const Demands& demands, const ScaledFormat& carrier) const {
    const OpKind kind = net_.node(id).kind;
    const std::vector<ScaledFormat>& formats = demands.formats;
    const bool one_format =
        !formats.empty() && std::all_of(formats.begin(), formats.end(), [&](const ScaledFormat& f) { return f == formats[0]; });
    const bool computes_wide = kind == OpKind::kAdd || kind == OpKind::kAveragePool || kind == OpKind::kGlobalAveragePool;
    if (one_format && demands.carriers + demands.additions + demands.outputs == 0 && !computes_wide)
      return {TensorRole::kDirect, formats[0]};
    const bool plain_sum = is_weighted(kind) && !plan_.activation[id] && formats.empty() && demands.carriers == 0;
    if (plain_sum && demands.additions == 1 && demands.outputs == 0) return {TensorRole::kAccumulator, {}};
    if (plain_sum && demands.additions == 0 && demands.outputs == 1) return {TensorRole::kLogits, {}};
    return {TensorRole::kCarrier, carrier};
  }

  const network::Network& net_;
  const std::vector<NodeId> order_;
  const std::vector<ScaledFormat>& carriers_;
  LoweringPlan plan_;
  std::vector<NodeId> fused_;
  std::vector<Demands> demands_;
};

}  // namespace

Result<LoweringPlan> plan_lowering(const network::Network& folded, std::map<NodeId, ScaledFormat> layer_inputs,
                                   const std::vector<ScaledFormat>& carriers) {
  DYAD_EXPECT(carriers.size() == folded.size(), "one carrier format for every node");
  return Planner(folded, std::move(layer_inputs), carriers).run();
}

}  // namespace dyad::quantizer
