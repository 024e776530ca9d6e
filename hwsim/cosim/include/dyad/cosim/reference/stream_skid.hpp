/// \file Reference model of rtl/stream_skid.sv.
#pragma once

#include <cstdint>
#include <deque>

namespace dyad::cosim::reference {

/// A register slice: at most two beats, each visible at the output one cycle after it was taken.
template <class Beat>
class StreamSkid {
 public:
  bool in_ready() const { return beats_.size() < 2; }
  bool out_valid() const { return !beats_.empty(); }
  const Beat& out_data() const { return beats_.front(); }

  /// One clock edge with these inputs; the readiness and validity above are those before it.
  void clock(bool in_valid, const Beat& in_data, bool out_ready) {
    const bool take = in_valid && in_ready();
    if (out_valid() && out_ready) beats_.pop_front();
    if (take) beats_.push_back(in_data);
  }

 private:
  std::deque<Beat> beats_;
};

}  // namespace dyad::cosim::reference
