/// \file Reference model of rtl/result_stage.sv.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "dyad/base/dyadic.hpp"
#include "dyad/cosim/average_reciprocal.hpp"

namespace dyad::cosim::reference {

/// 32-bit numbers of a tile or a beat; nothing where no value was ever put.
using ResultValues = std::vector<std::optional<std::uint32_t>>;

/// Adds up the tiles of a result and sends it in beats. A beat is worked out when it leaves the result registers; a queue delays it.
class ResultStage {
 public:
  enum class Operation { kRequantize = 0, kAdd = 1, kAverage = 2, kSaturate = 3 };
  struct Layer {
    Operation operation = Operation::kRequantize;
    bool other_is_here = false;  ///< the other operand comes with the tile
    bool half_rate = false;      ///< a beat every two cycles
    std::int32_t zero_point = 0, lowest = 0, highest = 0;
    std::int64_t count = 1;           ///< elements of an average
    bool requantize_average = false;  ///< by the ratio below; else an average is saturated only
    std::int32_t average_multiplier = 0;
    int average_shift = 0;
    Rounding rounding = Rounding::kHalfUp;
    AverageRounding average_rounding = AverageRounding::kHalfUp;
  };
  struct Column {
    std::int32_t bias = 0, weight_zero_point = 0, multiplier = 0, other_multiplier = 0;
    int shift = 0, other_shift = 0;
  };
  struct Tile {
    bool first = true, last = true;
    ResultValues acc, sum, other;
  };

  ResultStage(std::int64_t rows, std::int64_t columns, std::int64_t lanes)
      : columns_(columns), lanes_(lanes), beats_(rows * columns / lanes), acc_(size(rows * columns)), other_(acc_), sum_(size(rows)) {}

  std::int64_t beats() const { return beats_; }
  bool parameters_taken() const { return emits() && beat_ == beats_ - 1; }
  bool residual_taken(const Layer& layer) const { return emits() && layer.operation == Operation::kAdd && !layer.other_is_here; }
  bool beat_valid() const { return !out_.empty() && out_.front().first == now_; }
  const ResultValues& beat() const { return out_.front().second; }
  /// A tile may come in this cycle: the result before has left the registers by the end of it.
  bool free() const { return !active_ || parameters_taken(); }
  /// Nothing is under way.
  bool empty() const { return !active_ && out_.empty(); }

  /// A clock edge. `tile`: the accumulators that came, or null. Parameters and residual operands are those of the present beat.
  void clock(const Layer& layer, const Tile* tile, const std::vector<Column>& parameters, const std::vector<std::uint32_t>& residual) {
    if (beat_valid()) out_.pop_front();
    if (emits()) {
      out_.emplace_back(now_ + 2 + latency(layer), results(layer, parameters, residual));
      active_ = ++beat_ < beats_;
      wait_ = layer.half_rate;
    } else {
      wait_ = false;
    }
    if (tile) {
      const auto add = [&](ResultValues& to, const ResultValues& from) {
        for (std::size_t i = 0; i < to.size(); ++i) {
          if (tile->first || !from[i])
            to[i] = from[i];
          else if (to[i])
            *to[i] += *from[i];
        }
      };
      add(acc_, tile->acc);
      add(sum_, tile->sum);
      other_ = tile->other;
      if (tile->last) {
        active_ = true;
        beat_ = 0;
        wait_ = false;
      }
    }
    ++now_;
  }
  void reset() {
    active_ = false;
    out_.clear();
    ++now_;
  }

  /// Cycles of the last part of the path: the units behind bias and zero point.
  static std::int64_t latency(const Layer& layer) {
    if (layer.operation == Operation::kSaturate) return 1;
    if (layer.operation == Operation::kAverage) return layer.requantize_average ? 6 : 3;
    return 3;
  }
  /// What becomes of an exact accumulator.
  static std::int32_t finish(const Layer& layer, const Column& column, std::int32_t exact, std::int32_t other) {
    std::int64_t value = exact;
    switch (layer.operation) {
      case Operation::kRequantize: value = round_multiply(exact, column.multiplier, column.shift, layer.rounding) + layer.zero_point; break;
      case Operation::kAdd:
        value = round_multiply(exact, column.multiplier, column.shift, layer.rounding) +
                round_multiply(other, column.other_multiplier, column.other_shift, layer.rounding) + layer.zero_point;
        break;
      case Operation::kAverage:
        value = integer_average(exact, layer.count, layer.average_rounding);
        if (layer.requantize_average)
          value = round_multiply(static_cast<std::int32_t>(value), layer.average_multiplier, layer.average_shift, layer.rounding) +
                  layer.zero_point;
        break;
      case Operation::kSaturate: break;
    }
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, layer.lowest, layer.highest));
  }

 private:
  static std::size_t size(std::int64_t value) { return static_cast<std::size_t>(value); }
  bool emits() const { return active_ && !wait_; }

  ResultValues results(const Layer& layer, const std::vector<Column>& parameters, const std::vector<std::uint32_t>& residual) const {
    ResultValues values;
    for (std::int64_t lane = 0; lane < lanes_; ++lane) {
      const std::int64_t element = beat_ * lanes_ + lane;
      const Column& column = parameters[size(element % columns_)];
      const auto acc = acc_[size(element)], sum = sum_[size(element / columns_)];
      std::optional<std::uint32_t> other = 0;
      if (layer.operation == Operation::kAdd) other = layer.other_is_here ? other_[size(element)] : std::optional(residual[size(lane)]);
      if (!acc || !sum || !other) {
        values.emplace_back();
        continue;
      }
      const auto exact = static_cast<std::int32_t>(*acc + static_cast<std::uint32_t>(column.bias) -
                                                   static_cast<std::uint32_t>(column.weight_zero_point) * *sum);
      // What average_divider promises ends where sum and rounding offset leave 31 bits, and for hawq where float32 ends.
      if (layer.operation == Operation::kAverage && std::abs(std::int64_t{exact}) > largest_sum(layer)) {
        values.emplace_back();
        continue;
      }
      values.emplace_back(static_cast<std::uint32_t>(finish(layer, column, exact, static_cast<std::int32_t>(*other))));
    }
    return values;
  }

  /// Of an average; the search for hawq's is done once for each count.
  std::int64_t largest_sum(const Layer& layer) const {
    if (layer.average_rounding != AverageRounding::kHawq) return INT32_MAX - layer.count / 2;
    const auto [at, is_new] = hawq_limits_.try_emplace(layer.count);
    if (is_new) at->second = average_reciprocal(layer.count, layer.average_rounding).value().largest_sum;
    return at->second;
  }

  std::int64_t columns_, lanes_, beats_;
  mutable std::map<std::int64_t, std::int64_t> hawq_limits_;  // by count
  ResultValues acc_, other_, sum_;
  bool active_ = false, wait_ = false;
  std::int64_t beat_ = 0, now_ = 0;
  std::deque<std::pair<std::int64_t, ResultValues>> out_;  // cycle in which a beat is at the output
};

}  // namespace dyad::cosim::reference
