/// \file The check of systolic_core: an element of K an entry, in jobs shorter and longer than the array's least distance of captures.
#pragma once

#include "checks/core_check.hpp"
#include "dyad/cosim/reference/systolic_core.hpp"

namespace dyad::cosim {

class SystolicFamily final : public CoreFamily {
 public:
  explicit SystolicFamily(const reference::SystolicSize& size) : size_(size) {}

  void choose(Random& random) override {
    activation_signed_ = random.coin();
    weight_signed_ = random.coin();
  }
  std::int64_t random_words(Random& random, std::int64_t most) const override {
    const std::int64_t distance = size_.capture_distance(), kind = static_cast<std::int64_t>(random.below(4));
    const std::int64_t words = kind == 0   ? random.between(1, 4)
                               : kind == 1 ? distance + random.between(-1, 1)
                                           : random.between(1, 3 * distance);
    return std::clamp<std::int64_t>(words, 1, most);
  }
  std::int64_t random_activation(Random& random) const override { return number(random, size_.activation_width, activation_signed_); }
  std::int64_t random_weight(Random& random) const override { return number(random, size_.weight_width, weight_signed_); }
  std::int64_t depth(std::int64_t words) const override { return words; }
  std::int64_t activation_entries(std::int64_t words) const override { return words; }
  std::int64_t weight_entries(std::int64_t words) const override { return words; }
  std::uint32_t register_8(std::int64_t words) const override { return static_cast<std::uint32_t>(words); }
  std::uint32_t register_9() const override { return 0; }
  std::uint32_t flags() const override {
    return static_cast<std::uint32_t>(activation_signed_) << 2 | static_cast<std::uint32_t>(weight_signed_) << 3;
  }
  std::vector<PackedBits> activation_tile(const IntegerVectors& rows, std::int64_t words) const override {
    return entries(rows, words, size_.activation_width);
  }
  std::vector<PackedBits> weight_tile(const IntegerVectors& columns, std::int64_t words) const override {
    return entries(columns, words, size_.weight_width);
  }

 private:
  /// Extremes more often than by chance.
  static std::int64_t number(Random& random, int width, bool is_signed) {
    const std::int64_t span = std::int64_t{1} << width, lowest = is_signed ? -span / 2 : 0;
    const std::uint64_t kind = random.below(8);
    return kind == 0 ? lowest : kind == 1 ? lowest + span - 1 : random.between(lowest, lowest + span - 1);
  }
  static std::vector<PackedBits> entries(const IntegerVectors& vectors, std::int64_t words, int width) {
    std::vector<PackedBits> out;
    for (std::int64_t k = 0; k < words; ++k) {
      PackedBits line(static_cast<std::int64_t>(vectors.size()) * width);
      for (std::size_t v = 0; v < vectors.size(); ++v)
        line.set(static_cast<std::int64_t>(v) * width, width, static_cast<std::uint64_t>(vectors[v][static_cast<std::size_t>(k)]));
      out.push_back(std::move(line));
    }
    return out;
  }

  reference::SystolicSize size_;
  bool activation_signed_ = false, weight_signed_ = false;
};

/// `options.cases` random layers. The other arguments are the parameters of the model; both memories have `entries` entries.
template <class Model>
Check check_systolic_core(const CheckOptions& options, const reference::SystolicSize& size, std::int64_t entries, std::int64_t lanes) {
  reference::TileCoreShape shape;
  shape.activation_entries = shape.weight_entries = entries;
  shape.lanes = lanes;
  SystolicFamily family(size);
  shape = reference::systolic_core_shape(shape, size);
  return check_core<Model>("systolic_core", options, shape, reference::make_systolic_core(shape, size), family);
}

}  // namespace dyad::cosim
