/// \file The check of apot_core: 8-bit activations and weights from the level sets of two to six magnitude bits.
#pragma once

#include "checks/core_check.hpp"
#include "dyad/cosim/reference/apot_core.hpp"

namespace dyad::cosim {

class ApotFamily final : public CoreFamily {
 public:
  explicit ApotFamily(std::int64_t word) : word_(word) {}

  void choose(Random& random) override {
    const int bits = static_cast<int>(random.between(2, 6));
    levels_ = reference::apot_levels(bits);
    passes_ = bits <= 4 ? 1 : 2;
    activation_signed_ = random.coin();
  }
  std::int64_t random_activation(Random& random) const override {
    const std::int64_t lowest = activation_signed_ ? -128 : 0;
    const std::uint64_t kind = random.below(8);
    return kind == 0 ? lowest : kind == 1 ? lowest + 255 : random.between(lowest, lowest + 255);
  }
  std::int64_t random_weight(Random& random) const override {
    const std::int64_t level = levels_[random.below(levels_.size())];
    return random.coin() ? -level : level;
  }
  std::int64_t depth(std::int64_t words) const override { return words * word_ / 8; }
  std::int64_t activation_entries(std::int64_t words) const override { return words; }
  std::int64_t weight_entries(std::int64_t words) const override { return words * passes_; }
  std::uint32_t register_8(std::int64_t words) const override { return static_cast<std::uint32_t>(words); }
  std::uint32_t register_9() const override { return static_cast<std::uint32_t>(passes_); }
  std::uint32_t flags() const override { return static_cast<std::uint32_t>(activation_signed_) << 2; }
  std::vector<PackedBits> activation_tile(const IntegerVectors& rows, std::int64_t words) const override {
    return bytes(rows, words, 1, [](std::int32_t value, std::int64_t) { return static_cast<std::uint8_t>(value); });
  }
  std::vector<PackedBits> weight_tile(const IntegerVectors& columns, std::int64_t words) const override {
    return bytes(columns, words, passes_, [](std::int32_t value, std::int64_t pass) {
      const std::vector<std::uint8_t> codes = reference::apot_codes(value);
      return static_cast<std::size_t>(pass) < codes.size() ? codes[static_cast<std::size_t>(pass)] : std::uint8_t{0};
    });
  }

 private:
  /// Word by word of K, pass by pass, vector by vector.
  template <class Byte>
  std::vector<PackedBits> bytes(const IntegerVectors& vectors, std::int64_t words, std::int64_t passes, Byte&& byte) const {
    std::vector<PackedBits> out;
    for (std::int64_t word = 0; word < words; ++word)
      for (std::int64_t pass = 0; pass < passes; ++pass)
        for (const auto& vector : vectors) {
          PackedBits line(word_);
          for (std::int64_t e = 0; e < word_ / 8; ++e)
            line.set(8 * e, 8, byte(vector[static_cast<std::size_t>(word * (word_ / 8) + e)], pass));
          out.push_back(std::move(line));
        }
    return out;
  }

  std::int64_t word_, passes_ = 1;
  std::vector<int> levels_{0};
  bool activation_signed_ = false;
};

/// `options.cases` random layers. The other arguments are the parameters of the model; both memories have `entries` entries.
template <class Model>
Check check_apot_core(const CheckOptions& options, std::int64_t rows, std::int64_t columns, std::int64_t word_bits, std::int64_t entries,
                      std::int64_t lanes) {
  reference::TileCoreShape shape;
  shape.rows = shape.activation_rows = rows;
  shape.columns = shape.weight_rows = columns;
  shape.activation_word_bits = shape.weight_word_bits = word_bits;
  shape.activation_entries = shape.weight_entries = entries;
  shape.lanes = lanes;
  ApotFamily family(word_bits);
  return check_core<Model>("apot_core", options, shape, reference::make_apot_core(shape, word_bits), family);
}

}  // namespace dyad::cosim
