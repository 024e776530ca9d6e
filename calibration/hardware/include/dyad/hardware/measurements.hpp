/// \file Measured times of layers on a device: what a cost model is fitted to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/cost_model.hpp"
#include "dyad/base/layer_shape.hpp"
#include "dyad/base/result.hpp"

namespace dyad::hardware {

/// Time of one layer for a batch.
struct Measurement {
  LayerShape layer;  ///< weighted
  std::int64_t batch = 1;
  OperandBits bits;
  double latency_us = 0;  ///< > 0
};

struct Measurements {
  std::string source;  ///< who measured what: device, kernels, date
  std::vector<Measurement> rows;
};

/// Shapes that differ in nothing but their names are one.
std::string shape_key(const Measurement& measurement);

/// CSV with a header line; columns in any order: name, batch, kernel, output, stride, in, out, groups (as `--conv` spells them), w, a,
/// latency_us; columns "x-…" are ignored. A first line "# source: …" is required. Format: docs/calibration/fit.md.
Result<Measurements> read_measurements(const std::filesystem::path& file);
/// The same from text; `place` names it in errors.
Result<Measurements> parse_measurements(std::string_view text, const std::string& place);

/// HAWQ-V3's inputs of its integer program (ilp_inputs.json): times on a T4 in ms of ResNet-18 and ResNet-50 at W4A4 and W8A8, for the
/// weighted layers but the first and the last, in execution order; entries may be null. `batch` is not in the file: 8 in the publication.
/// Error: parameters or MACs that are not those of the built-in topology.
Result<Measurements> read_hawq_table(const std::filesystem::path& file, std::int64_t batch);

}  // namespace dyad::hardware
