/// \file A fit and its honest error: every shape predicted by a fit that has not seen it.
#pragma once

#include <string>
#include <vector>

#include "dyad/accel_models/tensor_core/gpu.hpp"
#include "dyad/base/result.hpp"
#include "dyad/hardware/error_summary.hpp"
#include "dyad/hardware/fit.hpp"
#include "dyad/hardware/measurements.hpp"

namespace dyad::hardware {

/// A model beside the fitted one, and its errors.
struct Baseline {
  std::string name, meaning;
  ErrorSummary error;
};

struct Study {
  accel_models::tensor_core::KernelParameters kernel;  ///< fitted to all rows
  ErrorSummary in_sample;                              ///< of that kernel
  ErrorSummary held_out;                               ///< leave one shape out: rows of a shape are never on both sides
  std::int64_t shapes = 0;
  std::vector<double> held_out_us;  ///< predictions, a row each
  Scatter scatter;                  ///< of rows of one shape and bits
  /// "roofline": the larger of products at the datasheet's rate and bytes at its bandwidth; "scaled roofline": times one factor, fitted
  /// to the other shapes; "scaled ideal kernels": the model with the device's ideal kernels (waves of tiles), scaled alike.
  std::vector<Baseline> baselines;
};

/// Error: as fit_kernel; fewer than three shapes. Folds run in parallel; the result does not depend on the number of threads.
Result<Study> study_fit(const Device& device, const Measurements& measurements, const FitOptions& options);

}  // namespace dyad::hardware
