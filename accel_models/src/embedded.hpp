/// \file The data files inside the binary, by the names that users give.
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace dyad::embedded {
std::string_view accelerator_bismo_cloud();
std::string_view accelerator_bismo_edge();
std::string_view accelerator_mma_8x8();
std::string_view technology_asic_45nm_ddr3();
std::string_view technology_asic_45nm_ddr4();
}  // namespace dyad::embedded

namespace dyad::accel_models {

using NamedText = std::pair<std::string_view, std::string_view>;

inline std::array<NamedText, 3> embedded_accelerators() {
  return {{{"bismo-cloud", embedded::accelerator_bismo_cloud()},
           {"bismo-edge", embedded::accelerator_bismo_edge()},
           {"mma-8x8", embedded::accelerator_mma_8x8()}}};
}
inline std::array<NamedText, 2> embedded_technologies() {
  return {{{"asic-45nm-ddr3", embedded::technology_asic_45nm_ddr3()}, {"asic-45nm-ddr4", embedded::technology_asic_45nm_ddr4()}}};
}

}  // namespace dyad::accel_models
