/// \file Drives a Verilated average_divider or average_pool and its reference model side by side.
#pragma once

#include <algorithm>
#include <array>
#include <map>

#include "checks/elastic_check.hpp"
#include "dyad/base/random.hpp"
#include "dyad/cosim/average_reciprocal.hpp"
#include "dyad/cosim/reference/average_pool.hpp"

namespace dyad::cosim {

/// Reciprocals by count, each computed once.
class AverageReciprocals {
 public:
  explicit AverageReciprocals(AverageRounding rounding) : rounding_(rounding) {}
  const AverageReciprocal& operator[](std::int64_t count) {
    auto [at, is_new] = known_.try_emplace(count);
    if (is_new) at->second = average_reciprocal(count, rounding_).value();
    return at->second;
  }

 private:
  AverageRounding rounding_;
  std::map<std::int64_t, AverageReciprocal> known_;
};

/// Puts what a module needs to divide by beat.count, and its bounds, on the ports.
template <class Model, class Beat>
void drive_average(Model& model, const Beat& beat, const AverageReciprocal& reciprocal, int out_bits) {
  model.in_multiplier_i = reciprocal.multiplier;
  put(model.in_shift_i, reciprocal.shift, 6);
  model.in_offset_i = reciprocal.offset;
  model.in_negative_offset_i = reciprocal.negative_offset;
  put(model.in_lowest_i, beat.lowest, out_bits);
  put(model.in_highest_i, beat.highest, out_bits);
}

template <class Beat>
void draw_average_bounds(Beat& beat, Random& random, int out_bits) {
  const std::int64_t top = std::int64_t{1} << (out_bits - 1);
  const std::uint64_t kind = random.next();
  beat.lowest = static_cast<std::int32_t>(-top);
  beat.highest = static_cast<std::int32_t>(top - 1);
  if ((kind & 3) != 0) return;
  const int bits = 1 + static_cast<int>((kind >> 8) % static_cast<std::uint64_t>(out_bits));
  const bool is_signed = bits == out_bits || ((kind >> 16) & 1);
  beat.lowest = static_cast<std::int32_t>(is_signed ? -(std::int64_t{1} << (bits - 1)) : 0);
  beat.highest = static_cast<std::int32_t>((std::int64_t{1} << (is_signed ? bits - 1 : bits)) - 1);
}

/// Divisions by every count from 1 to 4096 in turn, and some above: sums where the result steps, just beside, the largest, and random ones.
template <class Model, AverageRounding kRounding, int kOut = 32>
Check check_average_divider(const CheckOptions& options) {
  Check check{"average_divider", 0, 0, ""};
  Dut<Model> dut(options.mutant);
  reference::AverageDivider expected(kRounding);
  AverageReciprocals reciprocals(kRounding);
  Random random(options.seed);
  std::int64_t index = 0;
  const auto next = [&] {
    reference::AverageBeat beat;
    const std::uint64_t kind = random.next();
    beat.count = 1 + index++ % 4096;
    if ((kind & 63) == 0) beat.count = std::array<std::int64_t, 6>{1, 49, 64, 12'544, 50'176, 65'536}[(kind >> 6) % 6];
    const AverageReciprocal& reciprocal = reciprocals[beat.count];
    std::int64_t sum = 0;
    switch ((kind >> 16) & 3) {
      case 0: sum = random.between(-reciprocal.largest_sum, reciprocal.largest_sum); break;
      case 1: sum = random.between(-4 * beat.count, 4 * beat.count); break;
      case 2: sum = reciprocal.largest_sum - static_cast<std::int64_t>((kind >> 24) & 3); break;
      default: {  // a sum where half or whole steps are, or its neighbour
        const std::int64_t quotient = random.between(0, reciprocal.largest_sum / beat.count);
        const std::array<std::int64_t, 4> steps{0, (beat.count + 1) / 2, -std::int64_t{reciprocal.offset}, reciprocal.negative_offset};
        sum = quotient * beat.count + steps[(kind >> 24) & 3] + static_cast<std::int64_t>((kind >> 28) % 3) - 1;
      }
    }
    if ((kind >> 32) & 1) sum = -sum;
    beat.sum = static_cast<std::int32_t>(std::clamp(sum, -reciprocal.largest_sum, reciprocal.largest_sum));
    draw_average_bounds(beat, random, kOut);
    return beat;
  };
  const auto drive = [&](const reference::AverageBeat& beat) {
    dut->in_sum_i = static_cast<std::uint32_t>(beat.sum);
    drive_average(*dut, beat, reciprocals[beat.count], kOut);
  };
  const auto text = [](const reference::AverageBeat& beat) {
    return std::to_string(beat.sum) + " / " + std::to_string(beat.count) + ", bounds " + std::to_string(beat.lowest) + " " +
           std::to_string(beat.highest);
  };
  compare_stream(
      check, options, dut, expected, next, drive, [&] { return signed_value(dut->out_data_o, kOut); }, text);
  return check;
}

/// `options.cases` elements in windows of 1 to 4096: 16-bit ones, signed or not, or whatever fits the port and the exact sums.
template <class Model, AverageRounding kRounding, int kData = 32, int kOut = 32>
Check check_average_pool(const CheckOptions& options) {
  Check check{"average_pool", 0, 0, ""};
  Dut<Model> dut(options.mutant);
  reference::AveragePool expected(kRounding);
  AverageReciprocals reciprocals(kRounding);
  Random random(options.seed);
  std::int64_t left = 0, lowest = 0, highest = 0;
  reference::AverageElement element;
  const auto next = [&] {
    element.first = left == 0;
    if (left == 0) {
      const std::uint64_t kind = random.next();
      const std::uint64_t sizes[] = {4, 4, 4, 64, 64, 64, 300, (kind >> 8) % 16 == 0 ? 4096u : 16u};
      element.count = left = 1 + static_cast<std::int64_t>(random.below(sizes[kind & 7]));
      const std::int64_t port = (std::int64_t{1} << (kData - 1)) - 1;
      const std::int64_t largest = std::min({std::int64_t{65'535}, port, reciprocals[left].largest_sum / left});
      lowest = (kind >> 16) & 1 ? -largest : 0;
      highest = (kind >> 17) & 1 ? largest : std::min<std::int64_t>(largest, 127);
      if (((kind >> 18) & 15) == 0) lowest = highest = (kind >> 22) & 1 ? largest : -largest;
      draw_average_bounds(element, random, kOut);
    }
    element.data = static_cast<std::int32_t>(random.between(lowest, highest));
    element.last = --left == 0;
    return element;
  };
  const auto drive = [&](const reference::AverageElement& beat) {
    put(dut->in_data_i, beat.data, kData);
    dut->in_first_i = beat.first;
    dut->in_last_i = beat.last;
    drive_average(*dut, beat, reciprocals[beat.count], kOut);
  };
  const auto text = [](const reference::AverageElement& beat) {
    return std::to_string(beat.data) + " of a window of " + std::to_string(beat.count);
  };
  compare_stream(
      check, options, dut, expected, next, drive, [&] { return signed_value(dut->out_data_o, kOut); }, text);
  return check;
}

}  // namespace dyad::cosim
