/// \file What the reference models of the arrays without back-pressure have in common: a pipeline before the accumulators, and captured
/// results.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace dyad::cosim::reference {

/// What a cycle's operands add: one 32-bit number for each accumulator and each row sum, already signed.
struct ArrayAddend {
  bool first = false;  ///< the accumulators restart
  bool shift = false;  ///< the accumulators double before the addition
  std::vector<std::uint32_t> acc, sum;
};

/// Accumulators behind a pipeline of `kStages` cycles. Addends of cycle t are in the accumulators from cycle t + kStages + 1 on;
/// a capture of cycle t takes those of all cycles before t and shows in cycle t + kLatency.
template <int kStages>
class ArrayPipeline {
 public:
  static constexpr int kLatency = kStages + 1;

  ArrayPipeline(std::size_t accumulators, std::size_t sums) : acc_(accumulators), sum_(sums), out_acc_(accumulators), out_sum_(sums) {}

  bool out_valid() const { return capture_[kLatency - 1]; }
  const std::vector<std::uint32_t>& out_acc() const { return out_acc_; }
  const std::vector<std::uint32_t>& out_sum() const { return out_sum_; }
  /// The accumulators themselves.
  const std::vector<std::uint32_t>& acc() const { return acc_; }

  /// A clock edge; `reset` empties the pipeline and drops captures under way, the accumulators stay.
  void clock(bool reset, std::optional<ArrayAddend> addend, bool capture) {
    if (capture_[kLatency - 2]) {
      out_acc_ = acc_;
      out_sum_ = sum_;
    }
    if (pending_[kStages - 1]) {
      apply(acc_, pending_[kStages - 1]->acc, *pending_[kStages - 1]);
      apply(sum_, pending_[kStages - 1]->sum, *pending_[kStages - 1]);
    }
    for (int i = kStages - 1; i > 0; --i) pending_[i] = reset ? std::nullopt : std::move(pending_[i - 1]);
    for (int i = kLatency - 1; i > 0; --i) capture_[i] = !reset && capture_[i - 1];
    pending_[0] = reset ? std::nullopt : std::move(addend);
    capture_[0] = !reset && capture;
  }

 private:
  static void apply(std::vector<std::uint32_t>& to, const std::vector<std::uint32_t>& addends, const ArrayAddend& how) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = (how.first ? 0u : how.shift ? 2u * to[i] : to[i]) + addends[i];
  }
  std::vector<std::uint32_t> acc_, sum_, out_acc_, out_sum_;
  std::array<std::optional<ArrayAddend>, kStages> pending_;
  std::array<bool, kLatency> capture_{};
};

}  // namespace dyad::cosim::reference
