#include "dyad/workflow/layer_flags.hpp"

#include <gtest/gtest.h>

namespace dyad::workflow {
namespace {

TEST(ParseGemm, MakesAProduct) {
  const auto layer = parse_gemm("196,256,2304");
  ASSERT_TRUE(layer);
  EXPECT_EQ(layer->shape.macs(), 196LL * 256 * 2304);
  EXPECT_EQ(layer->shape.out_channels, 256);
  EXPECT_EQ(layer->shape.reduction(), 2304);
  EXPECT_EQ(layer->batch, 1);
}

TEST(ParseGemm, RefusesOtherText) {
  for (const char* text : {"", "1,2", "1,2,3,4", "0,1,1", "-1,2,3", "1,2,x", "1,2,3 ", "1,,3", "99999999999,1,1"}) {
    const auto layer = parse_gemm(text);
    ASSERT_FALSE(layer) << text;
    EXPECT_EQ(layer.error().place, "--gemm");
    EXPECT_FALSE(layer.error().hint.empty());
  }
}

TEST(ParseConv, MakesTheStatedOutput) {
  const auto layer = parse_conv("batch=16,kernel=3,output=56,stride=2,in=64,out=128,groups=2");
  ASSERT_TRUE(layer) << layer.error().message;
  const LayerShape& shape = layer->shape;
  EXPECT_EQ(layer->batch, 16);
  EXPECT_EQ(shape.macs(), 56LL * 56 * 128 * 9 * 32);
  EXPECT_EQ(shape.in_h, 112);
  EXPECT_EQ(shape.window.output_h(shape.in_h), 56);
  for (const char* text :
       {"kernel=1,output=7,stride=2,in=8,out=8", "kernel=7,output=5,in=8,out=8", "kernel=2,output=9,stride=3,in=1,out=1"}) {
    const auto other = parse_conv(text);
    ASSERT_TRUE(other) << text;
    EXPECT_EQ(other->shape.window.output_w(other->shape.in_w), other->shape.out_w) << text;
    EXPECT_FALSE(other->batch.has_value());
  }
}

TEST(ParseConv, RefusesOtherText) {
  for (const char* text :
       {"", "kernel=3", "kernel=3,output=8,in=4", "kernel=3,output=8,in=4,out=4,depth=2", "kernel=0,output=8,in=4,out=4",
        "kernel=3,output=8,in=4,out=4,groups=3", "kernel=3,kernel=3,output=8,in=4,out=4", "kernel,output=8,in=4,out=4"}) {
    const auto layer = parse_conv(text);
    ASSERT_FALSE(layer) << text;
    EXPECT_EQ(layer.error().place, "--conv");
    EXPECT_FALSE(layer.error().hint.empty());
  }
}

}  // namespace
}  // namespace dyad::workflow
