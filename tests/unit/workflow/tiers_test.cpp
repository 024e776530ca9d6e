// The analytic tier against the cycle tier on layers of the built-in networks, drawn from those of which ./dev validate measures all
// (tests/validation/tier_differences.cpp; docs/accel_models/tiled.md has its figures). DESIGN's bounds on every layer, stricter ones on the
// mean.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "dyad/base/random.hpp"
#include "support/tier_points.hpp"

namespace dyad::testing_support {
namespace {

using accel_models::DramMode;

constexpr std::uint64_t kSeed = 20261121;
constexpr std::size_t kPoints = 120;

const TierWorkload& workload() {
  static const TierWorkload found = *tier_workload();
  return found;
}

class Tiers : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    Random random(kSeed);
    points_.resize(workload().points.size());
    std::iota(points_.begin(), points_.end(), std::size_t{0});
    for (std::size_t i = 0; i < kPoints; ++i) std::swap(points_[i], points_[i + random.below(points_.size() - i)]);
    points_.resize(kPoints);
  }

  TierStatistics measure(DramMode dram) {
    const auto differences = tier_differences(workload(), points_, GetParam(), dram);
    EXPECT_TRUE(differences) << differences.error().message;
    if (!differences) return {};
    const TierStatistics statistics = tier_statistics(*differences);
    const TierPoint& worst = workload().points[points_[statistics.worst]];
    worst_ = worst.network + " " + worst.shape.name + " " + worst.bits + ", seed " + std::to_string(kSeed);
    EXPECT_EQ(statistics.points, static_cast<std::int64_t>(kPoints));
    return statistics;
  }

  std::vector<std::size_t> points_;
  std::string worst_;
};
INSTANTIATE_TEST_SUITE_P(Accelerators, Tiers, testing::ValuesIn(accel_models::accelerator_names()), [](const auto& instance) {
  std::string name = instance.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST_P(Tiers, AreEqualWithoutALimitOnBandwidth) { EXPECT_EQ(measure(DramMode::kUnlimited).max, 0) << worst_; }

TEST_P(Tiers, AreCloseWithIdealMemory) {
  const TierStatistics s = measure(DramMode::kIdeal);
  EXPECT_LE(s.mean, 0.001) << worst_;
  EXPECT_LE(s.max, 0.02) << worst_;
}

TEST_P(Tiers, AreCloseWithRowsAndRefresh) {
  const TierStatistics s = measure(DramMode::kAsDescribed);
  EXPECT_LE(s.mean, 0.005) << worst_;
  EXPECT_LE(s.max, 0.05) << worst_;
}

TEST(TierWorkload, HoldsEveryNetworkAtThreeBitPairsAndEveryKindOfLayer) {
  EXPECT_GE(workload().networks.size(), 3U * 17);
  std::set<LayerKind> kinds;
  bool depthwise = false, residual = false;
  for (const TierPoint& point : workload().points) {
    kinds.insert(point.shape.kind);
    depthwise |= point.shape.is_depthwise();
    residual |= point.shape.adds_residual;
  }
  for (const LayerKind kind : {LayerKind::kConv, LayerKind::kLinear, LayerKind::kMaxPool, LayerKind::kAveragePool, LayerKind::kConcat})
    EXPECT_TRUE(kinds.contains(kind)) << to_string(kind);
  EXPECT_TRUE(depthwise && residual);
}

TEST(TierStatistics, CountWhatIsOverEachBound) {
  // 3 %, -6 %, 0, 1.5 %: mean 2.625 %, sorted 0 1.5 3 6.
  const TierStatistics s = tier_statistics({{0, 103, 100}, {1, 94, 100}, {2, 100, 100}, {3, 203, 200}});
  EXPECT_DOUBLE_EQ(s.mean, (0.03 + 0.06 + 0.015) / 4);
  EXPECT_DOUBLE_EQ(s.max, 0.06);
  EXPECT_EQ(s.worst, 1U);
  EXPECT_DOUBLE_EQ(s.p90, 0.06);
  EXPECT_EQ(s.differing, 3);
  EXPECT_EQ(s.over_1_percent, 3);
  EXPECT_EQ(s.over_2_percent, 2);
  EXPECT_EQ(s.over_5_percent, 1);
}

}  // namespace
}  // namespace dyad::testing_support
