/// \file Reference model of rtl/element_lanes.sv.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "dyad/cosim/packed_bits.hpp"

namespace dyad::cosim::reference {

/// Reduces slices of elements to the results of a tile. What a slice does to the results is worked out when it is taken; a queue delays
/// that.
class ElementLanes {
 public:
  enum class Operation { kSum = 0, kMaximum = 1, kTwoOperands = 2 };
  struct Inputs {
    Operation operation = Operation::kSum;
    int element_bits = 8;                             ///< 8, 16 or 32
    bool first_signed = false, other_signed = false;  ///< elements of the first step, and of the others
    bool valid = false, entry = false, first = false, last = false, capture = false;
    std::int64_t group = 0;
    const PackedBits* data = nullptr;  ///< of an entry, used with `entry`
  };
  /// Results; nothing where no value was ever put.
  using Values = std::vector<std::optional<std::uint32_t>>;
  static constexpr int kLatency = 3;

  ElementLanes(std::int64_t lanes, std::int64_t groups)
      : lanes_(lanes),
        main_(static_cast<std::size_t>(lanes * groups)),
        other_(main_),
        out_main_(main_),
        out_other_(main_),
        sum_(static_cast<std::size_t>(lanes)) {}

  bool out_valid() const { return out_valid_; }
  const Values& out_main() const { return out_main_; }
  const Values& out_other() const { return out_other_; }

  void clock(const Inputs& in) {
    ++now_;
    if (in.valid) take(in);
    if (in.capture) captures_.push_back(now_ + kLatency - 1);
    // Results of the slice of this cycle are in place three cycles later, just after a capture of two cycles before has copied them.
    out_valid_ = !captures_.empty() && captures_.front() == now_;
    if (out_valid_) {
      captures_.pop_front();
      out_main_ = main_;
      out_other_ = other_;
    }
    while (!writes_.empty() && writes_.front().first == now_) {
      const Write& write = writes_.front().second;
      Values& values = write.other ? other_ : main_;
      for (std::int64_t lane = 0; lane < lanes_; ++lane)
        values[static_cast<std::size_t>(write.group * lanes_ + lane)] = write.values[static_cast<std::size_t>(lane)];
      writes_.pop_front();
    }
  }
  /// Slices and captures under way are dropped.
  void reset() {
    ++now_;
    writes_.clear();
    captures_.clear();
    out_valid_ = false;
  }

 private:
  struct Write {
    bool other;
    std::int64_t group;
    std::vector<std::uint32_t> values;
  };

  void take(const Inputs& in) {
    if (in.entry) {
      entry_ = *in.data;
      slice_ = 0;
    } else {
      ++slice_;
    }
    std::vector<std::uint32_t> elements;
    for (std::int64_t lane = 0; lane < lanes_; ++lane) {
      const std::int64_t at = (slice_ * lanes_ + lane) * in.element_bits;
      elements.push_back(static_cast<std::uint32_t>((in.first ? in.first_signed : in.other_signed)
                                                        ? entry_.get_signed(at, in.element_bits)
                                                        : static_cast<std::int64_t>(entry_.get(at, in.element_bits))));
    }
    for (std::size_t lane = 0; lane < elements.size(); ++lane) {
      if (in.first)
        sum_[lane] = elements[lane];
      else if (in.operation == Operation::kSum)
        sum_[lane] += elements[lane];
      else if (in.operation == Operation::kMaximum)
        sum_[lane] = static_cast<std::uint32_t>(std::max(static_cast<std::int32_t>(sum_[lane]), static_cast<std::int32_t>(elements[lane])));
    }
    const std::int64_t at = now_ + 2;
    if (in.operation == Operation::kTwoOperands) {
      if (in.first) writes_.push_back({at, {false, in.group, elements}});
      if (in.last) writes_.push_back({at, {true, in.group, elements}});
    } else if (in.last) {
      writes_.push_back({at, {false, in.group, sum_}});
    }
  }

  std::int64_t lanes_;
  Values main_, other_, out_main_, out_other_;
  std::vector<std::uint32_t> sum_;
  PackedBits entry_;
  std::int64_t slice_ = 0, now_ = 0;
  std::deque<std::pair<std::int64_t, Write>> writes_;  // cycle at whose end it happens
  std::deque<std::int64_t> captures_;                  // likewise
  bool out_valid_ = false;
};

}  // namespace dyad::cosim::reference
