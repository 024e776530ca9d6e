/// \file Complete HAWQ-V3 residual blocks (vectors hawq_res_blocks*.json) as integer layers on any backend.
/// Flow: x (16 bits) -> quant_act -> [conv, relu, requantize]* -> last conv's accumulator; plus the identity, which is x itself
/// or the accumulator of an identity conv on the same quant_act output; sum unclamped; relu. Ties to even throughout.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dyad/base/integer_backend.hpp"
#include "dyad/base/json.hpp"

namespace dyad::testing_support {

inline constexpr BitWidth kInt32{32, true};

inline float scale_of(const Json& node) { return node.is_array() ? node.at(0).get<float>() : node.get<float>(); }

inline IntegerTensor run(const IntegerBackend& backend, const IntegerLayer& layer, const std::vector<const IntegerTensor*>& inputs) {
  auto prepared = backend.prepare(layer);
  if (!prepared) throw InternalError(prepared.error().place + ": " + prepared.error().message);
  IntegerTensor output({inputs[0]->shape()[0], layer.shape.out_h, layer.shape.out_w, layer.shape.out_channels}, layer.output);
  (*prepared)->run(inputs, output);
  return output;
}

inline BitWidth format_of(const Json& act) { return {act.at("bits").get<int>(), act.at("mode").get<std::string>() == "symmetric"}; }

inline Requantization requantization(const std::vector<float>& weight_scales, float scale_in, float scale_out) {
  Requantization r;
  r.rounding = Rounding::kHalfEven;
  for (const float each : weight_scales) r.ratios.push_back(*dyadic_from_ratio(requantization_ratio(scale_in, each, scale_out)));
  return r;
}

inline IntegerLayer rescale(const std::string& name, const Shape& shape, BitWidth from, BitWidth to, Requantization ratio) {
  IntegerLayer layer;
  layer.name = name;
  layer.op = IntegerOp::kRequantize;
  layer.shape.in_h = layer.shape.out_h = shape[1];
  layer.shape.in_w = layer.shape.out_w = shape[2];
  layer.shape.in_channels = layer.shape.out_channels = shape[3];
  layer.inputs = {from};
  layer.output = to;
  layer.requantizations = {std::move(ratio)};
  return layer;
}

// A convolution from the file: weights (K, C, R, S).
inline IntegerLayer conv(const Json& node, const Shape& input, BitWidth format) {
  IntegerLayer layer;
  layer.name = "conv";
  LayerShape& s = layer.shape;
  const auto extents = node.at("shape").get<Shape>();
  s.in_h = input[1];
  s.in_w = input[2];
  s.in_channels = input[3];
  s.out_channels = extents[0];
  s.window.kernel_h = static_cast<int>(extents[2]);
  s.window.kernel_w = static_cast<int>(extents[3]);
  s.window.stride_h = s.window.stride_w = node.at("stride").get<int>();
  s.window.pad_top = s.window.pad_left = s.window.pad_bottom = s.window.pad_right = node.at("padding").get<int>();
  s.out_h = s.window.output_h(s.in_h);
  s.out_w = s.window.output_w(s.in_w);
  layer.inputs = {format};
  layer.output = kInt32;
  layer.requantize = false;
  layer.weights = Tensor<std::int8_t>({extents[0], extents[2], extents[3], extents[1]});
  const auto values = node.at("weight_int").get<std::vector<int>>();
  std::size_t at = 0;
  for (std::int64_t k = 0; k < extents[0]; ++k)
    for (std::int64_t c = 0; c < extents[1]; ++c)
      for (std::int64_t i = 0; i < extents[2] * extents[3]; ++i)
        layer.weights[(k * extents[2] * extents[3] + i) * extents[1] + c] = static_cast<std::int8_t>(values[at++]);
  layer.bias = node.at("bias_int").get<std::vector<std::int32_t>>();
  return layer;
}

// Integers of an (N, C, H, W) list as (N, H, W, C).
inline IntegerTensor from_nchw(const Shape& nchw, const std::vector<std::int32_t>& values, BitWidth format) {
  IntegerTensor tensor({nchw[0], nchw[2], nchw[3], nchw[1]}, format);
  const std::int64_t pixels = nchw[2] * nchw[3];
  for (std::int64_t i = 0; i < tensor.size(); ++i)
    tensor.set((i / (nchw[1] * pixels) * pixels + i % pixels) * nchw[1] + i / pixels % nchw[1], values[static_cast<std::size_t>(i)]);
  return tensor;
}

/// Elements of a block's output in which `backend` differs from the file.
inline std::int64_t hawq_block_mismatches(const Json& block, const IntegerBackend& backend) {
  const Json& acts = block.at("acts");
  const Json& convs = block.at("convbn");
  const Shape nchw = block.at("input_shape").get<Shape>();
  const float s_x = scale_of(block.at("s_x")), s_out = scale_of(block.at("s_out"));
  const IntegerTensor x = from_nchw(nchw, block.at("x_int16").get<std::vector<std::int32_t>>(), {16, true});

  const Json* act = &acts.at("quant_act");
  const BitWidth block_format = format_of(*act);
  const float block_scale = scale_of(act->at("scale"));
  const IntegerTensor block_input =
      run(backend, rescale("quant_act", x.shape(), x.format(), block_format, requantization({1.0f}, s_x, block_scale)), {&x});

  const int count = block.at("kind") == "basic" ? 2 : 3;
  IntegerTensor activation = block_input;
  float scale = block_scale;
  std::vector<float> weight_scales;
  for (int i = 1; i <= count; ++i) {
    const Json& node = convs.at("quant_convbn" + std::to_string(i));
    weight_scales = node.at("s_w").get<std::vector<float>>();
    IntegerLayer layer = conv(node, activation.shape(), activation.format());
    if (i < count) {
      act = &acts.at("quant_act" + std::to_string(i));
      layer.requantize = layer.relu = true;
      layer.output = format_of(*act);
      layer.requantizations = {requantization(weight_scales, scale, scale_of(act->at("scale")))};
      scale = scale_of(act->at("scale"));
    }
    activation = run(backend, layer, {&activation});
  }

  IntegerTensor identity = x;
  Requantization identity_ratio = requantization({1.0f}, s_x, s_out);
  if (block.at("resize_identity").get<bool>()) {
    const Json& node = convs.at("quant_identity_convbn");
    identity = run(backend, conv(node, block_input.shape(), block_format), {&block_input});
    identity_ratio = requantization(node.at("s_w").get<std::vector<float>>(), block_scale, s_out);
  }
  IntegerLayer sum = rescale("sum", activation.shape(), kInt32, kInt32, requantization(weight_scales, scale, s_out));
  sum.op = IntegerOp::kAdd;
  sum.inputs = {kInt32, identity.format()};
  sum.requantizations.push_back(identity_ratio);
  sum.relu = true;
  const IntegerTensor out = run(backend, sum, {&activation, &identity});
  const IntegerTensor expected =
      from_nchw(block.at("out_shape").get<Shape>(), block.at("out_int").get<std::vector<std::int32_t>>(), kInt32);
  if (out.shape() != expected.shape()) return expected.size();
  std::int64_t count_of_mismatches = 0;
  for (std::int64_t i = 0; i < out.size(); ++i) count_of_mismatches += out.get(i) != expected.get(i);
  return count_of_mismatches;
}

}  // namespace dyad::testing_support
