#include "support/tier_points.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "dyad/base/statistics.hpp"
#include "dyad/network/import.hpp"
#include "dyad/network/summary.hpp"
#include "dyad/workflow/simulate.hpp"

namespace dyad::testing_support {
namespace {

/// Equal for layers that cost the same on every machine.
std::vector<std::int64_t> key_of(const LayerShape& s, OperandBits bits) {
  const Window& w = s.window;
  return {static_cast<std::int64_t>(s.kind),
          s.in_h,
          s.in_w,
          s.in_channels,
          s.out_h,
          s.out_w,
          s.out_channels,
          s.groups,
          int{s.adds_residual},
          w.kernel_h,
          w.kernel_w,
          w.stride_h,
          w.stride_w,
          w.pad_top,
          w.pad_left,
          w.pad_bottom,
          w.pad_right,
          w.dilation_h,
          w.dilation_w,
          bits.weight,
          bits.activation,
          bits.out};
}

}  // namespace

Result<TierWorkload> tier_workload() {
  TierWorkload workload;
  std::map<std::vector<std::int64_t>, std::size_t> known;
  for (const std::string& name : network::topology_names()) {
    DYAD_TRY(const network::Network network, network::make_topology(name, {}));
    const std::vector<workflow::CostedLayer> layers = workflow::costed_layers(network);
    for (const LayerBits uniform : {LayerBits{8, 8}, LayerBits{4, 4}, LayerBits{3, 5}})
      for (const bool all_layers : {false, true}) {
        const std::string text = "W" + std::to_string(uniform.weight) + "A" + std::to_string(uniform.activation);
        DYAD_TRY(const auto bits, workflow::operand_bits(network, network::uniform_bits(network, uniform, all_layers)));
        TierNetwork found{name, text, {}};
        for (std::size_t i = 0; i < layers.size(); ++i) {
          const auto [entry, is_new] = known.try_emplace(key_of(layers[i].shape, bits[i]), workload.points.size());
          if (is_new) workload.points.push_back({name, all_layers ? text + " all" : text, layers[i].shape, bits[i]});
          found.points.push_back(entry->second);
        }
        if (!all_layers) workload.networks.push_back(std::move(found));
      }
  }
  return workload;
}

Result<std::vector<TierDifference>> tier_differences(const TierWorkload& workload, const std::vector<std::size_t>& points,
                                                     const std::string& accelerator, accel_models::DramMode dram) {
  accel_models::CostOptions options;
  options.dram = dram;
  DYAD_TRY(const auto analytic, accel_models::make_cost_model(accelerator, Tier::kAnalytic, options));
  DYAD_TRY(const auto cycle, accel_models::make_cost_model(accelerator, Tier::kCycle, options));
  std::vector<TierDifference> differences;
  for (const std::size_t point : points) {
    const TierPoint& each = workload.points[point];
    DYAD_TRY(const LayerCost closed, analytic->cost(each.shape, each.operands, Activity{}));
    DYAD_TRY(const LayerCost simulated, cycle->cost(each.shape, each.operands, Activity{}));
    differences.push_back({point, closed.cycles.value, simulated.cycles.value});
  }
  return differences;
}

TierStatistics tier_statistics(const std::vector<TierDifference>& differences) {
  TierStatistics s;
  std::vector<double> errors;
  for (const TierDifference& each : differences) {
    const double error = std::abs(each.relative());
    if (error > s.max) {
      s.max = error;
      s.worst = errors.size();
    }
    errors.push_back(error);
    s.mean += error;
    s.differing += error > 0;
    s.over_1_percent += error > 0.01;
    s.over_2_percent += error > 0.02;
    s.over_5_percent += error > 0.05;
  }
  s.points = static_cast<std::int64_t>(errors.size());
  if (errors.empty()) return s;
  s.mean /= static_cast<double>(errors.size());
  std::sort(errors.begin(), errors.end());
  s.p90 = errors[(errors.size() * 9 + 9) / 10 - 1];
  return s;
}

double layer_order_tau(const TierNetwork& network, const std::vector<TierDifference>& differences) {
  std::vector<double> analytic, cycle;
  for (const std::size_t point : network.points) {
    analytic.push_back(static_cast<double>(differences[point].analytic));
    cycle.push_back(static_cast<double>(differences[point].cycle));
  }
  return kendall_tau(analytic, cycle).value_or(1.0);
}

}  // namespace dyad::testing_support
