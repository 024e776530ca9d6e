// Lowering to integers against its float twin on every kind of graph, and the formats that it chooses.
#include <gtest/gtest.h>

#include <algorithm>

#include "dyad/quantizer/post_training.hpp"
#include "support/small_networks.hpp"

namespace dyad::quantizer {
namespace {

TEST(Lowering, IntegersFollowTheFloatTwinOnEveryGraph) {
  for (const Case& c : kCases) {
    const Dataset calibration = noise(64, c.size, c.channels), fresh = noise(32, c.size, c.channels, 99);
    for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kFloat32Scale}) {
      PostTrainingOptions options;
      options.rounding = rounding;
      const auto calibrated = must(CalibratedNetwork::calibrate(c.make(), calibration, centred(c.channels), options));
      for (const LayerBits bits : {LayerBits{8, 8}, LayerBits{5, 6}, LayerBits{4, 4}, LayerBits{2, 3}}) {
        const BitAssignment assignment = uniform_assignment(calibrated.folded(), bits, true);
        const IntegerNetwork net = must(calibrated.quantize(assignment));
        const auto valid = validate(net, "test");
        ASSERT_TRUE(valid) << valid.error().message;
        const Tensor<float> integer = integer_logits(net, fresh), twin = must(evaluate_quantized(calibrated, assignment, fresh));
        // The two differ by roundings to 16 bits and by ties of requantization that fall the other way: few at 8 bits, larger steps below.
        const double limit = bits.activation == 8 ? 2e-4 : bits.activation == 6 ? 1e-3 : bits.activation == 4 ? 4e-3 : 1e-2;
        EXPECT_LT(logits_error(twin, integer).mse / variance(twin), limit) << c.name << " W" << bits.weight << "A" << bits.activation;
      }
      const BitAssignment w8a8 = uniform_assignment(calibrated.folded(), {8, 8}, true);
      const Tensor<float> reference = evaluate_float(calibrated, fresh);
      if (c.make == mobile_network) continue;  // its float output is after the softmax
      EXPECT_LT(logits_error(reference, integer_logits(must(calibrated.quantize(w8a8)), fresh)).mse / variance(reference), 5e-3) << c.name;
    }
  }
}

TEST(Lowering, CpuBackendGivesTheSameIntegers) {
  for (const Case& c : kCases) {
    const auto calibrated = must(CalibratedNetwork::calibrate(c.make(), noise(32, c.size, c.channels), centred(c.channels), {}));
    const IntegerNetwork net = must(calibrated.quantize(uniform_assignment(calibrated.folded(), {5, 7}, false)));
    const Dataset fresh = noise(9, c.size, c.channels, 3);
    EXPECT_EQ(integer_logits(net, fresh, "scalar"), integer_logits(net, fresh, "cpu")) << c.name;
  }
}

const IntegerLayer& layer_of(const IntegerNetwork& net, const std::string& name) {
  const auto found = std::find_if(net.layers.begin(), net.layers.end(), [&](const IntegerLayer& l) { return l.name == name; });
  if (found == net.layers.end()) throw InternalError("no layer " + name);
  return *found;
}

TEST(Lowering, ResidualBlocksHaveTheFormatsOfHawq) {
  const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), noise(32, 8, 3), centred(3), {}));
  const IntegerNetwork net = must(calibrated.quantize(uniform_assignment(calibrated.folded(), {4, 4}, false)));
  EXPECT_EQ(net.input.format, (BitWidth{8, true}));
  EXPECT_EQ(net.input.scale, 2.0f / 127.0f);                       // (1 - 0.5) / 0.25
  EXPECT_EQ(layer_of(net, "conv1").output, (BitWidth{16, true}));  // stem: read by a convolution and an addition
  EXPECT_TRUE(layer_of(net, "conv1").relu);
  EXPECT_EQ(layer_of(net, "conv3").output, (BitWidth{4, false}));  // straight to the next convolution
  EXPECT_FALSE(layer_of(net, "conv5").requantize);                 // raw sums into the addition
  EXPECT_EQ(layer_of(net, "add6").inputs, (std::vector<BitWidth>{{32, true}, {16, true}}));
  EXPECT_EQ(layer_of(net, "add6").output, (BitWidth{16, true}));
  EXPECT_EQ(layer_of(net, "add6").requantizations.at(0).ratios.size(), 8u);
  EXPECT_EQ(layer_of(net, "add6").requantizations.at(1).ratios.size(), 1u);
  EXPECT_EQ(layer_of(net, "add6").op, IntegerOp::kAdd);
  int narrowed = 0;  // relu of the second block is read by two convolutions at equal bits: one requantization serves both
  for (const IntegerLayer& l : net.layers) narrowed += l.op == IntegerOp::kRequantize ? 1 : 0;
  EXPECT_EQ(narrowed, 4);  // stem, first, second, pooled
  EXPECT_EQ(net.output_scales.size(), 1u);
  EXPECT_EQ(net.layers.back().output, (BitWidth{32, true}));
}

TEST(Lowering, UnsignedPixelsLoseNothing) {
  const auto calibrated = must(CalibratedNetwork::calibrate(convolutional_network(), noise(8, 6, 1), {{0.0f}, {1.0f}}, {}));
  const IntegerNetwork net = must(calibrated.quantize(uniform_assignment(calibrated.folded(), {8, 8}, false)));
  EXPECT_EQ(net.input.format, (BitWidth{8, false}));
  for (int v = 0; v < 256; ++v) EXPECT_EQ(net.input.table[v], v);
}

TEST(Lowering, FastFormIsUsedWhereItFits) {
  PostTrainingOptions options;
  options.form = RequantizationForm::kShift32;
  const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), noise(16, 8, 3), centred(3), options));
  const IntegerNetwork net = must(calibrated.quantize(uniform_assignment(calibrated.folded(), {8, 8}, false)));
  int fast = 0;
  for (const IntegerLayer& l : net.layers)
    for (const Requantization& r : l.requantizations) {
      const bool all = std::all_of(r.ratios.begin(), r.ratios.end(), [](Dyadic d) { return d.shift == 32; });
      if (all && r.ratios.size() > 1) ++fast;
    }
  EXPECT_GT(fast, 0);
  const Dataset fresh = noise(16, 8, 3, 5);
  const Tensor<float> reference = evaluate_float(calibrated, fresh);
  EXPECT_LT(logits_error(reference, integer_logits(net, fresh)).mse / variance(reference), 5e-3);
}

TEST(Lowering, NarrowCarriersWork) {
  PostTrainingOptions options;
  options.residual_bits = 8;
  const auto calibrated = must(CalibratedNetwork::calibrate(residual_network(), noise(64, 8, 3), centred(3), options));
  const BitAssignment w8a8 = uniform_assignment(calibrated.folded(), {8, 8}, false);
  const IntegerNetwork net = must(calibrated.quantize(w8a8));
  EXPECT_EQ(layer_of(net, "add6").output, (BitWidth{8, false}));  // narrow and never negative: unsigned
  const Dataset fresh = noise(32, 8, 3, 5);
  const Tensor<float> twin = must(evaluate_quantized(calibrated, w8a8, fresh));
  EXPECT_LT(logits_error(twin, integer_logits(net, fresh)).mse / variance(twin), 2e-3);
}

TEST(Lowering, UnsupportedOperationIsAnErrorNamingTheNode) {
  Builder b(4, 1);
  b.op(OpKind::kSigmoid, {b.conv(0, 3, 3)});
  b.linear(b.op(OpKind::kGlobalAveragePool, {b.last}), 2, 3);
  const auto calibrated = must(CalibratedNetwork::calibrate(b.finish(), noise(4, 4, 1), centred(1), {}));
  const auto net = calibrated.quantize(uniform_assignment(calibrated.folded(), {8, 8}, false));
  ASSERT_FALSE(net);
  EXPECT_NE(net.error().place.find("sigmoid2"), std::string::npos) << net.error().place;
}

TEST(Lowering, ChannelsAlmostSwitchedOffDoNotOverflow) {
  Builder b(4, 1);
  const NodeId conv = b.conv(0, 3, 3);
  for (std::int64_t i = 0; i < 9; ++i) b.net.node(conv).weight[i] *= 1e-14f;  // batch normalization with a tiny gamma leaves only its bias
  for (std::int64_t i = 9; i < 18; ++i) b.net.node(conv).weight[i] = 0;
  b.net.node(conv).bias = {1.5f, -0.5f, 0.25f};
  b.linear(b.op(OpKind::kGlobalAveragePool, {b.op(OpKind::kRelu, {conv})}), 2, 3);
  const auto calibrated = must(CalibratedNetwork::calibrate(b.finish(), noise(16, 4, 1), centred(1), {}));
  const IntegerNetwork net = must(calibrated.quantize(uniform_assignment(calibrated.folded(), {8, 8}, false)));
  const Dataset fresh = noise(8, 4, 1, 2);
  const Tensor<float> reference = evaluate_float(calibrated, fresh);
  const Tensor<float> integer = integer_logits(net, fresh);
  for (std::int64_t i = 0; i < integer.size(); ++i) EXPECT_NEAR(integer[i], reference[i], 0.02) << i;
}

}  // namespace
}  // namespace dyad::quantizer
