// Comparisons of networks: none differs from itself on another backend; one changed weight, one rounding and other bits are found.
#include "dyad/workflow/compare.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "dyad/base/parallel.hpp"
#include "support/small_networks.hpp"

namespace dyad::workflow {
namespace {

using quantizer::must;

struct Prepared {
  network::Network floats = quantizer::residual_network();
  network::Dataset images = quantizer::noise(21, 8, 3);
  network::Normalization normalization = quantizer::centred(3);
  std::unique_ptr<IntegerBackend> scalar, cpu;
  quantizer::IntegerNetwork integers;

  explicit Prepared(LayerBits bits = {4, 4}) {
    kernels::register_cpu_backends();
    scalar = must(make_integer_backend("scalar"));
    cpu = must(make_integer_backend("cpu"));
    const auto calibrated = must(quantizer::CalibratedNetwork::calibrate(floats, images, normalization, {}));
    integers = must(calibrated.quantize(quantizer::uniform_assignment(calibrated.folded(), bits, true)));
  }
};

TEST(Compare, BackendsOfOneNetworkDoNotDiffer) {
  const Prepared p;
  SilentProgress progress;
  const Comparison found = must(compare_integers(p.integers, *p.scalar, p.integers, *p.cpu, p.images, progress));
  EXPECT_TRUE(found.both_integers);
  EXPECT_EQ(found.first_diverging, "");
  EXPECT_EQ(found.images, 21);
  EXPECT_EQ(found.predictions_differing, 0);
  ASSERT_EQ(found.layers.size(), p.integers.layers.size());
  for (const LayerDifference& layer : found.layers) {
    EXPECT_EQ(layer.max_abs, 0);
    EXPECT_EQ(layer.differing, 0);
    EXPECT_GT(layer.elements, 0);
  }
}

TEST(Compare, OneChangedWeightIsFoundInItsLayer) {
  const Prepared p;
  quantizer::IntegerNetwork changed = p.integers;
  std::size_t index = 0, seen = 0;
  for (std::size_t i = 0; i < changed.layers.size(); ++i)
    if (changed.layers[i].op == IntegerOp::kConv && ++seen == 3) index = i;
  std::int8_t& weight = changed.layers[index].weights[0];
  weight = static_cast<std::int8_t>(weight > 0 ? -7 : 7);
  SilentProgress progress;
  const Comparison found = must(compare_integers(p.integers, *p.cpu, changed, *p.cpu, p.images, progress));
  EXPECT_EQ(found.first_diverging, changed.layers[index].name);
  for (std::size_t i = 0; i < index; ++i) EXPECT_EQ(found.layers[i].differing, 0) << found.layers[i].name;
  EXPECT_GT(found.layers[index].differing, 0);
  EXPECT_GE(found.layers[index].max_abs, 1);
}

// A rounding moves no output by more than one step in the first layer, and the document names that layer.
TEST(Compare, AnotherRoundingDivergesByOneStep) {
  const Prepared p;
  SilentProgress progress;
  const quantizer::IntegerNetwork other = must(with_rounding(p.integers, Rounding::kFloor));
  const Comparison found = must(compare_integers(p.integers, *p.cpu, other, *p.cpu, p.images, progress));
  EXPECT_EQ(found.first_diverging, found.layers[0].name);
  EXPECT_EQ(found.layers[0].max_abs, 1);
  const OrderedJson document = comparison_document(found, "a", "b");
  EXPECT_EQ(document["first_diverging"], found.layers[0].name);
  EXPECT_NE(comparison_text(found).find("first diverging layer: " + found.layers[0].name), std::string::npos);
}

TEST(Compare, DoesNotDependOnTheNumberOfThreads) {
  const Prepared p;
  SilentProgress progress;
  std::string texts[2];
  for (const int threads : {1, 3}) {
    set_thread_count(threads);
    texts[threads / 3] =
        comparison_document(must(compare_float_with_integers(p.floats, p.normalization, p.integers, *p.cpu, p.images, progress)), "a", "b")
            .dump();
  }
  set_thread_count(0);
  EXPECT_EQ(texts[0], texts[1]);
}

// More bits: less noise. At 8 bits no layer diverges and the fitted step of the logits is the network's own.
TEST(Compare, FloatAgainstIntegers) {
  const Prepared coarse({3, 3}), fine({8, 8});
  SilentProgress progress;
  const Comparison a =
      must(compare_float_with_integers(coarse.floats, coarse.normalization, coarse.integers, *coarse.cpu, coarse.images, progress));
  const Comparison b = must(compare_float_with_integers(fine.floats, fine.normalization, fine.integers, *fine.cpu, fine.images, progress));
  EXPECT_FALSE(b.both_integers);
  EXPECT_EQ(b.first_diverging, "");
  ASSERT_FALSE(b.layers.empty());
  for (const LayerDifference& layer : b.layers) EXPECT_GT(*layer.sqnr_db, 20) << layer.name;
  EXPECT_LT(*a.layers.back().sqnr_db, *b.layers.back().sqnr_db);
  EXPECT_NEAR(*b.layers.back().scale / fine.integers.output_scales[0], 1, 0.01);
  for (const std::string& name : b.only_in_b) EXPECT_NE(name.find(".to_"), std::string::npos) << name;
  EXPECT_TRUE(b.only_in_a.empty());
}

TEST(Compare, EqualFloatNetworksDoNotDiffer) {
  const Prepared p;
  SilentProgress progress;
  const Comparison found = must(compare_floats(p.floats, p.floats, p.normalization, p.normalization, p.images, progress));
  EXPECT_EQ(found.first_diverging, "");
  EXPECT_FALSE(found.both_integers);
}

TEST(Compare, NetworksOfOtherTopologiesAreAnError) {
  const Prepared p;
  SilentProgress progress;
  const network::Network other = quantizer::mobile_network();
  EXPECT_FALSE(compare_float_with_integers(other, p.normalization, p.integers, *p.cpu, p.images, progress));
  network::Dataset wrong = quantizer::noise(2, 9, 3);
  EXPECT_FALSE(compare_integers(p.integers, *p.cpu, p.integers, *p.cpu, wrong, progress));
}

}  // namespace
}  // namespace dyad::workflow
