/// \file The check of bit_serial_core: operands of 1 to 8 bits on either side in words of bit planes.
#pragma once

#include "checks/core_check.hpp"
#include "dyad/cosim/reference/bit_serial_core.hpp"

namespace dyad::cosim {

class BitSerialFamily final : public CoreFamily {
 public:
  /// `word`: bits of a word of a plane.
  explicit BitSerialFamily(std::int64_t word) : word_(word) {}

  void choose(Random& random) override {
    activation_bits_ = static_cast<int>(random.below(16) == 0 ? 16 : random.between(1, 8));
    weight_bits_ = static_cast<int>(random.between(1, 8));
    activation_signed_ = random.coin();
    weight_signed_ = random.coin();
  }
  std::int64_t random_activation(Random& random) const override { return number(random, activation_bits_, activation_signed_); }
  std::int64_t random_weight(Random& random) const override { return number(random, weight_bits_, weight_signed_); }
  std::int64_t depth(std::int64_t words) const override { return words * word_; }
  std::int64_t activation_entries(std::int64_t words) const override { return words * activation_bits_; }
  std::int64_t weight_entries(std::int64_t words) const override { return words * weight_bits_; }
  std::uint32_t register_8(std::int64_t words) const override { return static_cast<std::uint32_t>(words); }
  std::uint32_t register_9() const override { return static_cast<std::uint32_t>(activation_bits_ | weight_bits_ << 8); }
  std::uint32_t flags() const override {
    return static_cast<std::uint32_t>(activation_signed_) << 2 | static_cast<std::uint32_t>(weight_signed_) << 3;
  }
  std::vector<PackedBits> activation_tile(const IntegerVectors& rows, std::int64_t words) const override {
    return planes(rows, words, activation_bits_);
  }
  std::vector<PackedBits> weight_tile(const IntegerVectors& columns, std::int64_t words) const override {
    return planes(columns, words, weight_bits_);
  }

 private:
  /// A number of that format, extremes more often than by chance.
  static std::int64_t number(Random& random, int bits, bool is_signed) {
    const std::int64_t span = std::int64_t{1} << bits, lowest = is_signed ? -span / 2 : 0;
    const std::uint64_t kind = random.below(8);
    return kind == 0   ? lowest
           : kind == 1 ? lowest + span - 1
                       : lowest + static_cast<std::int64_t>(random.next() & static_cast<std::uint64_t>(span - 1));
  }
  /// Word by word of K, plane by plane, vector by vector.
  std::vector<PackedBits> planes(const IntegerVectors& vectors, std::int64_t words, int bits) const {
    std::vector<PackedBits> out;
    for (std::int64_t word = 0; word < words; ++word)
      for (int plane = 0; plane < bits; ++plane)
        for (const auto& vector : vectors) {
          PackedBits line(word_);
          for (std::int64_t e = 0; e < word_; ++e)
            if (vector[static_cast<std::size_t>(word * word_ + e)] >> plane & 1) line.set(e, 1, 1);
          out.push_back(std::move(line));
        }
    return out;
  }

  std::int64_t word_;
  int activation_bits_ = 1, weight_bits_ = 1;
  bool activation_signed_ = false, weight_signed_ = false;
};

/// `options.cases` random layers. The other arguments are the parameters of the model; `weight_entries` 0: as many as `entries`.
template <class Model>
Check check_bit_serial_core(const CheckOptions& options, std::int64_t rows, std::int64_t columns, std::int64_t depth, std::int64_t entries,
                            std::int64_t lanes, std::int64_t weight_entries = 0,
                            AverageRounding average_rounding = AverageRounding::kHalfUp) {
  reference::TileCoreShape shape;
  shape.rows = shape.activation_rows = rows;
  shape.columns = shape.weight_rows = columns;
  shape.activation_word_bits = shape.weight_word_bits = depth;
  shape.activation_entries = entries;
  shape.weight_entries = weight_entries > 0 ? weight_entries : entries;
  shape.average_rounding = average_rounding;
  shape.lanes = lanes;
  BitSerialFamily family(depth);
  return check_core<Model>("bit_serial_core", options, shape, reference::make_bit_serial_core(shape, depth), family);
}

}  // namespace dyad::cosim
