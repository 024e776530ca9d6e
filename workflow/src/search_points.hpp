/// \file Points of the accuracy-cost plane: integer networks at an assignment, their logits error and their accuracy.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "dyad/workflow/search.hpp"
#include "search_problem.hpp"

namespace dyad::workflow {

/// Builds and measures integer networks of one calibrated network.
class PointMeter {
 public:
  /// `images`: those that logits errors are measured on. All references must outlive the meter.
  PointMeter(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated, const CostedNetwork& costed,
             const network::Dataset& images);

  Result<quantizer::IntegerNetwork> quantize(const BitAssignment& assignment) const { return calibrated_.quantize(assignment); }
  /// Mean squared difference of the integer network's logits from the float network's.
  Result<double> logits_mse(const quantizer::IntegerNetwork& network) const;
  /// A point with its cost and logits error; top-1 is measured later.
  Result<ParetoPoint> point(const BitAssignment& assignment, std::string label, std::string origin) const;
  /// Top-1 of a point on the images of `data`; false when cancelled.
  Result<bool> measure_top1(ParetoPoint& point, const network::Dataset& data, Progress& progress) const;

 private:
  const SearchRequest& request_;
  const quantizer::CalibratedNetwork& calibrated_;
  const CostedNetwork& costed_;
  const network::Dataset& images_;
  Tensor<float> float_logits_;
};

/// Uniform bits: those within the limits that no other one within them exceeds in both w and a, plus w = a for reference.
/// Top-1 of the three with the least logits error is measured on `evaluation`, that of the others on `sample`.
/// Appends to `points` and returns the index of the best of those measured on `evaluation`, if any.
Result<std::optional<std::size_t>> add_uniform_points(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated,
                                                      const CostedNetwork& costed, const PointMeter& meter,
                                                      std::span<const ResolvedLimit> limits, const network::Dataset& evaluation,
                                                      const network::Dataset& sample, std::vector<ParetoPoint>& points, Progress& progress);

/// The optimum at each of the request's sweep ratios of `cost_name`, top-1 on `sample`. Ratios that can't be met are left out.
Result<void> add_sweep_points(const SearchRequest& request, const quantizer::ChoiceProblem& problem, const CostedNetwork& costed,
                              const PointMeter& meter, const CostTotals& at_8_bits, const std::string& cost_name,
                              const network::Dataset& sample, std::vector<ParetoPoint>& points, Progress& progress);

/// Sets on_front of every point: none other is at least as good in cost and top-1 and better in one.
void mark_front(std::vector<ParetoPoint>& points, const std::string& cost_name);

}  // namespace dyad::workflow
