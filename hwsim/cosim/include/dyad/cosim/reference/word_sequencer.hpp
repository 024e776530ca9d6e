/// \file Reference model of rtl/word_sequencer.sv.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dyad::cosim::reference {

/// Operands of a job of whole numbers, listed by two plain loops: words of activations, words of weights for each.
class WordSequencer {
 public:
  struct Job {
    std::int64_t words = 1, passes = 1;
    std::int64_t activation_base = 0, weight_base = 0;
  };
  struct Issue {
    std::int64_t activation_entry, weight_entry;  ///< before they are cut to the address bits
    bool first, sum;
  };

  static std::vector<Issue> issues(const Job& job) {
    std::vector<Issue> list;
    for (std::int64_t word = 0; word < job.words; ++word)
      for (std::int64_t pass = 0; pass < job.passes; ++pass)
        list.push_back({job.activation_base + word, job.weight_base + word * job.passes + pass, list.empty(), pass == 0});
    return list;
  }

  /// What is issued in this cycle, or null.
  const Issue* issue() const { return next_ < issues_.size() ? &issues_[next_] : nullptr; }
  bool issued() const { return next_ + 1 >= issues_.size(); }

  /// A clock edge; `job` is the one that starts, or null.
  void clock(const Job* job) {
    if (next_ < issues_.size()) ++next_;
    if (!job) return;
    issues_ = issues(*job);
    next_ = 0;
  }
  void reset() {
    issues_.clear();
    next_ = 0;
  }

 private:
  std::vector<Issue> issues_;
  std::size_t next_ = 0;
};

}  // namespace dyad::cosim::reference
