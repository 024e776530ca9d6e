/// \file Fits a GPU's cost model to measured times and says how far off it is where it has not looked.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "dyad/base/json.hpp"
#include "dyad/hardware/study.hpp"

namespace dyad::workflow {

struct CalibrationFit {
  std::string accelerator;  ///< name or file
  hardware::Measurements measurements;
  hardware::FitOptions options;
  hardware::Study study;
};

/// Measurements from a CSV file (docs/calibration/fit.md), or HAWQ-V3's published table when the file's name ends in .json; `batch` is
/// for the latter (default: the accelerator's).
Result<CalibrationFit> calibrate_fit(const std::string& accelerator, const std::filesystem::path& measurements,
                                     const hardware::FitOptions& options, std::optional<int> batch);

/// The document dyad.fit/1: held_out {mape, p90, bias, kendall_tau}, parameters, baselines, rows.
OrderedJson fit_document(const CalibrationFit& fit);

/// The accelerator's JSON with the fitted parameters, each with its source, under another name.
Result<OrderedJson> fitted_accelerator(const CalibrationFit& fit, const std::string& name);

}  // namespace dyad::workflow
