/// \file How much each layer suffers at each bit-width: the losses that bit allocation minimizes.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"
#include "dyad/network/dataset.hpp"
#include "dyad/quantizer/post_training.hpp"

namespace dyad::quantizer {

enum class SensitivityMetric {
  kWeight,   ///< |W - Q_b(W)|^2, no data needed
  kMse,      ///< mean squared error of the logits with one tensor quantized
  kKl,       ///< KL(softmax(float) || softmax(quantized)) with one tensor quantized, in nats
  kHessian,  ///< trace / parameters * |W - Q_b(W)|^2 (HAWQ-V3)
};
std::string_view to_string(SensitivityMetric metric);
std::optional<SensitivityMetric> sensitivity_metric_from_name(std::string_view name);

/// Trace of the loss's Hessian restricted to the weights of one layer, and its standard error.
struct LayerTrace {
  std::string name;
  double trace = 0;
  double trace_stderr = 0;
  std::int64_t params = 0;
};

struct LayerSensitivity {
  std::string name;
  std::int64_t params = 0;
  std::optional<double> trace, trace_stderr;  ///< kHessian only
  std::map<int, double> error;                ///< bits to error of the layer's weights
  std::map<int, double> input_error;          ///< bits to error of its input activations; kMse and kKl only
};

struct SensitivityTable {
  SensitivityMetric metric = SensitivityMetric::kMse;
  std::int64_t images = 0;               ///< that the errors were measured on; 0 for kWeight and kHessian
  std::vector<LayerSensitivity> layers;  ///< execution order
};

/// |W - Q_b(W)|^2 over a layer's weights at 2 to 8 bits, summed in double in storage order.
double weight_error(const CalibratedNetwork& network, network::NodeId layer, int bits);

/// Called between units of work with (done, total); false stops.
using KeepGoing = std::function<bool(std::int64_t, std::int64_t)>;

/// Errors of every layer at each of `bits` (2 to 8). `images` are read by kMse and kKl, `traces` by kHessian (every weighted
/// layer must have one; its parameter count must be the layer's). Nothing when `keep_going` stopped it.
/// Deterministic for any number of threads.
Result<std::optional<SensitivityTable>> measure_sensitivity(const CalibratedNetwork& network, SensitivityMetric metric,
                                                            std::span<const int> bits, const network::Dataset& images,
                                                            std::span<const LayerTrace> traces, const KeepGoing& keep_going);

/// dyad.sensitivity/1 (docs/quantizer/sensitivity.md).
OrderedJson sensitivity_to_json(const SensitivityTable& table, const std::string& model);

}  // namespace dyad::quantizer
