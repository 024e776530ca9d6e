/// \file Reference model of rtl/word_sequencer.sv.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dyad::cosim::reference {

/// Operands of a job of whole numbers, listed by three plain loops: words of K, passes of their activations, passes of their weights.
class WordSequencer {
 public:
  struct Job {
    std::int64_t words = 1, activation_passes = 1, weight_passes = 1;
    std::int64_t activation_base = 0, weight_base = 0;
  };
  struct Issue {
    std::int64_t activation_entry, weight_entry;  ///< before they are cut to the address bits
    std::int64_t activation_pass, weight_pass;
    bool first, sum;
  };

  explicit WordSequencer(std::int64_t least_cycles = 1) : least_cycles_(static_cast<std::size_t>(least_cycles)) {}

  static std::vector<Issue> issues(const Job& job) {
    std::vector<Issue> list;
    for (std::int64_t word = 0; word < job.words; ++word)
      for (std::int64_t a = 0; a < job.activation_passes; ++a)
        for (std::int64_t w = 0; w < job.weight_passes; ++w)
          list.push_back({job.activation_base + word * job.activation_passes + a, job.weight_base + word * job.weight_passes + w, a, w,
                          list.empty(), w == 0});
    return list;
  }

  /// What is issued in this cycle, or null.
  const Issue* issue() const { return cycle_ < issues_.size() ? &issues_[cycle_] : nullptr; }
  bool issued() const { return !job_ || (cycle_ + 1 >= issues_.size() && cycle_ + 1 >= least_cycles_); }

  /// A clock edge; `job` is the one that starts, or null.
  void clock(const Job* job) {
    ++cycle_;
    if (!job) return;
    issues_ = issues(*job);
    cycle_ = 0;
    job_ = true;
  }
  void reset() {
    issues_.clear();
    job_ = false;
  }

 private:
  std::vector<Issue> issues_;
  std::size_t cycle_ = 0;  // of the job, from its first pair on
  std::size_t least_cycles_;
  bool job_ = false;
};

}  // namespace dyad::cosim::reference
