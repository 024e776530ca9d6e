#include "dyad/hardware/fit.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <unsupported/Eigen/NonLinearOptimization>

#include "dyad/accel_models/tensor_core/analytic.hpp"
#include "dyad/base/random.hpp"

namespace dyad::hardware {
namespace {

using accel_models::tensor_core::KernelParameter;
using accel_models::tensor_core::KernelParameters;

constexpr double kHuberWidth = 0.05;  // of ln(predicted / measured)
// Pulls parameters that the measurements don't determine to their starting point; far below any error worth seeing.
constexpr double kRidge = 1e-3;
// Shares are fitted as logistic functions, anything else as exponentials.
constexpr double kShareStarts[] = {0.05, 0.9}, kInstructionStarts[] = {0.5, 50}, kCycleStarts[] = {10, 5000};

bool is_share(const KernelParameter& parameter) { return parameter.largest <= 1; }

double to_value(const KernelParameter& parameter, double x) {
  return is_share(parameter) ? parameter.largest / (1 + std::exp(-x)) : std::min(std::exp(x), parameter.largest);
}

double random_start(const KernelParameter& parameter, Random& random) {
  const bool instructions = parameter.name.ends_with("_instructions");
  const auto& range = is_share(parameter) ? kShareStarts : instructions ? kInstructionStarts : kCycleStarts;
  const double value = range[0] * std::pow(range[1] / range[0], random.uniform());
  return is_share(parameter) ? std::log(value / (1 - value)) : std::log(value);
}

/// Measurements of a shape at the same bits are predicted once.
struct Point {
  const Measurement* row;
  std::vector<double> latencies_us;
};

std::vector<Point> distinct_points(std::span<const Measurement> rows) {
  std::map<std::string, std::size_t> index;
  std::vector<Point> points;
  for (const Measurement& row : rows) {
    const std::string key = shape_key(row) + " W" + std::to_string(row.bits.weight) + "A" + std::to_string(row.bits.activation);
    const auto [found, added] = index.emplace(key, points.size());
    if (added) points.push_back({&row, {}});
    points[found->second].latencies_us.push_back(row.latency_us);
  }
  return points;
}

/// Residuals of the fit in the form that Eigen's Levenberg-Marquardt takes: their squares sum to twice Huber's loss.
class Residuals {
 public:
  Residuals(const Device& device, std::vector<const KernelParameter*> parameters, std::vector<Point> points, Eigen::VectorXd start)
      : device_(device), parameters_(std::move(parameters)), points_(std::move(points)), start_(std::move(start)) {
    for (const Point& point : points_) count_ += static_cast<int>(point.latencies_us.size());
  }

  int inputs() const { return static_cast<int>(parameters_.size()); }
  int values() const { return count_ + inputs(); }
  KernelParameters kernel(const Eigen::VectorXd& x) const {
    KernelParameters kernel = device_.gpu.kernel;
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      kernel.*(parameters_[i]->member) = to_value(*parameters_[i], x[static_cast<Eigen::Index>(i)]);
    return kernel;
  }

  int operator()(const Eigen::VectorXd& x, Eigen::VectorXd& residuals) const {
    Device device = device_;
    device.gpu.kernel = kernel(x);
    Eigen::Index next = 0;
    for (const Point& point : points_) {
      const double predicted_us = predict_us(device, *point.row).value();  // the rows were checked
      for (const double latency_us : point.latencies_us) {
        const double error = std::log(predicted_us / latency_us), size = std::fabs(error);
        const double loss = size <= kHuberWidth ? size * size / 2 : kHuberWidth * (size - kHuberWidth / 2);
        residuals[next++] = std::copysign(std::sqrt(2 * loss), error);
      }
    }
    residuals.tail(inputs()) = kRidge * (x - start_);
    return 0;
  }

  // Central differences: predictions are whole cycles, so steps are large against rounding.
  int df(const Eigen::VectorXd& x, Eigen::MatrixXd& jacobian) const {
    constexpr double kStep = 2e-3;
    Eigen::VectorXd above(values()), below(values());
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      Eigen::VectorXd moved = x;
      moved[i] = x[i] + kStep;
      (*this)(moved, above);
      moved[i] = x[i] - kStep;
      (*this)(moved, below);
      jacobian.col(i) = (above - below) / (2 * kStep);
    }
    return 0;
  }

 private:
  const Device& device_;
  std::vector<const KernelParameter*> parameters_;
  std::vector<Point> points_;
  Eigen::VectorXd start_;
  int count_ = 0;
};

Result<std::vector<const KernelParameter*>> chosen_parameters(const std::vector<std::string>& names) {
  std::string known;
  for (const KernelParameter& parameter : accel_models::tensor_core::kernel_parameters())
    known += (known.empty() ? "" : ", ") + std::string(parameter.name);
  std::vector<const KernelParameter*> chosen;
  for (const std::string& name : names) {
    const KernelParameter* found = nullptr;
    for (const KernelParameter& parameter : accel_models::tensor_core::kernel_parameters())
      if (parameter.name == name) found = &parameter;
    if (!found) return Error{"--parameters", "no kernel parameter is called '" + name + "'", "known: " + known};
    if (std::find(chosen.begin(), chosen.end(), found) != chosen.end())
      return Error{"--parameters", "'" + name + "' stands twice", "name each once"};
    chosen.push_back(found);
  }
  if (chosen.empty()) return Error{"--parameters", "nothing to fit", "known: " + known};
  return chosen;
}

}  // namespace

std::vector<std::string> default_parameters() { return {"cta_cycles", "window_instructions", "epilogue_instructions", "mma_efficiency"}; }

Result<Device> device_of(const accel_models::Accelerator& accelerator) {
  const auto* gpu = std::get_if<accel_models::tensor_core::Gpu>(&accelerator.core);
  if (!gpu)
    return Error{accelerator.name, "its family '" + accelerator.family + "' has no kernel parameters to fit",
                 "an accelerator with an object \"gpu\", for example t4"};
  return Device{*gpu, accelerator.dram, Megahertz(accelerator.clock_mhz.value)};
}

Result<double> predict_us(const Device& device, const Measurement& row) {
  const auto cycles = accel_models::tensor_core::closed_form_cycles(row.layer, row.bits, row.batch, device.gpu, device.dram);
  if (!cycles)
    return Error{row.layer.name,
                 "no kernel of the device runs it at W" + std::to_string(row.bits.weight) + "A" + std::to_string(row.bits.activation),
                 "a tile that fits, or bits that an instruction has"};
  return duration(Cycles(*cycles), device.clock).value;
}

Result<KernelParameters> fit_kernel(const Device& device, std::span<const Measurement> rows, const FitOptions& options) {
  DYAD_EXPECT(options.starts >= 1, "a fit without a starting point");
  DYAD_TRY(const std::vector<const KernelParameter*> parameters, chosen_parameters(options.parameters));
  if (rows.size() < parameters.size())
    return Error{"--parameters",
                 std::to_string(parameters.size()) + " parameters and " + std::to_string(rows.size()) + " measurements to fit them to",
                 "fewer parameters, or more measurements"};
  for (const Measurement& row : rows) DYAD_CHECK(predict_us(device, row));
  const std::vector<Point> points = distinct_points(rows);
  std::optional<KernelParameters> best;
  double least = 0;
  for (int start = 0; start < options.starts; ++start) {
    Random random(options.seed, static_cast<std::uint64_t>(start));
    Eigen::VectorXd x(static_cast<Eigen::Index>(parameters.size()));
    for (std::size_t i = 0; i < parameters.size(); ++i) x[static_cast<Eigen::Index>(i)] = random_start(*parameters[i], random);
    Residuals residuals(device, parameters, points, x);
    Eigen::LevenbergMarquardt<Residuals> search(residuals);
    search.parameters.maxfev = 60;
    search.parameters.ftol = search.parameters.xtol = 1e-6;
    search.minimize(x);
    Eigen::VectorXd values(residuals.values());
    residuals(x, values);
    if (best && values.squaredNorm() >= least) continue;
    least = values.squaredNorm();
    best = residuals.kernel(x);
  }
  return *best;
}

}  // namespace dyad::hardware
