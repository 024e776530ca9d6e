/// \file What the reference models of the systolic arrays have in common: results that show a fixed number of cycles after they are
/// settled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace dyad::cosim::reference {

/// Accumulators and sums of activations of one capture, or of one word.
struct ArrayResult {
  std::vector<std::uint32_t> acc, sum;
};

/// A result given in cycle t is at the output in cycle t + latency, and stays there until the next one arrives.
class DelayedResults {
 public:
  DelayedResults(int latency, std::size_t accumulators, std::size_t sums)
      : under_way_(static_cast<std::size_t>(latency)), out_{std::vector<std::uint32_t>(accumulators), std::vector<std::uint32_t>(sums)} {}

  bool out_valid() const { return out_valid_; }
  const std::vector<std::uint32_t>& out_acc() const { return out_.acc; }
  const std::vector<std::uint32_t>& out_sum() const { return out_.sum; }

  /// A clock edge; `reset` drops what is under way.
  void clock(bool reset, std::optional<ArrayResult> result) {
    if (reset) {
      for (std::optional<ArrayResult>& dropped : under_way_) dropped.reset();
      result.reset();
    }
    under_way_.push_back(std::move(result));
    under_way_.pop_front();
    out_valid_ = under_way_.front().has_value();
    if (out_valid_) out_ = *under_way_.front();
  }

 private:
  std::deque<std::optional<ArrayResult>> under_way_;  // the front is at the output
  ArrayResult out_;
  bool out_valid_ = false;
};

}  // namespace dyad::cosim::reference
