/// \file Reference model of rtl/stream_fifo.sv.
#pragma once

#include <cstddef>
#include <deque>

#include "dyad/base/result.hpp"

namespace dyad::cosim::reference {

/// A queue of at most `depth` beats, each visible at the output one cycle after it was taken if it is the first. depth >= 1.
template <class Beat>
class StreamFifo {
 public:
  explicit StreamFifo(std::size_t depth) : depth_(depth) { DYAD_EXPECT(depth >= 1, "a queue without a place"); }

  bool in_ready() const { return beats_.size() < depth_; }
  bool out_valid() const { return !beats_.empty(); }
  const Beat& out_data() const { return beats_.front(); }
  std::size_t count() const { return beats_.size(); }

  /// One clock edge with these inputs; the readiness and validity above are those before it.
  void clock(bool in_valid, const Beat& in_data, bool out_ready) {
    const bool take = in_valid && in_ready();
    if (out_valid() && out_ready) beats_.pop_front();
    if (take) beats_.push_back(in_data);
  }

 private:
  std::size_t depth_;
  std::deque<Beat> beats_;
};

}  // namespace dyad::cosim::reference
