#include "dyad/base/layer_shape.hpp"

#include <gtest/gtest.h>

namespace dyad {
namespace {

TEST(Window, OutputSizeFollowsTheUsualFormula) {
  // ResNet's stem: (224 + 3 + 3 - 6 - 1) / 2 + 1 = 112.
  EXPECT_EQ((Window{7, 7, 2, 2, 3, 3, 3, 3}.output_h(224)), 112);
  // Asymmetric padding and dilation by hand: span = 2 * (3 - 1) + 1 = 5; (10 + 0 + 1 - 5) / 3 + 1 = 3.
  EXPECT_EQ((Window{1, 3, 1, 3, 0, 0, 0, 1, 1, 2}.output_w(10)), 3);
}

TEST(LayerShape, CountsResNet18sFirstConvolution) {
  LayerShape layer{"conv", LayerKind::kConv, 224, 224, 3, 112, 112, 64, 1, Window{7, 7, 2, 2, 3, 3, 3, 3}};
  EXPECT_EQ(layer.weight_count(), 9408);
  EXPECT_EQ(layer.macs(), 118013952);  // HAWQ-V3's fixed layer
  EXPECT_FALSE(layer.is_depthwise());
}

TEST(LayerShape, DepthwiseReducesOverItsOwnChannel) {
  LayerShape layer{"dw", LayerKind::kConv, 112, 112, 32, 112, 112, 32, 32, Window{3, 3, 1, 1, 1, 1, 1, 1}};
  EXPECT_TRUE(layer.is_depthwise());
  EXPECT_EQ(layer.reduction(), 9);
  EXPECT_EQ(layer.weight_count(), 288);
  EXPECT_EQ(layer.macs(), 9 * 112 * 112 * 32);
  layer.kind = LayerKind::kMaxPool;
  EXPECT_EQ(layer.macs(), 0);
}

}  // namespace
}  // namespace dyad
