#include "dyad/base/integer_layer.hpp"

#include <gtest/gtest.h>

#include "dyad/base/integer_backend.hpp"

namespace dyad {
namespace {

TEST(Storage, IsTheSmallestThatHoldsTheFormat) {
  for (int bits = 1; bits <= 32; ++bits)
    for (const bool is_signed : {false, true}) {
      if (bits == 32 && !is_signed) continue;  // unsigned 32 bits do not occur: accumulators are int32
      const BitWidth format{bits, is_signed};
      IntegerTensor tensor({2}, format);
      tensor.set(0, static_cast<std::int32_t>(format.lowest()));
      tensor.set(1, static_cast<std::int32_t>(format.highest()));
      EXPECT_EQ(tensor.get(0), format.lowest()) << bits << is_signed;
      EXPECT_EQ(tensor.get(1), format.highest()) << bits << is_signed;
      if (bits <= 8) {
        EXPECT_EQ(element_bytes(tensor.storage()), 1u);
      }
      if (bits > 16) {
        EXPECT_EQ(element_bytes(tensor.storage()), 4u);
      }
    }
  EXPECT_EQ(storage_for({16, false}), Storage::kInt32);  // 65535 does not fit int16
  EXPECT_EQ(storage_for({15, false}), Storage::kInt16);
}

TEST(Requantization, TakesOneRatioForAllChannelsOrOneForEach) {
  Requantization tensor_wide{{{1, 1}}, {}, Rounding::kHalfUp, 3};
  EXPECT_EQ(tensor_wide.apply(5, 7), 6);  // floor(2.5 + 0.5) + 3
  Requantization by_channel{{{1, 0}, {1, 1}}, {}, Rounding::kFloor, 0};
  EXPECT_EQ(by_channel.apply(5, 0), 5);
  EXPECT_EQ(by_channel.apply(5, 1), 2);
  Requantization by_float{{}, {0.5f}, Rounding::kFloat32Scale, -1};
  EXPECT_EQ(by_float.apply(5, 2), 1);  // rne(2.5) - 1
}

TEST(IntegerBackends, AnUnknownNameListsThoseThatExist) {
  register_integer_backend("test-backend", []() -> Result<std::unique_ptr<IntegerBackend>> {
    return Error{"--backend", "never made", ""};
  });
  const auto unknown = make_integer_backend("tpu");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().place, "--backend");
  EXPECT_NE(unknown.error().hint.find("test-backend"), std::string::npos);
  EXPECT_THROW(register_integer_backend("test-backend", {}), InternalError);
}

TEST(Names, GoThereAndBack) {
  for (const Rounding rounding :
       {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kFloor, Rounding::kGemmlowp, Rounding::kFloat32Scale})
    EXPECT_EQ(rounding_from_name(to_string(rounding)), rounding);
  for (const IntegerOp op : {IntegerOp::kConv, IntegerOp::kAdd, IntegerOp::kConcat, IntegerOp::kRequantize, IntegerOp::kMaxPool,
                             IntegerOp::kAveragePool, IntegerOp::kSubsample, IntegerOp::kFlatten})
    EXPECT_EQ(integer_op_from_name(to_string(op)), op);
  EXPECT_EQ(rounding_from_name("nearest"), std::nullopt);
}

}  // namespace
}  // namespace dyad
