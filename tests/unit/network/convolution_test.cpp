// Every instruction set's convolution against double precision within a derived bound, and bit for bit against the sum it promises.
#include "convolution.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <string>

#include "dyad/base/random.hpp"

namespace dyad::network {
namespace {

struct Case {
  std::int64_t n = 1, h = 1, w = 1, c = 1, k = 1;
  int groups = 1;
  Window window = {};
  bool bias = true;
};

std::string describe(const Case& t) {
  const Window& w = t.window;
  return "n" + std::to_string(t.n) + " h" + std::to_string(t.h) + " w" + std::to_string(t.w) + " c" + std::to_string(t.c) + " k" +
         std::to_string(t.k) + " groups" + std::to_string(t.groups) + " window " + std::to_string(w.kernel_h) + "x" +
         std::to_string(w.kernel_w) + " stride " + std::to_string(w.stride_h) + "x" + std::to_string(w.stride_w) + " pad " +
         std::to_string(w.pad_top) + "," + std::to_string(w.pad_left) + "," + std::to_string(w.pad_bottom) + "," +
         std::to_string(w.pad_right) + " dilation " + std::to_string(w.dilation_h) + "x" + std::to_string(w.dilation_w);
}

Tensor<float> random_tensor(Shape shape, Random& random) {
  Tensor<float> tensor(std::move(shape));
  for (float& value : tensor.values()) value = static_cast<float>(random.normal());
  return tensor;
}

struct Sums {
  double exact = 0;      // in double
  double magnitude = 0;  // of the absolute products, for the bound
  float sequential = 0;  // fused multiply-adds in the order (bias, tap, input channel)
};

// One output element straight from the definition.
Sums reference(const Case& t, const Tensor<float>& x, const Tensor<float>& weight, const std::vector<float>& bias, std::int64_t n,
               std::int64_t oy, std::int64_t ox, std::int64_t k) {
  const Window& w = t.window;
  const std::int64_t group_in = t.c / t.groups, group_out = t.k / t.groups, first = k / group_out * group_in;
  Sums sums;
  if (!bias.empty()) sums.sequential = bias[static_cast<std::size_t>(k)];
  sums.exact = sums.sequential;
  sums.magnitude = std::abs(sums.exact);
  for (int r = 0; r < w.kernel_h; ++r) {
    for (int s = 0; s < w.kernel_w; ++s) {
      const std::int64_t y = oy * w.stride_h - w.pad_top + r * w.dilation_h, at = ox * w.stride_w - w.pad_left + s * w.dilation_w;
      if (y < 0 || y >= t.h || at < 0 || at >= t.w) continue;
      for (std::int64_t c = 0; c < group_in; ++c) {
        const float a = x[((n * t.h + y) * t.w + at) * t.c + first + c];
        const float b = weight[((k * w.kernel_h + r) * w.kernel_w + s) * group_in + c];
        sums.exact += static_cast<double>(a) * b;
        sums.magnitude += std::abs(static_cast<double>(a) * b);
        sums.sequential = std::fma(a, b, sums.sequential);
      }
    }
  }
  return sums;
}

void check(const Case& t, std::uint64_t seed) {
  SCOPED_TRACE(describe(t) + " seed " + std::to_string(seed));
  Random random(seed);
  const std::int64_t oh = t.window.output_h(t.h), ow = t.window.output_w(t.w);
  ASSERT_GE(oh, 1);
  ASSERT_GE(ow, 1);
  const Tensor<float> x = random_tensor({t.n, t.h, t.w, t.c}, random);
  const Tensor<float> weight = random_tensor({t.k, t.window.kernel_h, t.window.kernel_w, t.c / t.groups}, random);
  std::vector<float> bias(t.bias ? static_cast<std::size_t>(t.k) : 0);
  for (float& value : bias) value = static_cast<float>(random.normal());
  // |fl(sum of m terms) - sum| <= m u / (1 - m u) * sum |terms|, u = 2^-24 (Higham 2002, (4.4)); each unfused product adds one rounding.
  const double m = static_cast<double>(t.window.kernel_h * t.window.kernel_w * (t.c / t.groups)) + 2;
  const double bound = m * 0x1p-24 / (1 - m * 0x1p-24);

  std::vector<Tensor<float>> outputs;
  for (const ConvolutionKernels* kernels : convolution_kernels()) {
    // Filled with NaN: an element that is not written shows.
    Tensor<float> out({t.n, oh, ow, t.k}, std::vector<float>(static_cast<std::size_t>(t.n * oh * ow * t.k), std::nanf("")));
    convolve(*kernels, t.window, t.groups, x, weight, bias, out);
    outputs.push_back(std::move(out));
  }
  std::int64_t i = 0;
  for (std::int64_t n = 0; n < t.n; ++n) {
    for (std::int64_t oy = 0; oy < oh; ++oy) {
      for (std::int64_t ox = 0; ox < ow; ++ox) {
        for (std::int64_t k = 0; k < t.k; ++k, ++i) {
          const Sums sums = reference(t, x, weight, bias, n, oy, ox, k);
          for (std::size_t set = 0; set < outputs.size(); ++set) {
            const ConvolutionKernels& kernels = *convolution_kernels()[set];
            ASSERT_LE(std::abs(outputs[set][i] - sums.exact), bound * sums.magnitude) << kernels.name << " element " << i;
            if (!kernels.fused) continue;
            ASSERT_EQ(outputs[set][i], sums.sequential) << kernels.name << " element " << i;
          }
        }
      }
    }
  }
}

Window square(int kernel, int stride, int pad, int dilation = 1) {
  return {kernel, kernel, stride, stride, pad, pad, pad, pad, dilation, dilation};
}

TEST(Convolution, EveryTileWidth) {
  for (std::int64_t width = 1; width <= 17; ++width) check({.n = 2, .h = 3, .w = width, .c = 5, .k = 3, .window = square(3, 1, 1)}, 1);
}

TEST(Convolution, EveryPanelWidth) {
  for (const std::int64_t k : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 67})
    check({.n = 1, .h = 4, .w = 9, .c = 3, .k = k, .window = square(3, 1, 1)}, 2);
}

TEST(Convolution, MatrixProductOfOddSizes) {
  for (const std::int64_t pixels : {1, 7, 8, 63, 64, 65, 129}) check({.n = pixels, .h = 1, .w = 1, .c = 13, .k = 10}, 3);
  check({.n = 3, .h = 5, .w = 7, .c = 1, .k = 37, .bias = false}, 4);
}

TEST(Convolution, StrideDilationAsymmetricPadding) {
  check({.n = 2, .h = 11, .w = 13, .c = 4, .k = 6, .window = {3, 5, 2, 3, 0, 1, 2, 3, 2, 1}}, 5);
  check({.n = 1, .h = 7, .w = 7, .c = 3, .k = 8, .window = {7, 7, 2, 2, 3, 3, 2, 4, 1, 1}}, 6);
  check({.n = 2, .h = 9, .w = 9, .c = 3, .k = 5, .window = square(1, 2, 0)}, 7);
  check({.n = 1, .h = 2, .w = 2, .c = 2, .k = 2, .window = square(1, 1, 1)}, 8);
  check({.n = 1, .h = 1, .w = 1, .c = 3, .k = 2, .window = square(3, 1, 1)}, 9);
}

TEST(Convolution, Groups) {
  check({.n = 1, .h = 6, .w = 6, .c = 8, .k = 12, .groups = 4, .window = square(3, 1, 1)}, 10);
  check({.n = 1, .h = 6, .w = 6, .c = 6, .k = 6, .groups = 3}, 11);
  check({.n = 1, .h = 5, .w = 5, .c = 4, .k = 8, .groups = 4, .window = square(3, 2, 1)}, 12);    // channel multiplier 2
  check({.n = 1, .h = 5, .w = 5, .c = 68, .k = 68, .groups = 2, .window = square(3, 1, 1)}, 13);  // panels end inside a group
}

TEST(Convolution, DepthwiseOfEveryTail) {
  for (const std::int64_t c : {2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 40})
    check({.n = 2, .h = 5, .w = 9, .c = c, .k = c, .groups = static_cast<int>(c), .window = square(3, 1, 1)}, 14);
  check({.n = 1, .h = 9, .w = 9, .c = 19, .k = 19, .groups = 19, .window = {5, 3, 2, 1, 1, 0, 2, 1, 1, 2}}, 15);
}

RC_GTEST_PROP(Convolution, EqualsItsDefinition, ()) {
  Case t;
  Window& w = t.window;
  t.groups = *rc::gen::inRange(1, 5);
  t.n = *rc::gen::inRange(1, 4);
  t.c = t.groups * *rc::gen::inRange(1, 8);
  t.k = t.groups * *rc::gen::inRange(1, 20);
  w.kernel_h = *rc::gen::inRange(1, 5);
  w.kernel_w = *rc::gen::inRange(1, 5);
  w.stride_h = *rc::gen::inRange(1, 4);
  w.stride_w = *rc::gen::inRange(1, 4);
  w.dilation_h = *rc::gen::inRange(1, 3);
  w.dilation_w = *rc::gen::inRange(1, 3);
  w.pad_top = *rc::gen::inRange(0, 4);
  w.pad_left = *rc::gen::inRange(0, 4);
  w.pad_bottom = *rc::gen::inRange(0, 4);
  w.pad_right = *rc::gen::inRange(0, 4);
  t.h = std::max(1, w.dilation_h * (w.kernel_h - 1) + 1 - w.pad_top - w.pad_bottom) + *rc::gen::inRange(0, 9);
  t.w = std::max(1, w.dilation_w * (w.kernel_w - 1) + 1 - w.pad_left - w.pad_right) + *rc::gen::inRange(0, 19);
  t.bias = *rc::gen::arbitrary<bool>();
  check(t, *rc::gen::arbitrary<std::uint64_t>());
  RC_ASSERT(!testing::Test::HasFatalFailure());
}

TEST(ConvolutionKernels, FastestFirstAndBaselineLast) {
  const auto sets = convolution_kernels();
  ASSERT_FALSE(sets.empty());
  EXPECT_EQ(sets.back()->name, "baseline");
  for (std::size_t i = 1; i < sets.size(); ++i) EXPECT_GE(sets[i - 1]->lanes, sets[i]->lanes);
}

}  // namespace
}  // namespace dyad::network
