/// \file A quick judgement of an assignment: its integer network on a fixed sample of calibration images.
#pragma once

#include <map>
#include <memory>

#include "bit_space.hpp"
#include "dyad/quantizer/kmeans.hpp"
#include "dyad/workflow/search.hpp"

namespace dyad::workflow {

/// Top-1 in percent and mean squared error of the logits, on the sample.
struct NetworkScore {
  double top1 = 0;
  double logits_mse = 0;
};

/// The integer network of an assignment as `request` wants it: linear, or with k-means codebooks.
Result<quantizer::IntegerNetwork> quantize_for(const SearchRequest& request, const quantizer::CalibratedNetwork& calibrated,
                                               const BitAssignment& assignment);

/// Quantizes with statistics of the first `correction_images` of the drawn images and scores on the first `reward_images`.
/// Every assignment is quantized once. Deterministic for any number of threads.
class NetworkScorer {
 public:
  /// `request` and `drawn` must outlive it.
  static Result<NetworkScorer> create(const SearchRequest& request, const network::Dataset& drawn);
  Result<NetworkScore> score(const BitAssignment& assignment);
  /// Of any network, not remembered.
  Result<NetworkScore> measure(const quantizer::IntegerNetwork& network) const;
  /// Puts a score of an earlier run in.
  void know(const BitAssignment& assignment, const NetworkScore& score);
  double float_top1() const { return float_top1_; }
  double reward(const NetworkScore& score) const { return 0.1 * (score.top1 - float_top1_); }
  std::int64_t evaluations() const { return static_cast<std::int64_t>(known_.size()); }

 private:
  NetworkScorer(const SearchRequest& request, quantizer::CalibratedNetwork calibrated, network::Dataset sample);

  using Key = std::vector<std::pair<std::string, std::pair<int, int>>>;
  static Key key_of(const BitAssignment& assignment);

  const SearchRequest& request_;
  quantizer::CalibratedNetwork calibrated_;
  network::Dataset sample_;
  Tensor<float> float_logits_;
  double float_top1_ = 0;
  std::map<Key, NetworkScore> known_;
};

}  // namespace dyad::workflow
