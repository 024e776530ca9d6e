// Observers against values worked by hand and slow references on the raw values.
#include "dyad/ranges/observers.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "dyad/base/random.hpp"
#include "dyad/ranges/histogram.hpp"

namespace dyad::ranges {
namespace {

constexpr BitWidth kU8{8, false}, kU4{4, false}, kS8{8, true}, kS4{4, true};

std::unique_ptr<RangeObserver> observer(const std::string& name, const ObserverOptions& options = {}) {
  auto made = make_observer(name, options);
  EXPECT_TRUE(made) << name;
  return std::move(made).value();
}

std::vector<float> normal_values(std::uint64_t seed, int count, float scale) {
  Random random(seed);
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back(static_cast<float>(random.normal()) * scale);
  return values;
}

TEST(Observers, EveryNameStartsEmptyAndHoldsZero) {
  for (const std::string& name : observer_names()) {
    const auto fresh = observer(name);
    EXPECT_EQ(fresh->range(kU8).lowest, 0) << name;
    EXPECT_EQ(fresh->range(kU8).highest, 0) << name;
    fresh->observe(std::vector<float>(7, 0.0f));  // a tensor that is always zero
    EXPECT_EQ(fresh->range(kS4).highest, 0) << name;
    const auto positive = observer(name);
    positive->observe(std::vector<float>{2.0f, 3.0f, 2.5f});
    EXPECT_LE(positive->range(kU8).lowest, 0) << name;
    EXPECT_GT(positive->range(kU8).highest, 0) << name;
    EXPECT_LE(positive->range(kU8).highest, 3.0f) << name;
  }
}

TEST(Observers, UnknownNameListsThoseThatExist) {
  const auto made = make_observer("entropy");
  ASSERT_FALSE(made);
  for (const std::string& name : observer_names()) EXPECT_NE(made.error().hint.find(name), std::string::npos) << name;
}

TEST(Observers, OptionsOutOfRangeAreErrors) {
  EXPECT_FALSE(make_observer("average", {1.5, 99}));
  EXPECT_FALSE(make_observer("average", {-0.5, 99}));
  EXPECT_FALSE(make_observer("percentile", {0.9, 50}));
  EXPECT_FALSE(make_observer("percentile", {0.9, 100.5}));
  EXPECT_TRUE(make_observer("average", {-1, 100}));
}

TEST(Observers, MinMaxKeepsTheExtremesOfAllBatches) {
  const auto o = observer("minmax");
  o->observe(std::vector<float>{-1.0f, 2.0f});
  o->observe(std::vector<float>{-3.0f, 0.5f});
  EXPECT_EQ(o->range(kS8).lowest, -3.0f);
  EXPECT_EQ(o->range(kS8).highest, 2.0f);
}

TEST(Observers, AverageMovesByMomentum) {
  const auto o = observer("average", {0.75, 99});
  o->observe(std::vector<float>{-4.0f, 8.0f});  // starts at the first batch
  o->observe(std::vector<float>{0.0f, 4.0f});   // -4 * .75 + 0 = -3; 8 * .75 + 4 * .25 = 7
  EXPECT_EQ(o->range(kS8).lowest, -3.0f);
  EXPECT_EQ(o->range(kS8).highest, 7.0f);
}

TEST(Observers, TrackerAddsWhileItsRangeIsDegenerate) {
  // HAWQ-V3 tests lowest == highest, not "first call": a constant batch leaves (5, 5), and the next is added to it.
  HawqRangeTracker tracker({0.9, 0, false});
  tracker.observe(std::vector<float>{5.0f, 5.0f});
  EXPECT_EQ(tracker.highest(), 5.0f);
  tracker.observe(std::vector<float>{1.0f, 2.0f});
  EXPECT_EQ(tracker.lowest(), 6.0f);
  EXPECT_EQ(tracker.highest(), 7.0f);
}

TEST(Observers, PercentileLeavesOutliersOut) {
  const auto o = observer("percentile", {0.99, 99});
  std::vector<float> values;
  for (int i = 1; i <= 1000; ++i) values.push_back(static_cast<float>(i) / 1000);  // 0.001 ... 1
  values.push_back(100);
  o->observe(values);
  // 99 % of 1001 values is 990.99 of them: between 0.990 and 0.991, in bins of 128 / 8192 = 1/64.
  EXPECT_NEAR(o->range(kU8).highest, 0.9905, 1.0 / 64);
  EXPECT_EQ(o->range(kU8).lowest, 0);
}

RC_GTEST_PROP(HistogramProperty, CountsDoNotDependOnOrderOrBatches, (std::uint64_t seed)) {
  Random random(seed);
  std::vector<float> values;
  for (int i = 0; i < 300; ++i)
    values.push_back(static_cast<float>(random.normal()) * std::ldexp(1.0f, static_cast<int>(random.between(-20, 20))) *
                     (random.coin() ? 1 : 0));
  Histogram whole, shuffled;
  whole.add(values);
  for (const std::int64_t i : random_permutation(300, random)) shuffled.add(std::span(&values[static_cast<std::size_t>(i)], 1));
  RC_ASSERT(whole.zeros() == shuffled.zeros());
  RC_ASSERT(whole.lowest() == shuffled.lowest());
  RC_ASSERT(whole.highest() == shuffled.highest());
  const auto a = whole.bins(), b = shuffled.bins();
  RC_ASSERT(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    RC_ASSERT(a[i].middle == b[i].middle);
    RC_ASSERT(a[i].count == b[i].count);
  }
}

TEST(HistogramBins, HoldTheirValues) {
  Histogram h;
  const std::vector<float> values{-1.0f, -0.25f, 0.0f, 0.25f, 0.9999f, 1.0f};
  h.add(values);
  EXPECT_EQ(h.count(), 6);
  EXPECT_EQ(h.zeros(), 1);
  EXPECT_EQ(h.bin_width(), 2.0f / 8192);  // 1.0 needs the side [0, 2)
  const auto bins = h.bins();
  ASSERT_EQ(bins.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(bins[i].middle, values[i < 2 ? i : i + 1], h.bin_width() / 2 * 1.0001f);
}

RC_GTEST_PROP(HistogramProperty, QuantileIsWithinOneBinOfTheSortedValues, (std::uint64_t seed)) {
  Random random(seed);
  std::vector<float> values = normal_values(seed, 997, 1.0f);
  for (float& v : values)
    if (random.below(3) == 0) v = 0;
  Histogram h;
  h.add(values);
  std::sort(values.begin(), values.end());
  for (const double fraction : {0.01, 0.1, 0.5, 0.9, 0.999}) {
    const auto rank = static_cast<std::size_t>(std::ceil(fraction * 997)) - 1;  // the sorted value that the fraction falls on
    RC_ASSERT(std::fabs(h.quantile(fraction) - values[rank]) <= h.bin_width());
  }
}

TEST(HistogramBins, RefuseValuesThatAreNotFinite) {
  Histogram h;
  EXPECT_THROW(h.add(std::vector<float>{1.0f, std::numeric_limits<float>::infinity()}), InternalError);
  EXPECT_THROW(h.add(std::vector<float>{std::numeric_limits<float>::quiet_NaN(), 1.0f}), InternalError);
}

// Squared error on the raw values, with division instead of the observer's reciprocal.
double raw_error(const std::vector<float>& values, double threshold, BitWidth format) {
  const double step = threshold / static_cast<double>(format.highest());
  double sum = 0;
  for (const float v : values) {
    const double q = std::clamp(std::nearbyint(v / step), static_cast<double>(format.lowest()), static_cast<double>(format.highest()));
    sum += (v - q * step) * (v - q * step);
  }
  return sum;
}

TEST(Observers, MseIsAsGoodAsExhaustiveSearchOnRawValues) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const std::vector<float> values = normal_values(seed, 20000, 0.7f);
    std::vector<float> rectified = values;
    for (float& v : rectified) v = std::max(v, 0.0f);
    for (const BitWidth format : {BitWidth{2, true}, kS4, kS8, BitWidth{2, false}, kU4, kU8}) {
      const std::vector<float>& data = format.is_signed ? values : rectified;
      const auto o = observer("mse");
      o->observe(data);
      const Range range = o->range(format);
      EXPECT_EQ(range.lowest, format.is_signed ? -range.highest : 0);
      float most = 0;
      for (const float v : data) most = std::max(most, std::fabs(v));
      double best = std::numeric_limits<double>::infinity();
      for (int percent = 2; percent <= 100; ++percent) best = std::min(best, raw_error(data, most * percent / 100.0, format));
      EXPECT_LE(raw_error(data, range.highest, format), best * 1.01) << "seed " << seed << " bits " << format.bits;
    }
  }
}

TEST(Observers, KlClipsALongTailAndKeepsAFlatOne) {
  std::vector<float> tail = normal_values(4, 20000, 0.1f);
  for (float& v : tail) v = std::fabs(v);
  tail.push_back(10.0f);
  const auto long_tail = observer("kl");
  long_tail->observe(tail);
  EXPECT_LT(long_tail->range(kU4).highest, 2.0f);
  std::vector<float> even;
  for (int i = 1; i <= 20000; ++i) even.push_back(static_cast<float>(i) / 20000);
  const auto flat = observer("kl");
  flat->observe(even);
  EXPECT_GT(flat->range(kU4).highest, 0.9f);
  EXPECT_EQ(flat->range({12, false}).highest, 1.0f);  // more levels than bins: nothing is clipped
}

TEST(Observers, WiderFormatsClipLess) {
  for (const char* name : {"mse", "kl"}) {
    const auto o = observer(name);
    std::vector<float> values = normal_values(5, 50000, 1.0f);
    o->observe(values);
    EXPECT_LT(o->range(BitWidth{3, true}).highest, o->range(kS8).highest) << name;
  }
}

}  // namespace
}  // namespace dyad::ranges
