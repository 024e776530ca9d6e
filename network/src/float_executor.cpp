#include "dyad/network/float_executor.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "convolution.hpp"
#include "dyad/base/parallel.hpp"
#include "elementwise.hpp"

namespace dyad::network {
namespace {

using Inputs = std::span<const Tensor<float>* const>;

Shape batch_shape(std::int64_t images, const Shape& one) {
  DYAD_EXPECT(one.size() == 3, "infer_shapes has not run");
  return {images, one[0], one[1], one[2]};
}

bool is_unary(OpKind kind) {
  switch (kind) {
    case OpKind::kRelu:
    case OpKind::kRelu6:
    case OpKind::kLeakyRelu:
    case OpKind::kSigmoid:
    case OpKind::kSwish:
    case OpKind::kBatchNorm:
    case OpKind::kSoftmax:
    case OpKind::kIdentity:
    case OpKind::kFlatten: return true;
    default: return false;
  }
}

PackedConvolution pack(const Node& node, const Tensor<float>& weight, std::span<const float> bias) {
  DYAD_EXPECT(is_weighted(node.kind), node.name + " has no weights by kind");
  DYAD_EXPECT(!weight.empty(), node.name + " has no weights loaded");
  const bool linear = node.kind == OpKind::kLinear;
  return PackedConvolution(*convolution_kernels().front(), linear ? Window{} : node.window, linear ? 1 : node.groups, weight, bias);
}

// Writes `out`, whose shape is set.
void run_node(const Node& node, Inputs inputs, Tensor<float>& out) {
  switch (node.kind) {
    case OpKind::kConv:
    case OpKind::kLinear: return pack(node, node.weight, node.bias).run(*inputs[0], out);
    case OpKind::kAdd: return add(*inputs[0], *inputs[1], out);
    case OpKind::kMul: return multiply(*inputs[0], *inputs[1], out);
    case OpKind::kConcat: return concat(inputs, out);
    case OpKind::kMaxPool: return max_pool(node.window, *inputs[0], out);
    case OpKind::kAveragePool: return average_pool(node.window, node.count_include_pad, *inputs[0], out);
    case OpKind::kGlobalAveragePool: return global_average_pool(*inputs[0], out);
    case OpKind::kSubsample: return subsample(node, *inputs[0], out);
    default: return apply_unary(node, *inputs[0], out);
  }
}

void check_inputs(const Network& network, NodeId id, Inputs inputs) {
  const std::vector<NodeId> sources = network.inputs(id);
  DYAD_EXPECT(inputs.size() == sources.size() && !inputs.empty(), network.node(id).name + " has another number of inputs");
  for (std::size_t i = 0; i < sources.size(); ++i) {
    DYAD_EXPECT(inputs[i]->shape() == batch_shape(inputs[0]->extent(0), network.node(sources[i]).output_shape),
                network.node(id).name + " got an input of another shape");
  }
}

void check_images(const Network& network, const Tensor<float>& images) {
  DYAD_EXPECT(images.shape().size() == 4 && images.shape() == batch_shape(images.extent(0), network.node(network.input()).output_shape),
              "images are not of the network's input shape");
}

// Tensors that are not needed any more, by size, so that a batch does not allocate for every node.
class Buffers {
 public:
  Tensor<float> take(const Shape& shape) {
    const std::int64_t count = element_count(shape);
    const auto found = std::find_if(free_.begin(), free_.end(), [&](const Tensor<float>& tensor) { return tensor.size() == count; });
    if (found == free_.end()) return Tensor<float>(shape);
    Tensor<float> tensor = std::move(*found).reshaped(shape);
    free_.erase(found);
    return tensor;
  }
  void give(Tensor<float> tensor) { free_.push_back(std::move(tensor)); }

 private:
  std::vector<Tensor<float>> free_;
};

// A network with its weights packed, to be run on any number of batches; the network must outlive it and stay as it is.
class PreparedNetwork {
 public:
  explicit PreparedNetwork(const Network& network) : input_(network.input()), output_(network.output()), uses_(network.size()) {
    std::int64_t largest = 1;
    for (const NodeId id : network.execution_order()) {
      const Node& node = network.node(id);
      Step step{id, &node, network.inputs(id), std::nullopt};
      for (const NodeId source : step.sources) ++uses_[source];
      if (is_weighted(node.kind)) step.convolution.emplace(pack(node, node.weight, node.bias));
      largest = std::max(largest, element_count(node.output_shape));
      steps_.push_back(std::move(step));
    }
    ++uses_[output_];
    classes_ = element_count(network.node(output_).output_shape);
    // The largest tensor and its neighbour stay in a second cache of 1 MiB.
    constexpr std::int64_t kCachedElements = 64 * 1024;
    images_at_once_ = std::max<std::int64_t>(1, kCachedElements / largest);
  }

  std::int64_t classes() const { return classes_; }

  /// Writes (N, classes) logits of images (N, H, W, C).
  void run(const Tensor<float>& images, float* logits) const {
    Buffers buffers;
    const std::int64_t count = images.extent(0), size = count > 0 ? images.size() / count : 0;
    for (std::int64_t begin = 0; begin < count; begin += images_at_once_) {
      const std::int64_t part = std::min(images_at_once_, count - begin);
      Tensor<float> batch = buffers.take({part, images.extent(1), images.extent(2), images.extent(3)});
      std::copy_n(images.data() + begin * size, part * size, batch.data());
      Tensor<float> result = run_part(std::move(batch), buffers);
      std::copy_n(result.data(), result.size(), logits + begin * classes_);
      buffers.give(std::move(result));
    }
  }

 private:
  struct Step {
    NodeId id;
    const Node* node;
    std::vector<NodeId> sources;
    std::optional<PackedConvolution> convolution;
  };

  Tensor<float> run_part(Tensor<float> batch, Buffers& buffers) const {
    const std::int64_t images = batch.extent(0);
    std::vector<int> uses = uses_;
    std::vector<Tensor<float>> outputs(uses.size());
    outputs[input_] = std::move(batch);
    for (const Step& step : steps_) {
      if (step.id != input_) outputs[step.id] = run_step(step, images, uses, outputs, buffers);
      for (const NodeId source : step.sources) {
        if (--uses[source] == 0 && !outputs[source].empty()) buffers.give(std::exchange(outputs[source], {}));
      }
    }
    return std::move(outputs[output_]);
  }

  // A tensor that is read for the last time is overwritten where the operation allows it.
  static Tensor<float> run_step(const Step& step, std::int64_t images, const std::vector<int>& uses, std::vector<Tensor<float>>& outputs,
                                Buffers& buffers) {
    const Node& node = *step.node;
    const Shape shape = batch_shape(images, node.output_shape);
    Tensor<float>& first = outputs[step.sources[0]];
    const bool last_read = uses[step.sources[0]] == 1;
    if (last_read && is_unary(node.kind)) {
      if (node.kind != OpKind::kFlatten && node.kind != OpKind::kIdentity) apply_unary(node, first, first);
      return std::move(first).reshaped(shape);
    }
    if (last_read && node.kind == OpKind::kAdd) {
      add(first, outputs[step.sources[1]], first);
      return std::move(first);
    }
    Tensor<float> out = buffers.take(shape);
    if (step.convolution) {
      step.convolution->run(first, out);
      return out;
    }
    std::vector<const Tensor<float>*> inputs;
    for (const NodeId source : step.sources) inputs.push_back(&outputs[source]);
    run_node(node, inputs, out);
    return out;
  }

  NodeId input_, output_;
  std::vector<int> uses_;  // reads of each node's output, the caller's included
  std::vector<Step> steps_;
  std::int64_t classes_ = 0, images_at_once_ = 1;
};

}  // namespace

Tensor<float> evaluate_node(const Network& network, NodeId id, Inputs inputs) {
  check_inputs(network, id, inputs);
  const Node& node = network.node(id);
  Tensor<float> out(batch_shape(inputs[0]->extent(0), node.output_shape));
  run_node(node, inputs, out);
  return out;
}

Tensor<float> evaluate_weighted(const Network& network, NodeId id, const Tensor<float>& input, const Tensor<float>& weight,
                                std::span<const float> bias) {
  const Tensor<float>* const inputs[] = {&input};
  check_inputs(network, id, inputs);
  const Node& node = network.node(id);
  Tensor<float> out(batch_shape(input.extent(0), node.output_shape));
  pack(node, weight, bias).run(input, out);
  return out;
}

std::vector<Tensor<float>> evaluate_all(const Network& network, const Tensor<float>& images) {
  check_images(network, images);
  std::vector<Tensor<float>> outputs(network.size());
  for (const NodeId id : network.topological_order()) {
    if (network.node(id).kind == OpKind::kInput) {
      outputs[id] = images;
      continue;
    }
    std::vector<const Tensor<float>*> inputs;
    for (const NodeId source : network.inputs(id)) inputs.push_back(&outputs[source]);
    outputs[id] = evaluate_node(network, id, inputs);
  }
  return outputs;
}

Tensor<float> evaluate(const Network& network, const Tensor<float>& images) {
  check_images(network, images);
  const PreparedNetwork prepared(network);
  Tensor<float> logits({images.extent(0), prepared.classes()});
  prepared.run(images, logits.data());
  return logits;
}

Result<Tensor<float>> evaluate_dataset(const Network& network, const Dataset& dataset, const Normalization& normalization) {
  const Shape& wanted = network.node(network.input()).output_shape;
  const Shape& given = dataset.images.shape();
  DYAD_EXPECT(given.size() == 4 && wanted.size() == 3, "a data set of images and a network with shapes");
  if (!network.has_weights())
    return Error{network.name.empty() ? "network" : network.name, "has no weights", "add --weights FILE, or give a model that holds them"};
  if (Shape(given.begin() + 1, given.end()) != wanted)
    return Error{dataset.name,
                 "images are " + to_string(Shape(given.begin() + 1, given.end())) + ", the network wants " + to_string(wanted),
                 "give data of the network's image size and channels (height, width, channels)"};
  const auto channels = static_cast<std::size_t>(wanted[2]);
  if (normalization.mean.size() != channels || normalization.stddev.size() != channels)
    return Error{"--normalize", "has " + std::to_string(normalization.mean.size()) + " channels, the images " + std::to_string(channels),
                 "give one mean and one standard deviation a channel"};

  const PreparedNetwork prepared(network);
  Tensor<float> logits({dataset.size(), prepared.classes()});
  parallel_for((dataset.size() + kEvaluationBatch - 1) / kEvaluationBatch, [&](std::int64_t batch) {
    const std::int64_t begin = batch * kEvaluationBatch, count = std::min(kEvaluationBatch, dataset.size() - begin);
    prepared.run(dataset.normalized(begin, count, normalization), logits.data() + begin * prepared.classes());
  });
  return logits;
}

Accuracy accuracy(const Tensor<float>& logits, std::span<const std::int32_t> labels) {
  DYAD_EXPECT(logits.shape().size() == 2 && logits.extent(0) == static_cast<std::int64_t>(labels.size()), "one row of logits a label");
  const std::int64_t classes = logits.extent(1);
  Accuracy result;
  for (const std::int32_t label : labels) {
    const float* row = logits.data() + result.images++ * classes;
    if (label < 0 || label >= classes) continue;
    std::int64_t before = 0;
    for (std::int64_t c = 0; c < classes; ++c) before += row[c] > row[label] || (row[c] == row[label] && c < label);
    result.top1 += before == 0;
    result.top5 += before < 5;
  }
  return result;
}

}  // namespace dyad::network
