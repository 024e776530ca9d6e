/// \file Reference model of rtl/bit_plane_sequencer.sv.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dyad::cosim::reference {

/// Operand pairs of a bit-serial job, listed by three plain loops: diagonals of planes, pairs of a diagonal, words.
class BitPlaneSequencer {
 public:
  struct Job {
    std::int64_t words = 1;
    int activation_bits = 1, weight_bits = 1;
    bool activation_signed = false, weight_signed = false;
    std::int64_t activation_base = 0, weight_base = 0;
  };
  struct Issue {
    std::int64_t activation_entry, weight_entry;  ///< before they are cut to the address bits
    bool first, shift, negate, sum, sum_negate;
  };

  static std::vector<Issue> issues(const Job& job) {
    std::vector<Issue> list;
    const int a = job.activation_bits, w = job.weight_bits;
    for (int diagonal = a + w - 2; diagonal >= 0; --diagonal) {
      const int highest = std::min(a - 1, diagonal), lowest = std::max(0, diagonal - (w - 1));
      for (int i = highest; i >= lowest; --i) {
        const int j = diagonal - i;
        const bool negative_i = job.activation_signed && i == a - 1, negative_j = job.weight_signed && j == w - 1;
        for (std::int64_t word = 0; word < job.words; ++word)
          list.push_back({job.activation_base + word * a + i, job.weight_base + word * w + j, list.empty(),
                          diagonal != a + w - 2 && i == highest && word == 0, negative_i != negative_j, j == 0, negative_i});
      }
    }
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
