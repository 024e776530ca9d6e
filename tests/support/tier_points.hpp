/// \file Every layer of every built-in network at uniform bits, and what two tiers say about it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/base/cost_model.hpp"
#include "dyad/base/result.hpp"

namespace dyad::testing_support {

/// A layer at its bits; one entry for all layers of the same geometry and bits, named after the first of them.
struct TierPoint {
  std::string network, bits;  ///< where it was met first: "resnet18", "W4A4" ("W4A4 all" with --all-layers)
  LayerShape shape;           ///< its name is the layer's
  OperandBits operands;
};

/// A network at uniform bits, the outer layers at 8: indices into TierWorkload::points, in order of execution.
struct TierNetwork {
  std::string name, bits;
  std::vector<std::size_t> points;
};

/// Weighted and elementwise layers as `dyad simulate` costs them.
struct TierWorkload {
  std::vector<TierPoint> points;
  std::vector<TierNetwork> networks;
};

/// All built-in networks at W8A8, W4A4 and W3A5, as given and with --all-layers. Error: as the network's.
Result<TierWorkload> tier_workload();

/// Cycles of a point in both tiers.
struct TierDifference {
  std::size_t point = 0;
  std::int64_t analytic = 0, cycle = 0;
  double relative() const { return static_cast<double>(analytic - cycle) / static_cast<double>(cycle); }
};

/// Both tiers of those points. Error: as make_cost_model's (an accelerator without a cycle tier, say) and cost's.
Result<std::vector<TierDifference>> tier_differences(const TierWorkload& workload, const std::vector<std::size_t>& points,
                                                     const std::string& accelerator, accel_models::DramMode dram);

/// Of absolute relative differences.
struct TierStatistics {
  std::int64_t points = 0, differing = 0, over_1_percent = 0, over_2_percent = 0, over_5_percent = 0;
  double mean = 0, p90 = 0, max = 0;
  std::size_t worst = 0;  ///< index of the largest
};
TierStatistics tier_statistics(const std::vector<TierDifference>& differences);

/// Kendall's tau-b of the order of the network's layers by the cycles of one tier against the other's; `differences` holds every point of
/// the workload in order. 1 when both tiers order nothing (all layers alike).
double layer_order_tau(const TierNetwork& network, const std::vector<TierDifference>& differences);

}  // namespace dyad::testing_support
