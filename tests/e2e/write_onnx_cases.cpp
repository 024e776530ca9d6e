// Small networks of every kind of layer as ONNX, with normalized images and the integer network's real-valued logits, for exports_test.py:
// write_onnx_cases FOLDER writes NAME.onnx, NAME.images (N, C, H, W) and NAME.logits, float32, and prints "NAME channels size classes".
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "dyad/base/files.hpp"
#include "dyad/quantizer/onnx_qdq.hpp"
#include "support/small_networks.hpp"

namespace dyad::quantizer {
namespace {

std::span<const std::uint8_t> bytes_of(const Tensor<float>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), static_cast<std::size_t>(values.size()) * sizeof(float)};
}

Tensor<float> channels_first(const Tensor<float>& nhwc) {
  const std::int64_t n = nhwc.extent(0), area = nhwc.extent(1) * nhwc.extent(2), c = nhwc.extent(3);
  Tensor<float> result({n, c, nhwc.extent(1), nhwc.extent(2)});
  for (std::int64_t i = 0; i < nhwc.size(); ++i) {
    const std::int64_t image = i / (area * c), position = i / c % area, channel = i % c;
    result[(image * c + channel) * area + position] = nhwc[i];
  }
  return result;
}

// Zero points everywhere that they can be, as in networks made by others: of weights, of convolutions' outputs and of sums. What the
// network means changes; what is tested is that both sides compute the same of it.
void add_zero_points(IntegerNetwork& network) {
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    IntegerLayer& layer = network.layers[i];
    if (layer.op == IntegerOp::kAdd) layer.requantizations[1].zero_point = 9;
    if (layer.op != IntegerOp::kConv) continue;
    layer.weight_zero_points = {2};
    const int source = network.inputs[i][0];
    if (source == 0) continue;
    IntegerLayer& producer = network.layers[static_cast<std::size_t>(source) - 1];
    if ((producer.op != IntegerOp::kConv && producer.op != IntegerOp::kRequantize) || producer.requantizations.empty()) continue;
    producer.requantizations[0].zero_point = layer.input_zero_point = 3;
  }
}

void write_case(const std::filesystem::path& folder, const Case& each, LayerBits bits, AverageRounding average, bool zero_points = false) {
  PostTrainingOptions options;
  options.average = average;
  const Dataset images = noise(40, each.size, each.channels);
  const network::Normalization normalization = centred(each.channels);
  const auto calibrated = must(CalibratedNetwork::calibrate(each.make(), images, normalization, options));
  IntegerNetwork network = must(calibrated.quantize(uniform_assignment(calibrated.folded(), bits, true)));
  if (zero_points) add_zero_points(network);
  const std::string name = std::string(each.name) + "_w" + std::to_string(bits.weight) + "a" + std::to_string(bits.activation) + "_" +
                           std::string(to_string(average)) + (zero_points ? "_zero_points" : "");
  const auto write = [&](const char* ending, std::span<const std::uint8_t> bytes) {
    if (const auto done = write_bytes(folder / (name + ending), bytes); !done) throw InternalError(done.error().message);
  };
  write(".onnx", network::serialize_onnx(must(to_onnx(network))));
  write(".images", bytes_of(channels_first(images.normalized(0, images.size(), normalization))));
  write(".logits", bytes_of(integer_logits(network, images)));
  std::cout << name << " " << each.channels << " " << each.size << " " << network.classes() << "\n";
}

// An average pooling that counts its padding, as InceptionV3's, in front of a concatenation.
Network padded_average_network() {
  Builder b(9, 3);
  const NodeId stem = b.op(OpKind::kRelu, {b.conv(0, 8, 3)});
  Node pool = windowed(3, 1, 1);
  pool.count_include_pad = true;
  const NodeId pooled = b.op(OpKind::kRelu, {b.conv(b.op(OpKind::kAveragePool, {stem}, pool), 4, 1)});
  b.op(OpKind::kConcat, {pooled, b.op(OpKind::kRelu, {b.conv(stem, 5, 3)})});
  b.linear(b.op(OpKind::kGlobalAveragePool, {b.last}), 5, 9);
  return b.finish();
}
constexpr Case kPaddedAverage{"padded_average", padded_average_network, 9, 3};

}  // namespace
}  // namespace dyad::quantizer

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using namespace dyad;
  std::vector<quantizer::Case> cases(std::begin(quantizer::kCases), std::end(quantizer::kCases));
  cases.push_back(quantizer::kPaddedAverage);
  for (const quantizer::Case& each : cases) {
    for (const LayerBits bits : {LayerBits{4, 4}, LayerBits{8, 8}, LayerBits{3, 5}})
      quantizer::write_case(argv[1], each, bits, AverageRounding::kHalfUp);
    // With zero points that pooling's padding is not zero, which ONNX can't say.
    if (each.make != quantizer::kPaddedAverage.make)
      for (const LayerBits bits : {LayerBits{4, 4}, LayerBits{8, 8}})
        quantizer::write_case(argv[1], each, bits, AverageRounding::kHalfUp, true);
    for (const AverageRounding average : {AverageRounding::kFloor, AverageRounding::kHalfAway, AverageRounding::kHawq})
      quantizer::write_case(argv[1], each, {8, 8}, average);
  }
  return 0;
}
