#include "dyad/hardware/study.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "dyad/accel_models/tensor_core/plan.hpp"
#include "dyad/base/parallel.hpp"

namespace dyad::hardware {
namespace {

using accel_models::tensor_core::KernelParameters;

/// The datasheet's bound: products at the peak rate of the narrowest instruction that holds both operands, each tensor once through DRAM.
double roofline_us(const Device& device, const Measurement& row) {
  const int bits = std::max(row.bits.weight, row.bits.activation);
  double macs_per_cycle = 0;
  int narrowest = 0;
  for (const auto& instruction : device.gpu.instructions)
    if (instruction.bits >= bits && (narrowest == 0 || instruction.bits <= narrowest)) {
      narrowest = static_cast<int>(instruction.bits);
      macs_per_cycle = device.gpu.peak_macs_per_cycle(instruction);
    }
  const double batch = static_cast<double>(row.batch);
  const double cycles = batch * static_cast<double>(row.layer.macs()) / macs_per_cycle;
  const double moved_bits = batch * (static_cast<double>(row.layer.input_count()) * row.bits.activation +
                                     static_cast<double>(row.layer.output_count()) * row.bits.out) +
                            static_cast<double>(row.layer.weight_count()) * row.bits.weight;
  const double dram_cycles = moved_bits * 1000 / static_cast<double>(device.dram.bits_per_kilocycle);
  return std::max(cycles, dram_cycles) / device.clock.value;
}

/// Geometric mean of measured / predicted: the factor of least squared logarithmic error.
double best_factor(std::span<const Measurement> rows, std::span<const double> predictions_us, const std::vector<bool>& used) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!used[i]) continue;
    sum += std::log(rows[i].latency_us / predictions_us[i]);
    count += 1;
  }
  return std::exp(sum / count);
}

class Studied {
 public:
  Studied(const Device& device, const Measurements& measurements, const FitOptions& options)
      : device_(device), rows_(measurements.rows), options_(options) {
    for (const Measurement& row : rows_) {
      measured_us_.push_back(row.latency_us);
      shape_of_.push_back(shape_key(row));
      repeated_of_.push_back(shape_of_.back() + " W" + std::to_string(row.bits.weight) + "A" + std::to_string(row.bits.activation));
    }
    shapes_ = shape_of_;
    std::sort(shapes_.begin(), shapes_.end());
    shapes_.erase(std::unique(shapes_.begin(), shapes_.end()), shapes_.end());
  }

  Result<Study> run() const {
    constexpr std::size_t kLeastShapes = 3;
    if (shapes_.size() < kLeastShapes)
      return Error{"measurements", std::to_string(shapes_.size()) + " shapes; leaving one out needs 3", "measure more layers"};
    Study study;
    study.shapes = static_cast<std::int64_t>(shapes_.size());
    DYAD_TRY(study.kernel, fit_kernel(device_, rows_, options_));
    study.in_sample = summarize(predictions(study.kernel));
    DYAD_TRY(study.held_out_us, hold_out());
    study.held_out = summarize(study.held_out_us);
    study.scatter = measure_scatter(measured_us_, repeated_of_);
    std::vector<double> roofline;
    for (const Measurement& row : rows_) roofline.push_back(roofline_us(device_, row));
    study.baselines = {{"roofline", "products at the datasheet's rate or bytes at its bandwidth", summarize(roofline)},
                       {"scaled roofline", "times one factor, fitted to the other shapes", summarize(scaled(roofline))},
                       {"scaled ideal kernels", "waves of tiles at the datasheet's rates, times one factor, fitted to the other shapes",
                        summarize(scaled(predictions(KernelParameters{})))}};
    return study;
  }

 private:
  ErrorSummary summarize(const std::vector<double>& predictions_us) const {
    return summarize_errors(predictions_us, measured_us_, shape_of_, options_.seed);
  }

  std::vector<double> predictions(const KernelParameters& kernel) const {
    Device device = device_;
    device.gpu.kernel = kernel;
    std::vector<double> latencies_us;
    for (const Measurement& row : rows_) latencies_us.push_back(predict_us(device, row).value());
    return latencies_us;
  }

  std::vector<bool> outside_of(const std::string& shape) const {
    std::vector<bool> outside;
    for (const std::string& each : shape_of_) outside.push_back(each != shape);
    return outside;
  }

  std::vector<double> scaled(const std::vector<double>& predictions_us) const {
    std::vector<double> result = predictions_us;
    for (const std::string& shape : shapes_) {
      const std::vector<bool> outside = outside_of(shape);
      const double factor = best_factor(rows_, predictions_us, outside);
      for (std::size_t i = 0; i < result.size(); ++i)
        if (!outside[i]) result[i] *= factor;
    }
    return result;
  }

  Result<std::vector<double>> hold_out() const {
    std::vector<double> latencies_us(rows_.size());
    std::vector<std::optional<Error>> faults(shapes_.size());
    parallel_for(static_cast<std::int64_t>(shapes_.size()), [&](std::int64_t index) {
      const auto fold = static_cast<std::size_t>(index);
      const std::vector<bool> outside = outside_of(shapes_[fold]);
      std::vector<Measurement> others;
      for (std::size_t i = 0; i < rows_.size(); ++i)
        if (outside[i]) others.push_back(rows_[i]);
      const auto kernel = fit_kernel(device_, others, options_);
      if (!kernel) {
        faults[fold] = kernel.error();
        return;
      }
      Device device = device_;
      device.gpu.kernel = *kernel;
      for (std::size_t i = 0; i < rows_.size(); ++i)
        if (!outside[i]) latencies_us[i] = predict_us(device, rows_[i]).value();
    });
    for (const std::optional<Error>& fault : faults)
      if (fault) return *fault;
    return latencies_us;
  }

  const Device& device_;
  const std::vector<Measurement>& rows_;
  const FitOptions& options_;
  std::vector<double> measured_us_;
  std::vector<std::string> shape_of_, repeated_of_, shapes_;
};

}  // namespace

Result<Study> study_fit(const Device& device, const Measurements& measurements, const FitOptions& options) {
  return Studied(device, measurements, options).run();
}

}  // namespace dyad::hardware
