#include "dyad/workflow/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dyad/accel_models/accelerator.hpp"

namespace dyad::workflow {
namespace {

using accel_models::tensor_core::kernel_parameters;
using accel_models::tensor_core::KernelParameter;

OrderedJson error_document(const hardware::ErrorSummary& error) {
  OrderedJson document{
      {"mape", error.mape}, {"mape_interval", {error.mape_low, error.mape_high}}, {"p90", error.p90}, {"bias", error.bias}};
  document["kendall_tau"] = error.kendall_tau ? OrderedJson(*error.kendall_tau) : OrderedJson(nullptr);
  return document;
}

bool is_fitted(const CalibrationFit& fit, const KernelParameter& parameter) {
  const auto& names = fit.options.parameters;
  return std::find(names.begin(), names.end(), parameter.name) != names.end();
}

}  // namespace

Result<CalibrationFit> calibrate_fit(const std::string& accelerator, const std::filesystem::path& measurements,
                                     const hardware::FitOptions& options, std::optional<int> batch) {
  DYAD_TRY(const accel_models::Accelerator loaded, accel_models::load_accelerator(accelerator));
  DYAD_TRY(const hardware::Device device, hardware::device_of(loaded));
  CalibrationFit fit;
  fit.accelerator = accelerator;
  fit.options = options;
  if (measurements.extension() == ".json") {
    DYAD_TRY(fit.measurements, hardware::read_hawq_table(measurements, batch.value_or(loaded.batch)));
  } else if (batch) {
    return Error{"--batch", "a CSV of measurements has a column of its own for it", "leave --batch out"};
  } else {
    DYAD_TRY(fit.measurements, hardware::read_measurements(measurements));
  }
  DYAD_TRY(fit.study, hardware::study_fit(device, fit.measurements, options));
  return fit;
}

OrderedJson fit_document(const CalibrationFit& fit) {
  const hardware::Study& study = fit.study;
  OrderedJson document{{"schema", "dyad.fit/1"},
                       {"version", DYAD_VERSION},
                       {"accelerator", fit.accelerator},
                       {"measurements", fit.measurements.source},
                       {"rows_fitted", fit.measurements.rows.size()},
                       {"shapes", study.shapes},
                       {"seed", fit.options.seed}};
  for (const KernelParameter& parameter : kernel_parameters())
    if (is_fitted(fit, parameter)) document["parameters"][std::string(parameter.name)] = study.kernel.*(parameter.member);
  document["held_out"] = error_document(study.held_out);
  document["held_out"]["method"] = "leave one shape out";
  document["in_sample"] = error_document(study.in_sample);
  document["scatter"] = {{"rows", study.scatter.rows},
                         {"groups", study.scatter.groups},
                         {"mape", study.scatter.mape},
                         {"largest_ratio", study.scatter.largest_ratio}};
  for (const hardware::Baseline& baseline : study.baselines) {
    OrderedJson entry{{"name", baseline.name}, {"meaning", baseline.meaning}};
    entry.update(error_document(baseline.error));
    document["baselines"].push_back(std::move(entry));
  }
  for (std::size_t i = 0; i < fit.measurements.rows.size(); ++i) {
    const hardware::Measurement& row = fit.measurements.rows[i];
    document["rows"].push_back({{"name", row.layer.name},
                                {"w", row.bits.weight},
                                {"a", row.bits.activation},
                                {"measured_us", row.latency_us},
                                {"held_out_us", study.held_out_us[i]}});
  }
  return document;
}

Result<OrderedJson> fitted_accelerator(const CalibrationFit& fit, const std::string& name) {
  DYAD_TRY(const accel_models::Document base, accel_models::accelerator_document(fit.accelerator));
  OrderedJson document = OrderedJson::parse(base.text);
  document["name"] = name;
  const std::string source = fmt::format(
      "dyad calibrate fit to {} measurements of {} shapes: {}; leave-one-shape-out error {:.1f} % mean, {:.1f} % at the 90th percentile",
      fit.measurements.rows.size(), fit.study.shapes, fit.measurements.source, fit.study.held_out.mape, fit.study.held_out.p90);
  for (const KernelParameter& parameter : kernel_parameters())
    if (is_fitted(fit, parameter))
      document["kernel"][std::string(parameter.name)] = {{"value", fit.study.kernel.*(parameter.member)}, {"source", source}};
  return document;
}

}  // namespace dyad::workflow
