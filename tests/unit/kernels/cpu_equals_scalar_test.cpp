// The cpu backend against the scalar one, element by element, on every instruction set that this machine has.
#include <gtest/gtest.h>

#include <cstdlib>

#include "dyad/base/parallel.hpp"
#include "dyad/kernels/backends.hpp"
#include "dyad/kernels/random_layers.hpp"

namespace dyad::kernels {
namespace {

// Runs the layer; a refusal is a test failure.
IntegerTensor run(const IntegerBackend& backend, const RandomLayer& random) {
  auto prepared = backend.prepare(random.layer);
  if (!prepared) throw InternalError(prepared.error().place + ": " + prepared.error().message);
  IntegerTensor output = random.output();
  (*prepared)->run(random.pointers(), output);
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

TEST_P(CpuEqualsScalar, AtTheExtremesOfEveryOperand) {
  for (const RandomLayer& extreme : extreme_convs()) expect_equal(extreme);
}

TEST_P(CpuEqualsScalar, AccumulatesUpToTheEdgeOfInt32) {
  // 65,792 channels of 255 * -128 = -2,147,450,880: 32,768 above INT32_MIN.
  const RandomLayer wide = constant_conv(1, 65792, 1, 1, {8, false}, 255, -128, false);
  ASSERT_EQ(run(*scalar_, wide).get(0), -2147450880);
  expect_equal(wide);
  // First 131,584 * 255 * 127 = 4,261,347,840, past int32, then back to 0: sums are modulo 2^32, never saturated.
  RandomLayer there_and_back = constant_conv(1, 263168, 1, 1, {8, false}, 255, 127, false);
  for (std::int64_t c = 131584; c < 263168; ++c) there_and_back.layer.weights[c] = -127;
  ASSERT_EQ(run(*scalar_, there_and_back).get(0), 0);
  expect_equal(there_and_back);
  // 511 channels of -32768 * -128 = 511 * 2^22: one more would be 2^31.
  const RandomLayer words = constant_conv(1, 511, 3, 1, {16, true}, -32768, -128, false);
  ASSERT_EQ(run(*scalar_, words).get(0), 511 << 22);
  expect_equal(words);
}

TEST_P(CpuEqualsScalar, AtTiesOfEveryRounding) {
  for (const RandomLayer& ties : tie_layers()) expect_equal(ties);
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
