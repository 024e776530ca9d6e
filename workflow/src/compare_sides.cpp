#include "compare_sides.hpp"

#include <algorithm>

#include "dyad/kernels/executor.hpp"
#include "dyad/network/float_executor.hpp"
#include "evaluation_parts.hpp"

namespace dyad::workflow {
namespace {

using network::NodeId;
using network::OpKind;

class IntegerSide final : public ComparedSide {
 public:
  IntegerSide(const quantizer::IntegerNetwork& network, kernels::Executor executor, const network::Dataset& images)
      : executor_(std::move(executor)), images_(images) {
    for (const IntegerLayer& layer : network.layers) {
      ComparedLayer entry;
      entry.name = layer.name;
      entry.shape = {layer.shape.out_h, layer.shape.out_w, layer.shape.out_channels};
      entry.format = (layer.output.is_signed ? "s" : "u") + std::to_string(layer.output.bits);
      entry.has_activation = layer.relu;
      entry.is_accumulator = layer.op == IntegerOp::kConv && !layer.requantize;
      layers_.push_back(std::move(entry));
    }
  }

  bool is_float() const override { return false; }
  const std::vector<ComparedLayer>& layers() const override { return layers_; }

  std::vector<Values> run(std::int64_t begin, std::int64_t count) const override {
    Shape shape = images_.images.shape();
    const std::int64_t each = images_.images.size() / shape[0];
    shape[0] = count;
    const auto bytes = images_.images.values().subspan(static_cast<std::size_t>(begin * each), static_cast<std::size_t>(count * each));
    const Tensor<std::uint8_t> batch(shape, std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
    std::vector<Values> all;
    for (const IntegerTensor& tensor : executor_.run_all(batch))
      tensor.visit([&](auto values) { all.emplace_back(values.begin(), values.end()); });
    return all;
  }

 private:
  kernels::Executor executor_;
  const network::Dataset& images_;
  std::vector<ComparedLayer> layers_;
};

class FloatSide final : public ComparedSide {
 public:
  FloatSide(network::Network folded, network::Normalization normalization, const network::Dataset& images)
      : network_(std::move(folded)), normalization_(std::move(normalization)), images_(images), order_(network_.execution_order()) {
    for (const NodeId id : order_) {
      const network::Node& node = network_.node(id);
      ComparedLayer entry;
      entry.name = node.name;
      entry.shape = node.output_shape;
      entry.format = "float32";
      entry.is_free = node.kind == OpKind::kInput || node.kind == OpKind::kIdentity || node.kind == OpKind::kFlatten ||
                      node.kind == OpKind::kSoftmax || is_activation(node.kind);
      entry.activated = layers_.size();
      const std::vector<NodeId> readers = network_.consumers(id);
      if (readers.size() == 1 && is_activation(network_.node(readers[0]).kind))
        entry.activated = static_cast<std::size_t>(std::find(order_.begin(), order_.end(), readers[0]) - order_.begin());
      layers_.push_back(std::move(entry));
    }
  }

  bool is_float() const override { return true; }
  const std::vector<ComparedLayer>& layers() const override { return layers_; }

  std::vector<Values> run(std::int64_t begin, std::int64_t count) const override {
    const std::vector<Tensor<float>> outputs = network::evaluate_all(network_, images_.normalized(begin, count, normalization_));
    std::vector<Values> all;
    for (const NodeId id : order_) all.emplace_back(outputs[id].values().begin(), outputs[id].values().end());
    return all;
  }

 private:
  static bool is_activation(OpKind kind) { return kind == OpKind::kRelu || kind == OpKind::kRelu6; }

  network::Network network_;
  network::Normalization normalization_;
  const network::Dataset& images_;
  std::vector<NodeId> order_;
  std::vector<ComparedLayer> layers_;
};

}  // namespace

Result<std::unique_ptr<ComparedSide>> integer_side(const quantizer::IntegerNetwork& network, const IntegerBackend& backend,
                                                   const network::Dataset& images) {
  DYAD_CHECK(check_image_shape(images, network.input.height, network.input.width, network.input.channels));
  DYAD_TRY(kernels::Executor executor, kernels::Executor::create(network, backend));
  return std::unique_ptr<ComparedSide>(std::make_unique<IntegerSide>(network, std::move(executor), images));
}

Result<std::unique_ptr<ComparedSide>> float_side(const network::Network& network, const network::Normalization& normalization,
                                                 const network::Dataset& images) {
  if (!network.has_weights()) return Error{network.name, "has no weights", "give a model file, or --weights"};
  DYAD_TRY(network::Network folded, network::fold_batch_norms(network));
  DYAD_CHECK(folded.infer_shapes());
  const Shape& in = folded.node(folded.input()).output_shape;
  DYAD_CHECK(check_image_shape(images, in.at(0), in.at(1), in.at(2)));
  return std::unique_ptr<ComparedSide>(std::make_unique<FloatSide>(std::move(folded), normalization, images));
}

}  // namespace dyad::workflow
