/// \file Reference model of rtl/element_sequencer.sv.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dyad::cosim::reference {

/// Slices of an elementwise job, listed by two plain loops: groups of results, steps of a group.
class ElementSequencer {
 public:
  struct Job {
    std::int64_t groups = 1, steps = 1, entry_slices = 1, base = 0;
  };
  struct Issue {
    bool read;           ///< first slice of an entry
    std::int64_t entry;  ///< before it is cut to the address bits
    bool first, last;
    std::int64_t group;
  };

  static std::vector<Issue> issues(const Job& job) {
    std::vector<Issue> list;
    for (std::int64_t group = 0; group < job.groups; ++group)
      for (std::int64_t step = 0; step < job.steps; ++step) {
        const auto slice = static_cast<std::int64_t>(list.size());
        list.push_back({slice % job.entry_slices == 0, job.base + slice / job.entry_slices, step == 0, step == job.steps - 1, group});
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
