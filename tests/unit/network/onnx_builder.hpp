/// \file Small ONNX models for tests, and a slow reference of their operators in the file's own (N, C, H, W) order, batch 1, in double.
#pragma once

#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <string>
#include <vector>

#include "dyad/base/files.hpp"
#include "dyad/base/random.hpp"
#include "dyad/network/float_executor.hpp"
#include "dyad/network/import.hpp"
#include "support/test_data.hpp"

namespace dyad::network::onnx_test {

/// (C, H, W) in double.
struct Image {
  std::int64_t c = 1, h = 1, w = 1;
  std::vector<double> values;
  Image(std::int64_t channels, std::int64_t height, std::int64_t width)
      : c(channels), h(height), w(width), values(static_cast<std::size_t>(c * h * w)) {}
  double& at(std::int64_t k, std::int64_t y, std::int64_t x) { return values[static_cast<std::size_t>((k * h + y) * w + x)]; }
  double at(std::int64_t k, std::int64_t y, std::int64_t x) const { return values[static_cast<std::size_t>((k * h + y) * w + x)]; }
};

/// Multiples of 1/8 in [-2, 2): sums of their products are exact in float32, whatever their order.
inline std::vector<float> eighths(std::int64_t count, std::uint64_t seed) {
  std::vector<float> values;
  std::uint64_t state = seed * 2654435761u + 12345;
  for (std::int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    values.push_back(static_cast<float>(static_cast<int>((state >> 33) % 32) - 16) / 8);
  }
  return values;
}

inline Image test_image(std::int64_t c, std::int64_t h, std::int64_t w, std::uint64_t seed = 1) {
  Image image(c, h, w);
  const std::vector<float> values = eighths(c * h * w, seed);
  image.values.assign(values.begin(), values.end());
  return image;
}

/// Builds a ModelProto with one input `x`.
class ModelBuilder {
 public:
  explicit ModelBuilder(const std::vector<std::int64_t>& chw, int opset = 13) {
    model_.set_ir_version(7);
    model_.add_opset_import()->set_version(opset);
    auto* input = graph().add_input();
    input->set_name("x");
    auto* type = input->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape()->add_dim()->set_dim_param("N");
    for (const std::int64_t extent : chw) type->mutable_shape()->add_dim()->set_dim_value(extent);
  }

  onnx::ModelProto& model() { return model_; }
  onnx::GraphProto& graph() { return *model_.mutable_graph(); }

  ModelBuilder& floats(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<float>& values) {
    auto* tensor = graph().add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : dims) tensor->add_dims(extent);
    tensor->set_raw_data(values.data(), values.size() * sizeof(float));
    return *this;
  }
  ModelBuilder& integers(const std::string& name, const std::vector<std::int64_t>& values) {
    auto* tensor = graph().add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::INT64);
    tensor->add_dims(static_cast<std::int64_t>(values.size()));
    for (const std::int64_t value : values) tensor->add_int64_data(value);
    return *this;
  }

  /// A node named after its output.
  ModelBuilder& node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
    auto* node = graph().add_node();
    node->set_op_type(op);
    node->set_name(output);
    for (const std::string& input : inputs) node->add_input(input);
    node->add_output(output);
    return *this;
  }
  onnx::NodeProto& last() { return *graph().mutable_node(graph().node_size() - 1); }
  ModelBuilder& attribute(const std::string& name, std::int64_t value) {
    auto* attribute = add_attribute(name, onnx::AttributeProto::INT);
    attribute->set_i(value);
    return *this;
  }
  ModelBuilder& attribute(const std::string& name, const std::vector<std::int64_t>& values) {
    auto* attribute = add_attribute(name, onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute->add_ints(value);
    return *this;
  }
  ModelBuilder& real(const std::string& name, float value) {
    add_attribute(name, onnx::AttributeProto::FLOAT)->set_f(value);
    return *this;
  }
  ModelBuilder& text(const std::string& name, const std::string& value) {
    add_attribute(name, onnx::AttributeProto::STRING)->set_s(value);
    return *this;
  }

  ModelBuilder& output(const std::string& name) {
    graph().add_output()->set_name(name);
    return *this;
  }
  std::string bytes() const { return model_.SerializeAsString(); }

  Result<Network> import() const {
    const testing_support::TemporaryFolder folder;
    EXPECT_TRUE(write_text(folder / "test.onnx", bytes()));
    return import_onnx(folder / "test.onnx");
  }
  Network imported() const {
    auto network = import();
    EXPECT_TRUE(network) << (network ? "" : network.error().place + ": " + network.error().message);
    return network ? *std::move(network) : Network();
  }
  Error fault() const {
    auto network = import();
    EXPECT_FALSE(network);
    return network ? Error{} : network.error();
  }

 private:
  onnx::AttributeProto* add_attribute(const std::string& name, onnx::AttributeProto::AttributeType type) {
    auto* attribute = last().add_attribute();
    attribute->set_name(name);
    attribute->set_type(type);
    return attribute;
  }
  onnx::ModelProto model_;
};

/// The network's output as (C, H, W) in the file's order.
inline Image evaluated(const Network& network, const Image& image) {
  Tensor<float> input({1, image.h, image.w, image.c});
  for (std::int64_t c = 0; c < image.c; ++c)
    for (std::int64_t y = 0; y < image.h; ++y)
      for (std::int64_t x = 0; x < image.w; ++x) input[(y * image.w + x) * image.c + c] = static_cast<float>(image.at(c, y, x));
  const Tensor<float> result = evaluate_all(network, input)[network.output()];
  const Shape& shape = network.node(network.output()).output_shape;
  Image output(shape[2], shape[0], shape[1]);
  for (std::int64_t y = 0; y < shape[0]; ++y)
    for (std::int64_t x = 0; x < shape[1]; ++x)
      for (std::int64_t c = 0; c < shape[2]; ++c) output.at(c, y, x) = static_cast<double>(result[(y * shape[1] + x) * shape[2] + c]);
  return output;
}

inline void expect_equal(const Image& actual, const Image& expected, double tolerance = 0) {
  ASSERT_EQ(actual.c, expected.c);
  ASSERT_EQ(actual.h, expected.h);
  ASSERT_EQ(actual.w, expected.w);
  for (std::size_t i = 0; i < expected.values.size(); ++i) ASSERT_NEAR(actual.values[i], expected.values[i], tolerance) << "element " << i;
}

struct ConvCase {
  std::int64_t channels, h, w, filters, kernel_h, kernel_w;
  std::int64_t groups = 1;
  std::vector<std::int64_t> strides = {1, 1}, dilations = {1, 1}, pads = {0, 0, 0, 0};  // pads: top, left, bottom, right
};

/// The definition of ONNX Conv. weight (K, C / groups, R, S).
inline Image reference_conv(const Image& x, const ConvCase& t, const std::vector<float>& weight, const std::vector<float>& bias) {
  const std::int64_t out_h = (t.h + t.pads[0] + t.pads[2] - t.dilations[0] * (t.kernel_h - 1) - 1) / t.strides[0] + 1;
  const std::int64_t out_w = (t.w + t.pads[1] + t.pads[3] - t.dilations[1] * (t.kernel_w - 1) - 1) / t.strides[1] + 1;
  Image y(t.filters, out_h, out_w);
  const std::int64_t depth = t.channels / t.groups, filters_per_group = t.filters / t.groups;
  for (std::int64_t k = 0; k < t.filters; ++k)
    for (std::int64_t oy = 0; oy < out_h; ++oy)
      for (std::int64_t ox = 0; ox < out_w; ++ox) {
        double sum = bias.empty() ? 0 : static_cast<double>(bias[static_cast<std::size_t>(k)]);
        for (std::int64_t c = 0; c < depth; ++c)
          for (std::int64_t r = 0; r < t.kernel_h; ++r)
            for (std::int64_t s = 0; s < t.kernel_w; ++s) {
              const std::int64_t iy = oy * t.strides[0] - t.pads[0] + r * t.dilations[0],
                                 ix = ox * t.strides[1] - t.pads[1] + s * t.dilations[1];
              if (iy < 0 || iy >= t.h || ix < 0 || ix >= t.w) continue;
              sum += x.at(k / filters_per_group * depth + c, iy, ix) *
                     static_cast<double>(weight[static_cast<std::size_t>(((k * depth + c) * t.kernel_h + r) * t.kernel_w + s)]);
            }
        y.at(k, oy, ox) = sum;
      }
  return y;
}

}  // namespace dyad::network::onnx_test
