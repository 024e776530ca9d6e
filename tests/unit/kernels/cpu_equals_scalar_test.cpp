// The cpu backend against the scalar one, element by element, on every instruction set that this machine has.
#include <gtest/gtest.h>

#include <cstdlib>

#include "dyad/base/parallel.hpp"
#include "dyad/kernels/backends.hpp"
#include "random_layers.hpp"

namespace dyad::kernels {
namespace {

// Runs the layer; a refusal is a test failure.
IntegerTensor run(const IntegerBackend& backend, const RandomLayer& random) {
  auto prepared = backend.prepare(random.layer);
  if (!prepared) throw InternalError(prepared.error().place + ": " + prepared.error().message);
  const auto pointers = random.pointers();
  IntegerTensor output({pointers[0]->shape()[0], random.layer.shape.out_h, random.layer.shape.out_w, random.layer.shape.out_channels},
                       random.layer.output);
  (*prepared)->run(pointers, output);
  return output;
}

// Empty when equal.
std::string difference(const IntegerTensor& expected, const IntegerTensor& actual) {
  for (std::int64_t i = 0; i < expected.size(); ++i)
    if (expected.get(i) != actual.get(i))
      return "element " + std::to_string(i) + " is " + std::to_string(actual.get(i)) + ", expected " + std::to_string(expected.get(i));
  return "";
}

class CpuEqualsScalar : public testing::TestWithParam<CpuIsa> {
 protected:
  std::unique_ptr<IntegerBackend> cpu_ = *make_cpu_backend(GetParam());
  std::unique_ptr<IntegerBackend> scalar_ = make_scalar_backend();

  void expect_equal(const RandomLayer& random) {
    EXPECT_EQ(difference(run(*scalar_, random), run(*cpu_, random)), "") << describe(random.layer) << " on " << cpu_->description();
  }
};

// 20,000 by default; DYAD_RANDOM_LAYERS=N runs more.
TEST_P(CpuEqualsScalar, OnRandomLayers) {
  const char* wanted = std::getenv("DYAD_RANDOM_LAYERS");
  const std::int64_t count = wanted ? std::atoll(wanted) : 20000;
  constexpr std::uint64_t kSeed = 2024;
  RecordProperty("seed", static_cast<int>(kSeed));
  std::vector<std::string> failures(static_cast<std::size_t>(count));
  parallel_for(count, [&](std::int64_t i) {
    const RandomLayer random = random_layer(kSeed, static_cast<std::uint64_t>(i));
    const std::string found = difference(run(*scalar_, random), run(*cpu_, random));
    if (!found.empty()) failures[static_cast<std::size_t>(i)] = describe(random.layer) + ": " + found;
  });
  std::int64_t failed = 0;
  for (const std::string& each : failures)
    if (!each.empty() && ++failed <= 5) ADD_FAILURE() << each;
  EXPECT_EQ(failed, 0) << "of " << count << " with seed " << kSeed;
}

RandomLayer conv(std::int64_t extent, std::int64_t in, std::int64_t out, int kernel, BitWidth input, std::int32_t a, std::int8_t w,
                 bool requantize) {
  RandomLayer result;
  IntegerLayer& layer = result.layer;
  layer.name = "extreme";
  layer.shape.in_h = layer.shape.in_w = extent;
  layer.shape.in_channels = in;
  layer.shape.out_channels = out;
  layer.shape.window.kernel_h = layer.shape.window.kernel_w = kernel;
  layer.shape.window.pad_top = layer.shape.window.pad_left = layer.shape.window.pad_bottom = layer.shape.window.pad_right = kernel / 2;
  layer.shape.out_h = layer.shape.out_w = layer.shape.window.output_h(extent);
  layer.inputs = {input};
  layer.input_zero_point = a;
  layer.weights = Tensor<std::int8_t>({out, kernel, kernel, in});
  for (std::int8_t& each : layer.weights.values()) each = w;
  layer.requantize = requantize;
  layer.output = requantize ? BitWidth{8, true} : BitWidth{32, true};
  if (requantize) layer.requantizations = {Requantization{{Dyadic{1, 20}}, {}, Rounding::kHalfEven, 0}};
  result.inputs.emplace_back(Shape{2, extent, extent, in}, input);
  for (std::int64_t i = 0; i < result.inputs[0].size(); ++i) result.inputs[0].set(i, a);
  return result;
}

// 255 * -128 everywhere, padding included, is where 16-bit saturation (vpmaddubsw) goes wrong: 4 * 255 * 128 = 130,560.
TEST_P(CpuEqualsScalar, AtTheExtremesOfEveryOperand) {
  for (const std::int64_t in : {1, 2, 3, 4, 5, 15, 16, 17, 64, 67})
    for (const std::int64_t out : {1, 15, 16, 17, 31, 33, 47, 49, 64, 65, 80})
      for (const bool requantize : {false, true})
        for (const int w : {-128, -1, 127})
          for (const int kernel : {1, 3}) {
            for (const std::int32_t a : {0, 255})
              expect_equal(conv(5, in, out, kernel, {8, false}, a, static_cast<std::int8_t>(w), requantize));
            for (const std::int32_t a : {-128, 127})
              expect_equal(conv(5, in, out, kernel, {8, true}, a, static_cast<std::int8_t>(w), requantize));
          }
}

TEST_P(CpuEqualsScalar, AccumulatesUpToTheEdgeOfInt32) {
  // 65,792 channels of 255 * -128 = -2,147,450,880: 32,768 above INT32_MIN.
  const RandomLayer wide = conv(1, 65792, 1, 1, {8, false}, 255, -128, false);
  ASSERT_EQ(run(*scalar_, wide).get(0), -2147450880);
  expect_equal(wide);
  // First 131,584 * 255 * 127 = 4,261,347,840, past int32, then back to 0: sums are modulo 2^32, never saturated.
  RandomLayer there_and_back = conv(1, 263168, 1, 1, {8, false}, 255, 127, false);
  for (std::int64_t c = 131584; c < 263168; ++c) there_and_back.layer.weights[c] = -127;
  ASSERT_EQ(run(*scalar_, there_and_back).get(0), 0);
  expect_equal(there_and_back);
  // 511 channels of -32768 * -128 = 511 * 2^22: one more would be 2^31.
  const RandomLayer words = conv(1, 511, 3, 1, {16, true}, -32768, -128, false);
  ASSERT_EQ(run(*scalar_, words).get(0), 511 << 22);
  expect_equal(words);
}

// Every product that a requantizer can meet around a tie, in every rounding, one ratio a column.
TEST_P(CpuEqualsScalar, AtTiesOfEveryRounding) {
  for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kFloor, Rounding::kGemmlowp}) {
    RandomLayer random;
    IntegerLayer& layer = random.layer;
    layer.name = "ties";
    layer.op = IntegerOp::kRequantize;
    layer.shape.in_channels = layer.shape.out_channels = 63;
    layer.shape.in_h = layer.shape.out_h = 200;
    layer.inputs = {{32, true}};
    layer.output = {16, true};
    Requantization r;
    r.rounding = rounding;
    for (int shift = 0; shift <= 62; ++shift) r.ratios.push_back({shift % 2 ? -1 : 1, shift});
    layer.requantizations = {r};
    random.inputs.emplace_back(Shape{1, 200, 1, 63}, layer.inputs[0]);
    for (std::int64_t i = 0; i < random.inputs[0].size(); ++i) {
      const std::int64_t column = i % 63, step = i / 63 - 100,
                         half = column == 0 ? 1 : std::int64_t{1} << std::min<std::int64_t>(column - 1, 24);
      random.inputs[0].set(i, static_cast<std::int32_t>(step / 4 * half + step % 4));
    }
    random.inputs[0].set(0, INT32_MIN);
    random.inputs[0].set(62, INT32_MAX);
    expect_equal(random);
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, CpuEqualsScalar, testing::ValuesIn(available_cpu_isas()),
                         [](const auto& each) { return std::string(to_string(each.param)); });

TEST(CpuBackend, ObeysTheEnvironmentAndRefusesWhatIsNotThere) {
  ASSERT_EQ(::setenv("DYAD_CPU_ISA", "portable", 1), 0);
  EXPECT_EQ((*make_cpu_backend())->description(), "portable C++");
  ASSERT_EQ(::setenv("DYAD_CPU_ISA", "sse9", 1), 0);
  const auto refused = make_cpu_backend();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().place, "DYAD_CPU_ISA");
  EXPECT_NE(refused.error().hint.find("portable"), std::string::npos);
  ASSERT_EQ(::unsetenv("DYAD_CPU_ISA"), 0);
  EXPECT_TRUE(make_cpu_backend().has_value());
}

}  // namespace
}  // namespace dyad::kernels
