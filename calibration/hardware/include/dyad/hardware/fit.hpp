/// \file Fits the parameters of a GPU's kernels to measured times.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dyad/accel_models/accelerator.hpp"
#include "dyad/accel_models/tensor_core/gpu.hpp"
#include "dyad/base/result.hpp"
#include "dyad/hardware/measurements.hpp"

namespace dyad::hardware {

struct FitOptions {
  std::vector<std::string> parameters;  ///< members of KernelParameters to vary, by name; the others keep the accelerator's values
  int starts = 3;                       ///< random starting points, of which the best end is kept; >= 1
  std::uint64_t seed = 0;
};

/// What a table of layer times determines: the parameters that `dyad calibrate fit` varies unless told.
std::vector<std::string> default_parameters();

/// A GPU's timing, without what does not change it.
struct Device {
  accel_models::tensor_core::Gpu gpu;
  hwsim::DramTiming dram;
  Megahertz clock;
};
/// Error: an accelerator that is no GPU.
Result<Device> device_of(const accel_models::Accelerator& accelerator);

/// Time of a measurement's layer by the analytic tier, in us. Error: a layer that the device can't run; it names the layer.
Result<double> predict_us(const Device& device, const Measurement& measurement);

/// The kernel of least sum of Huber's loss of ln(predicted / measured), quadratic up to 5 %. Levenberg-Marquardt from each starting
/// point, drawn by the seed from the parameters' plausible ranges and not from the accelerator's own values, so that what is held out
/// does not come back through the file. Parameters stay inside of their bounds. Repeated measurements of a shape count each.
/// Error: an unknown parameter (the known ones are listed), fewer rows than parameters, a layer that the device can't run.
Result<accel_models::tensor_core::KernelParameters> fit_kernel(const Device& device, std::span<const Measurement> rows,
                                                               const FitOptions& options);

}  // namespace dyad::hardware
