/// \file A user's own measurements as a cost model: a table over layer, weight bits and activation bits. docs/accel_models/table.md.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dyad/base/cost_model.hpp"
#include "dyad/base/result.hpp"

namespace dyad::accel_models::table {

/// What the numbers of a table count.
enum class Unit { kCycles, kMicroseconds, kMilliseconds };

/// "table:FILE[,unit=cycles|us|ms][,clock_mhz=C][,batch=N]", as it stands where an accelerator is named.
struct Spelling {
  std::string file;
  std::optional<Unit> unit;
  std::optional<double> clock_mhz;
  std::optional<int> batch;
};

/// Whether the name of an accelerator begins with "table:".
bool is_table(const std::string& accelerator);
/// Error: no file, an unknown key, a value out of range; `accelerator` is a table's.
Result<Spelling> parse_spelling(const std::string& accelerator);

constexpr int kMaxBits = 16;
/// Clock of a table that names none: a cycle is a nanosecond.
constexpr double kDefaultClockMhz = 1000;

struct Point {
  std::int64_t cycles = 0;  ///< 0: not measured
  std::optional<double> energy_pj;
};

struct MeasuredTable {
  std::string name;  ///< "table:" and the file's name without its folder
  double clock_mhz = kDefaultClockMhz;
  bool clock_is_given = false;  ///< by the spelling or the file, or the numbers are times: latencies are measured, not assumed
  int batch = 1;                ///< images a number stands for
  /// Names of the rows' layers; empty: the rows are the weighted layers in execution order.
  std::vector<std::string> layers;
  std::vector<std::array<std::array<Point, kMaxBits>, kMaxBits>> rows;  ///< [layer][w - 1][a - 1]
  std::string fingerprint;                                              ///< 16 hex digits over the file and the spelling
};

/// Reads .npy (format 1 to 3; 3-D; little-endian int32, int64, float32 or float64; C or Fortran order), .csv
/// (layer,w,a,cycles|latency_us|latency_ms[,energy_pj[,leakage_pj,idle_pj]]) or .json (dyad.cost_table/1). Parts of the energy are not
/// kept. Error, with the file and the index, line or pointer: another layout; a number that is negative, infinite or none; a point given
/// twice.
Result<MeasuredTable> read_table(const Spelling& spelling);

/// The table as a cost model of tier kMeasured. `weighted_layers`: the network's, in execution order.
/// A layer without weights costs nothing; bits that were not measured are an error of that layer. The model's notes() say what is left out.
/// Error: rows and layers differ in number (.npy) or in names (the others).
Result<std::unique_ptr<CostModel>> make_model(MeasuredTable table, std::span<const std::string> weighted_layers);

}  // namespace dyad::accel_models::table
