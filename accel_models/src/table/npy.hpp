/// \file NumPy's array files (.npy), format versions 1 to 3.
/// Source: numpy.lib.format, "A simple file format for NumPy arrays" (NEP 1).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dyad/base/result.hpp"

namespace dyad::accel_models::table {

struct NpyArray {
  std::vector<std::int64_t> shape;
  std::vector<double> values;  ///< in C order, whatever the file's; integers beyond 2^53 are rounded
};

/// Little-endian int32, int64, float32, float64. Error, at `place`: no such file, another type, or more or fewer bytes than its shape
/// takes.
Result<NpyArray> parse_npy(std::span<const std::uint8_t> bytes, const std::string& place);

}  // namespace dyad::accel_models::table
