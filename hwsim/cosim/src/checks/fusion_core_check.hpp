/// \file The check of fusion_core: operands of 2, 4, 8 and 16 bits in every mix.
#pragma once

#include "checks/core_check.hpp"
#include "dyad/cosim/reference/fusion_core.hpp"

namespace dyad::cosim {

class FusionFamily final : public CoreFamily {
 public:
  explicit FusionFamily(std::int64_t rows) : rows_(rows) {}

  void choose(Random& random) override {
    format_ = {static_cast<int>(random.below(4)), static_cast<int>(random.below(4)), random.coin(), random.coin()};
  }
  std::int64_t extra_shift() const override {
    return std::max(0, format_.bits(format_.activation_width) + format_.bits(format_.weight_width) - 16);
  }
  std::int64_t random_activation(Random& random) const override {
    return number(random, format_.activation_width, format_.activation_signed);
  }
  std::int64_t random_weight(Random& random) const override { return number(random, format_.weight_width, format_.weight_signed); }
  std::int64_t depth(std::int64_t words) const override { return words * rows_ * format_.elements(); }
  std::int64_t activation_entries(std::int64_t words) const override { return words * format_.passes(format_.activation_width); }
  std::int64_t weight_entries(std::int64_t words) const override { return words * format_.passes(format_.weight_width); }
  std::uint32_t register_8(std::int64_t words) const override { return static_cast<std::uint32_t>(words); }
  std::uint32_t register_9() const override { return static_cast<std::uint32_t>(format_.activation_width | format_.weight_width << 8); }
  std::uint32_t flags() const override {
    return static_cast<std::uint32_t>(format_.activation_signed) << 2 | static_cast<std::uint32_t>(format_.weight_signed) << 3;
  }
  /// One line an entry: the words of all rows.
  std::vector<PackedBits> activation_tile(const IntegerVectors& rows, std::int64_t words) const override {
    std::vector<PackedBits> out;
    for (std::int64_t word = 0; word < words; ++word)
      for (int pass = 0; pass < format_.passes(format_.activation_width); ++pass) {
        PackedBits line(rows_ * 32);
        for (std::int64_t r = 0; r < rows_; ++r) put(line, r * 32, rows[0], word, r, pass, format_.activation_width);
        out.push_back(std::move(line));
      }
    return out;
  }
  /// A line a row: the words of all columns.
  std::vector<PackedBits> weight_tile(const IntegerVectors& columns, std::int64_t words) const override {
    std::vector<PackedBits> out;
    for (std::int64_t word = 0; word < words; ++word)
      for (int pass = 0; pass < format_.passes(format_.weight_width); ++pass)
        for (std::int64_t r = 0; r < rows_; ++r) {
          PackedBits line(static_cast<std::int64_t>(columns.size()) * 32);
          for (std::size_t c = 0; c < columns.size(); ++c)
            put(line, static_cast<std::int64_t>(c) * 32, columns[c], word, r, pass, format_.weight_width);
          out.push_back(std::move(line));
        }
    return out;
  }

 private:
  /// Extremes more often than by chance.
  static std::int64_t number(Random& random, int width, bool is_signed) {
    const std::int64_t span = std::int64_t{1} << reference::FusionOperandFormat::bits(width), lowest = is_signed ? -span / 2 : 0;
    const std::uint64_t kind = random.below(8);
    return kind == 0 ? lowest : kind == 1 ? lowest + span - 1 : random.between(lowest, lowest + span - 1);
  }
  /// The elements of unit row `r` in word `word` of K: those bits of them that the pass takes.
  void put(PackedBits& line, std::int64_t at, const std::vector<std::int32_t>& vector, std::int64_t word, std::int64_t r, int pass,
           int width) const {
    const int part = format_.part_bits(width);
    for (int e = 0; e < format_.elements(); ++e) {
      const std::int64_t value = vector[static_cast<std::size_t>((word * rows_ + r) * format_.elements() + e)];
      line.set(at + e * part, part, static_cast<std::uint64_t>(value >> pass * part));
    }
  }

  std::int64_t rows_;
  reference::FusionOperandFormat format_;
};

/// `options.cases` random layers. The other arguments are the parameters of the model; both memories have `entries` entries.
template <class Model>
Check check_fusion_core(const CheckOptions& options, std::int64_t rows, std::int64_t columns, std::int64_t entries, std::int64_t lanes) {
  reference::TileCoreShape shape;
  shape.activation_entries = shape.weight_entries = entries;
  shape.lanes = lanes;
  FusionFamily family(rows);
  shape = reference::fusion_core_shape(shape, rows, columns);
  return check_core<Model>("fusion_core", options, shape, reference::make_fusion_core(shape, rows, columns), family);
}

}  // namespace dyad::cosim
