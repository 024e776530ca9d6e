// Fits: known parameters come back from times that they made, and HAWQ-V3's T4 table gives the committed accelerator.
#include "dyad/hardware/fit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "dyad/base/parallel.hpp"
#include "dyad/hardware/study.hpp"
#include "support/test_data.hpp"

namespace dyad::hardware {
namespace {

Device t4_hawq() {
  const auto accelerator = accel_models::load_accelerator("t4-hawq");
  return device_of(accelerator.value()).value();
}

std::vector<Measurement> made_by(const Device& device) {
  std::vector<Measurement> rows;
  for (const std::int64_t kernel : {1, 3})
    for (const std::int64_t output : {7, 14, 28})
      for (const std::int64_t channels : {64, 256})
        for (const int bits : {4, 8}) {
          Measurement row;
          row.layer = square_convolution(kernel, output, 1, channels, 2 * channels, 1);
          row.batch = 8;
          row.bits = {bits, bits, bits};
          row.latency_us = predict_us(device, row).value();
          rows.push_back(row);
        }
  return rows;
}

TEST(FitKernel, FindsTheParametersThatMadeTheTimes) {
  Device truth = t4_hawq();
  truth.gpu.kernel.cta_cycles = 2000;
  truth.gpu.kernel.window_instructions = 150;
  truth.gpu.kernel.epilogue_instructions = 30;
  truth.gpu.kernel.mma_efficiency = 0.2;
  const std::vector<Measurement> rows = made_by(truth);
  const Device start = t4_hawq();
  FitOptions options;
  options.parameters = default_parameters();
  options.starts = 4;
  const auto kernel = fit_kernel(start, rows, options);
  ASSERT_TRUE(kernel) << kernel.error().message;
  EXPECT_NEAR(kernel->cta_cycles, 2000, 100);
  EXPECT_NEAR(kernel->window_instructions, 150, 7.5);
  EXPECT_NEAR(kernel->epilogue_instructions, 30, 1.5);
  EXPECT_NEAR(kernel->mma_efficiency, 0.2, 0.01);
  EXPECT_EQ(kernel->launch_cycles, start.gpu.kernel.launch_cycles);  // was not to be fitted
}

TEST(FitKernel, DoesNotSeeTheValuesOfTheFile) {
  Device other = t4_hawq();
  const std::vector<Measurement> rows = made_by(other);
  FitOptions options;
  options.parameters = default_parameters();
  options.starts = 1;
  const auto first = fit_kernel(other, rows, options);
  other.gpu.kernel.cta_cycles *= 3;
  other.gpu.kernel.mma_efficiency /= 2;
  const auto second = fit_kernel(other, rows, options);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
}

TEST(FitKernel, RefusesWhatCantBeFitted) {
  const Device device = t4_hawq();
  const std::vector<Measurement> rows = made_by(device);
  const auto message = [&](std::vector<std::string> names, std::size_t count) {
    const auto kernel = fit_kernel(device, std::span(rows).first(count), {std::move(names), 1, 0});
    return kernel ? "fitted" : kernel.error().message;
  };
  EXPECT_EQ(message({"speed"}, 5), "no kernel parameter is called 'speed'");
  EXPECT_EQ(message({"overlap", "overlap"}, 5), "'overlap' stands twice");
  EXPECT_EQ(message({}, 5), "nothing to fit");
  EXPECT_EQ(message({"overlap", "l2_warm"}, 1), "2 parameters and 1 measurements to fit them to");
  const auto no_gpu = device_of(accel_models::load_accelerator("bismo-edge").value());
  ASSERT_FALSE(no_gpu);
  EXPECT_EQ(no_gpu.error().message, "its family 'bit_serial' has no kernel parameters to fit");
}

TEST(StudyFit, DoesNotDependOnThreads) {
  const Device device = t4_hawq();
  Measurements measurements{"made", made_by(device)};
  for (std::size_t i = 0; i < measurements.rows.size(); ++i) measurements.rows[i].latency_us *= i % 2 ? 1.1 : 0.9;
  const FitOptions options{{"launch_cycles", "mma_efficiency"}, 1, 3};
  set_thread_count(1);
  const auto serial = study_fit(device, measurements, options);
  set_thread_count(3);
  const auto parallel = study_fit(device, measurements, options);
  set_thread_count(0);
  ASSERT_TRUE(serial && parallel);
  EXPECT_EQ(serial->held_out_us, parallel->held_out_us);
  EXPECT_EQ(serial->kernel, parallel->kernel);
}

// The committed t4-hawq.json is what `dyad calibrate fit` makes of the published table, and its error is what the page says.
TEST(StudyFit, OfHawqsTableIsTheCommittedAccelerator) {
  DYAD_NEEDS_DATA("hawq/ilp_inputs.json");
  const auto measurements = read_hawq_table(*testing_support::data_folder() / "hawq" / "ilp_inputs.json", 8);
  ASSERT_TRUE(measurements);
  const Device device = t4_hawq();
  FitOptions options;
  options.parameters = default_parameters();
  const auto study = study_fit(device, *measurements, options);
  ASSERT_TRUE(study) << study.error().message;
  for (const auto& parameter : accel_models::tensor_core::kernel_parameters()) {
    const double committed = device.gpu.kernel.*(parameter.member);
    EXPECT_NEAR(study->kernel.*(parameter.member), committed, 1e-3 * std::fabs(committed)) << parameter.name;
  }
  EXPECT_EQ(study->shapes, 22);
  EXPECT_LT(study->held_out.mape, 9.5);
  EXPECT_LT(study->held_out.p90, 20);
  EXPECT_GT(study->held_out.kendall_tau.value(), 0.87);
  // Every baseline is worse.
  for (const Baseline& baseline : study->baselines) EXPECT_GT(baseline.error.mape, study->held_out.mape + 3) << baseline.name;
}

}  // namespace
}  // namespace dyad::hardware
