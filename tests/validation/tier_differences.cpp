// Analytic against cycle tier over every layer of every built-in network: one JSON document of statistics for each accelerator and memory.
// usage: tier_differences [--accelerator NAME]... [--points FILE.csv] > FILE.json      (./dev validate writes its results)
#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "support/tier_points.hpp"

namespace {

using namespace dyad;
using namespace dyad::testing_support;
using accel_models::DramMode;

struct Memory {
  const char* name;
  DramMode mode;
};
constexpr Memory kMemories[] = {{"described", DramMode::kAsDescribed}, {"ideal", DramMode::kIdeal}, {"unlimited", DramMode::kUnlimited}};

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string bits_text(OperandBits bits) {
  return "W" + std::to_string(bits.weight) + "A" + std::to_string(bits.activation) + " out " + std::to_string(bits.out);
}

nlohmann::ordered_json describe(const TierWorkload& workload, const std::vector<TierDifference>& differences) {
  const TierStatistics s = tier_statistics(differences);
  const TierDifference& worst = differences[s.worst];
  const TierPoint& point = workload.points[worst.point];
  double tau = 1, tau_sum = 0;
  std::string tau_network;
  for (const TierNetwork& network : workload.networks) {
    const double own = layer_order_tau(network, differences);
    tau_sum += own;
    if (own < tau) {
      tau = own;
      tau_network = network.name + " " + network.bits;
    }
  }
  return {{"points", s.points},
          {"differing", s.differing},
          {"mean", s.mean},
          {"p90", s.p90},
          {"max", s.max},
          {"worst",
           {{"network", point.network},
            {"bits", point.bits},
            {"layer", point.shape.name},
            {"operands", bits_text(point.operands)},
            {"analytic", worst.analytic},
            {"cycle", worst.cycle}}},
          {"over_1_percent", s.over_1_percent},
          {"over_2_percent", s.over_2_percent},
          {"over_5_percent", s.over_5_percent},
          {"kendall_tau_mean", tau_sum / static_cast<double>(workload.networks.size())},
          {"kendall_tau_least", tau},
          {"kendall_tau_least_network", tau_network}};
}

void write_points(std::ostream& out, const TierWorkload& workload, const std::vector<TierDifference>& differences,
                  const std::string& accelerator, const char* memory) {
  for (const TierDifference& each : differences) {
    const TierPoint& point = workload.points[each.point];
    out << accelerator << ',' << memory << ',' << point.network << ',' << point.bits << ',' << point.shape.name << ','
        << to_string(point.shape.kind) << ',' << bits_text(point.operands) << ',' << each.analytic << ',' << each.cycle << '\n';
  }
}

int fail(const Error& error) {
  std::cerr << "error: " << error.place << ": " << error.message << "\nhint: " << error.hint << '\n';
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> accelerators;
  std::ofstream csv;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc || (flag != "--accelerator" && flag != "--points")) return fail({flag, "unknown flag, or no value", "see this file"});
    if (flag == "--accelerator") {
      accelerators.emplace_back(argv[i + 1]);
    } else {
      csv.open(argv[i + 1]);
      csv << "accelerator,memory,network,bits,layer,kind,operands,analytic_cycles,cycle_cycles\n";
    }
  }
  if (accelerators.empty()) accelerators = accel_models::accelerator_names();
  const auto workload = tier_workload();
  if (!workload) return fail(workload.error());
  std::vector<std::size_t> all(workload->points.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const std::string& name : accelerators) {
    const auto accelerator = accel_models::load_accelerator(name);
    if (!accelerator) return fail(accelerator.error());
    for (const Memory& memory : kMemories) {
      nlohmann::ordered_json row = {{"accelerator", name}, {"family", accelerator->family}, {"memory", memory.name}};
      const double began = cpu_seconds();
      const auto differences = tier_differences(*workload, all, name, memory.mode);
      if (!differences) {
        row["not_run"] = differences.error().place + ": " + differences.error().message;
        rows.push_back(row);
        std::cerr << name << ' ' << memory.name << ": not run: " << row["not_run"] << '\n';
        continue;
      }
      row.update(describe(*workload, *differences));
      row["cpu_s"] = cpu_seconds() - began;
      rows.push_back(row);
      if (csv.is_open()) write_points(csv, *workload, *differences, name, memory.name);
      std::cerr << name << ' ' << memory.name << ": mean " << row["mean"] << ", max " << row["max"] << ", " << row["cpu_s"] << " s\n";
    }
  }
  std::cout
      << nlohmann::ordered_json{{"schema", "dyad.tier_differences/1"}, {"networks", workload->networks.size() / 3}, {"rows", rows}}.dump(1)
      << '\n';
  return 0;
}
