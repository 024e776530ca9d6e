// The analytic tier against the cycle tier with every memory preset (docs/hwsim/dram.md has the table).
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/tiled/analytic.hpp"
#include "dyad/accel_models/tiled/cycle.hpp"
#include "support/layers.hpp"

namespace dyad::accel_models::tiled {
namespace {

using testing_support::sample_layers;

TEST(Scratch, All) {
  for (const std::string name : {"bismo-edge", "bismo-cloud", "bitfusion-eyeriss", "systolic-16x16-os", "mma-8x8", "systolic-32x32-ws"})
    for (const std::string memory : {"own", "ddr3", "ddr4-3200", "lpddr4-4266", "gddr6-14", "hbm2e", "hbm3"}) {
      auto accelerator = load_accelerator(name);
      ASSERT_TRUE(accelerator) << accelerator.error().place << accelerator.error().message;
      if (memory != "own") {
        const auto loaded = load_memory(memory, accelerator->clock_mhz.value);
        ASSERT_TRUE(loaded) << loaded.error().place << loaded.error().message;
        set_memory(*accelerator, *loaded);
      }
      const Machine& machine = std::get<Machine>(accelerator->core);
      for (const bool ideal : {true, false}) {
        const auto dram = ideal ? accelerator->dram.ideal() : accelerator->dram;
        double worst = 0, sum = 0, signed_worst = 0;
        int count = 0;
        std::string where;
        for (const LayerShape& layer : sample_layers())
          for (const auto& [w, a] : {std::pair{8, 8}, {4, 4}, {3, 5}, {2, 8}, {4, 2}}) {
            const OperandBits bits{w, a, layer.kind == LayerKind::kLinear ? 32 : a};
            const auto found = estimate(layer, bits, accelerator->batch, machine, dram);
            if (!found) continue;
            const auto simulated = static_cast<double>(simulate(found->schedule, machine, dram).cycles);
            const double error = (static_cast<double>(found->counts.cycles) - simulated) / simulated;
            sum += std::abs(error);
            ++count;
            if (std::abs(error) > worst) {
              worst = std::abs(error);
              signed_worst = error;
              where = layer.name + " W" + std::to_string(w) + "A" + std::to_string(a) + " " + std::to_string(found->counts.cycles) + "/" +
                      std::to_string(simulated);
            }
          }
        std::cout << name << " " << memory << (ideal ? " ideal " : " full ") << " mean " << 100 * sum / count << " worst " << 100 * signed_worst
                  << " " << where << std::endl;
      }
    }
}

}  // namespace
}  // namespace dyad::accel_models::tiled
