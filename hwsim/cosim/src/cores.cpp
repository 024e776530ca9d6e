#include <Vapot_core_4x4x64.h>
#include <Vapot_core_8x8x128.h>
#include <Vbit_serial_core_4x4x64.h>
#include <Vbit_serial_core_8x8x256.h>
#include <Vfusion_core_4x2.h>
#include <Vfusion_core_8x8.h>
#include <Vmma_core_4x4x64.h>
#include <Vmma_core_8x8x128.h>
#include <Vsystolic_core_16x16.h>
#include <Vsystolic_core_8x4.h>

#include <algorithm>
#include <array>

#include "core_simulation.hpp"
#include "dyad/cosim/core.hpp"

namespace dyad::cosim {
namespace {

struct Build {
  CoreShape shape;
  std::unique_ptr<CoreSimulation> (*make)(const CoreShape&);
};

template <class Model>
std::unique_ptr<CoreSimulation> make(const CoreShape& shape) {
  return std::make_unique<CoreSimulationOf<Model>>(shape);
}

/// Cycles from a handover to the first beat at the output, less one (a drain takes as many cycles as there are beats, or more): capture 2,
/// array or lanes, result registers 1, bias and zero point 2, unit, output buffer 1. The slowest way is that of averages that are
/// requantized.
constexpr std::int64_t output_latency(std::int64_t array_latency) {
  constexpr std::int64_t kLanes = 3, kRequantizer = 3, kAverage = 3;
  return std::max(array_latency + kRequantizer, kLanes + kAverage + kRequantizer) + 5;
}

/// `sizes`: rows, columns, bits of a line of activations and of weights, entries of both memories, lanes, latency of the array.
template <class Model>
Build build(const char* name, const std::array<std::int64_t, 7>& sizes) {
  const auto [rows, columns, activation_bits, weight_bits, entries, lanes, array_latency] = sizes;
  return {{name, rows, columns, activation_bits, weight_bits, entries, entries, lanes, Rounding::kHalfUp, AverageRounding::kHalfUp,
           output_latency(array_latency)},
          make<Model>};
}

/// The parameters stand in rtl/CMakeLists.txt too; a core whose ports differ does not compile or fails its first layer.
const std::vector<Build>& builds() {
  static const std::vector<Build> all{
      build<Vbit_serial_core_8x8x256>("bit_serial_core_8x8x256", {8, 8, 256, 256, 1024, 16, 4}),
      build<Vbit_serial_core_4x4x64>("bit_serial_core_4x4x64", {4, 4, 64, 64, 64, 4, 4}),
      build<Vmma_core_8x8x128>("mma_core_8x8x128", {8, 8, 128, 128, 1024, 16, 4}),
      build<Vmma_core_4x4x64>("mma_core_4x4x64", {4, 4, 64, 64, 64, 4, 4}),
      build<Vapot_core_8x8x128>("apot_core_8x8x128", {8, 8, 128, 128, 1024, 16, 4}),
      build<Vapot_core_4x4x64>("apot_core_4x4x64", {4, 4, 64, 64, 64, 4, 4}),
      build<Vsystolic_core_16x16>("systolic_core_16x16", {16, 16, 128, 128, 4096, 4, 33}),
      build<Vsystolic_core_8x4>("systolic_core_8x4", {8, 4, 64, 32, 64, 2, 13}),
      // One row of results: the units' rows sum up.
      build<Vfusion_core_8x8>("fusion_core_8x8", {1, 8, 256, 256, 1024, 4, 18}),
      build<Vfusion_core_4x2>("fusion_core_4x2", {1, 2, 128, 64, 64, 2, 8}),
  };
  return all;
}

}  // namespace

std::vector<CoreShape> core_shapes() {
  std::vector<CoreShape> shapes;
  for (const Build& build : builds()) shapes.push_back(build.shape);
  return shapes;
}

std::unique_ptr<CoreSimulation> make_core(std::string_view name) {
  for (const Build& build : builds())
    if (build.shape.name == name) return build.make(build.shape);
  DYAD_EXPECT(false, "no core is called " + std::string(name));
  return nullptr;
}

}  // namespace dyad::cosim
