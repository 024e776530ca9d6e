/// \file Drives a Verilated bit_serial_array and its reference model side by side.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>

#include "checks/array_check.hpp"
#include "dyad/cosim/reference/bit_serial_array.hpp"

namespace dyad::cosim {

/// Operands and controls for bit_serial_array: in turn pairs with random controls, and the pairs of whole products of random bit-widths and
/// signedness in plane order, whose dot products are computed from the numbers themselves.
class BitSerialArrayStimulus : public ArrayStimulus<reference::BitSerialArray> {
 public:
  BitSerialArrayStimulus(std::uint64_t seed, int rows, int columns, int depth)
      : random_(seed), rows_(rows), columns_(columns), depth_(depth) {}

  /// Fills in the next pair. `restart`: what was presented before is lost.
  void next(reference::BitSerialArray::Inputs& in, bool restart) {
    if (restart || (steps_left_ == 0 && random_left_ == 0)) begin();
    if (random_left_ > 0) {
      --random_left_;
      in.first = restart || random_.below(16) == 0;
      in.shift = random_.below(3) == 0;
      in.negate = random_.coin();
      in.sum = random_.coin();
      in.sum_negate = random_.coin();
      fill_operands(in.activations, depth_, random_);
      fill_operands(in.weights, depth_, random_);
      whole_ = false;
      return;
    }
    const std::size_t step = order_.size() * static_cast<std::size_t>(words_) - static_cast<std::size_t>(steps_left_);
    const reference::PlanePair& pair = order_[step / static_cast<std::size_t>(words_)];
    const int word = static_cast<int>(step % static_cast<std::size_t>(words_));
    in.first = step == 0;
    in.shift = pair.shift && word == 0;
    in.negate = reference::plane_pair_negative(pair, activation_bits_, activation_signed_, weight_bits_, weight_signed_);
    in.sum = pair.weight == 0;
    in.sum_negate = activation_signed_ && pair.activation == activation_bits_ - 1;
    slice(in.activations, activations_, rows_, word, pair.activation);
    slice(in.weights, weights_, columns_, word, pair.weight);
    whole_ = --steps_left_ == 0;
  }
  template <class Model>
  void drive(Dut<Model>& dut, const reference::BitSerialArray::Inputs& in) const {
    dut->in_first_i = in.first;
    dut->in_shift_i = in.shift;
    dut->in_negate_i = in.negate;
    dut->in_sum_i = in.sum;
    dut->in_sum_negate_i = in.sum_negate;
    set_port(dut->in_activations_i, in.activations);
    set_port(dut->in_weights_i, in.weights);
  }

  void on_capture() { products_.push_back(whole_product()); }
  std::string on_result(const reference::BitSerialArray& array) {
    if (products_.empty()) return "a result that was not captured";
    const std::optional<std::vector<std::int64_t>> product = std::move(products_.front());
    products_.pop_front();
    if (!product) return "";
    std::vector<std::uint32_t> got = array.out_acc();
    got.insert(got.end(), array.out_sum().begin(), array.out_sum().end());
    for (std::size_t i = 0; i < got.size(); ++i)
      if (static_cast<std::int32_t>(got[i]) != (*product)[i])
        return "reference: result " + std::to_string(i) + " is " + std::to_string(static_cast<std::int32_t>(got[i])) +
               ", the product of the numbers is " + std::to_string((*product)[i]);
    return "";
  }
  void on_reset() { products_.clear(); }

 private:
  /// The dot products and sums of the numbers presented so far; empty unless exactly one whole product was.
  std::optional<std::vector<std::int64_t>> whole_product() const {
    if (!whole_) return std::nullopt;
    std::vector<std::int64_t> results;
    const std::size_t k = static_cast<std::size_t>(words_) * static_cast<std::size_t>(depth_);
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows_); ++r)
      for (std::size_t c = 0; c < static_cast<std::size_t>(columns_); ++c) {
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < k; ++i) sum += activations_[r * k + i] * weights_[c * k + i];
        results.push_back(sum);
      }
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows_); ++r) {
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < k; ++i) sum += activations_[r * k + i];
      results.push_back(sum);
    }
    return results;
  }

  void begin() {
    steps_left_ = random_left_ = 0;
    if (random_.below(4) == 0) {
      random_left_ = 1 + static_cast<int>(random_.below(40));
      return;
    }
    activation_bits_ = static_cast<int>(random_.between(1, 8));
    weight_bits_ = static_cast<int>(random_.between(1, 8));
    if (random_.coin()) activation_bits_ = static_cast<int>(random_.between(1, 2));  // short products as often as long ones
    if (random_.coin()) weight_bits_ = static_cast<int>(random_.between(1, 2));
    activation_signed_ = random_.coin();
    weight_signed_ = random_.coin();
    words_ = static_cast<int>(random_.between(1, 3));
    order_ = reference::plane_order(activation_bits_, weight_bits_);
    steps_left_ = static_cast<std::int64_t>(order_.size()) * words_;
    fill(activations_, rows_, activation_bits_, activation_signed_);
    fill(weights_, columns_, weight_bits_, weight_signed_);
  }
  void fill(std::vector<std::int64_t>& numbers, int vectors, int bits, bool is_signed) {
    const std::int64_t lowest = is_signed ? -(1 << (bits - 1)) : 0, highest = is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
    numbers.resize(static_cast<std::size_t>(vectors) * static_cast<std::size_t>(words_) * static_cast<std::size_t>(depth_));
    const std::uint64_t kind = random_.below(6);
    for (std::int64_t& number : numbers) number = kind == 0 ? lowest : kind == 1 ? highest : random_.between(lowest, highest);
  }
  // One plane of one word of each vector.
  void slice(PackedBits& to, const std::vector<std::int64_t>& numbers, int vectors, int word, int plane) const {
    for (int v = 0; v < vectors; ++v)
      for (int i = 0; i < depth_; ++i) {
        const std::size_t at = (static_cast<std::size_t>(v) * static_cast<std::size_t>(words_) + static_cast<std::size_t>(word)) *
                                   static_cast<std::size_t>(depth_) +
                               static_cast<std::size_t>(i);
        to.set(static_cast<std::int64_t>(v) * depth_ + i, 1, static_cast<std::uint64_t>(numbers[at]) >> plane & 1);
      }
  }

  Random random_;
  int rows_, columns_, depth_;
  int activation_bits_ = 1, weight_bits_ = 1, words_ = 1, random_left_ = 0;
  std::int64_t steps_left_ = 0;
  bool activation_signed_ = false, weight_signed_ = false, whole_ = false;
  std::vector<reference::PlanePair> order_;
  std::vector<std::int64_t> activations_, weights_;
  std::deque<std::optional<std::vector<std::int64_t>>> products_;  // of the captures under way
};

/// `options.cases` captured results; every output is compared in every cycle, and whole products with the dot products of their numbers.
template <class Model>
Check check_bit_serial_array(const CheckOptions& options, int rows, int columns, int depth) {
  return compare_array<Model>("bit_serial_array", options, reference::BitSerialArray(rows, columns, depth),
                              BitSerialArrayStimulus(options.seed, rows, columns, depth));
}

}  // namespace dyad::cosim
