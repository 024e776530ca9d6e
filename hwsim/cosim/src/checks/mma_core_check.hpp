/// \file The check of mma_core: operands of 8, 4 or 1 bits in words of whole numbers.
#pragma once

#include "checks/core_check.hpp"
#include "dyad/cosim/reference/mma_core.hpp"

namespace dyad::cosim {

class MmaFamily final : public CoreFamily {
 public:
  explicit MmaFamily(std::int64_t word) : word_(word) {}

  void choose(Random& random) override { format_ = {static_cast<int>(random.below(3)), random.coin(), random.coin()}; }
  std::int64_t random_activation(Random& random) const override { return number(random, format_.activation_signed); }
  std::int64_t random_weight(Random& random) const override { return number(random, format_.weight_signed); }
  std::int64_t depth(std::int64_t words) const override { return words * word_ / format_.element_bits(); }
  std::int64_t activation_entries(std::int64_t words) const override { return words; }
  std::int64_t weight_entries(std::int64_t words) const override { return words; }
  std::uint32_t register_8(std::int64_t words) const override { return static_cast<std::uint32_t>(words); }
  std::uint32_t register_9() const override { return static_cast<std::uint32_t>(format_.mode); }
  std::uint32_t flags() const override {
    return static_cast<std::uint32_t>(format_.activation_signed) << 2 | static_cast<std::uint32_t>(format_.weight_signed) << 3;
  }
  std::vector<PackedBits> activation_tile(const IntegerVectors& rows, std::int64_t words) const override { return elements(rows, words); }
  std::vector<PackedBits> weight_tile(const IntegerVectors& columns, std::int64_t words) const override { return elements(columns, words); }

 private:
  /// A number of the format, extremes more often than by chance.
  std::int64_t number(Random& random, bool is_signed) const {
    const std::int64_t span = std::int64_t{1} << format_.element_bits(), lowest = is_signed ? -span / 2 : 0;
    const std::uint64_t kind = random.below(8);
    return kind == 0 ? lowest : kind == 1 ? lowest + span - 1 : random.between(lowest, lowest + span - 1);
  }
  /// Word by word of K, vector by vector.
  std::vector<PackedBits> elements(const IntegerVectors& vectors, std::int64_t words) const {
    const int bits = format_.element_bits();
    std::vector<PackedBits> out;
    for (std::int64_t word = 0; word < words; ++word)
      for (const auto& vector : vectors) {
        PackedBits line(word_);
        for (std::int64_t e = 0; e < word_ / bits; ++e)
          line.set(e * bits, bits, static_cast<std::uint64_t>(vector[static_cast<std::size_t>(word * (word_ / bits) + e)]));
        out.push_back(std::move(line));
      }
    return out;
  }

  std::int64_t word_;
  reference::MmaFormat format_;
};

/// `options.cases` random layers. The other arguments are the parameters of the model; both memories have `entries` entries.
template <class Model>
Check check_mma_core(const CheckOptions& options, std::int64_t rows, std::int64_t columns, std::int64_t word_bits, std::int64_t entries,
                     std::int64_t lanes) {
  reference::TileCoreShape shape;
  shape.rows = shape.activation_rows = rows;
  shape.columns = shape.weight_rows = columns;
  shape.activation_word_bits = shape.weight_word_bits = word_bits;
  shape.activation_entries = shape.weight_entries = entries;
  shape.lanes = lanes;
  MmaFamily family(word_bits);
  return check_core<Model>("mma_core", options, shape, reference::make_mma_core(shape, word_bits), family);
}

}  // namespace dyad::cosim
