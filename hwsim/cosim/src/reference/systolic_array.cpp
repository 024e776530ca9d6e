#include "dyad/cosim/reference/systolic_array.hpp"

#include <algorithm>

namespace dyad::cosim::reference {
namespace {

std::int64_t number(const PackedBits& word, int index, int width, bool is_signed) {
  const std::int64_t at = std::int64_t{index} * width;
  return is_signed ? word.get_signed(at, width) : static_cast<std::int64_t>(word.get(at, width));
}

}  // namespace

OutputStationaryArray::OutputStationaryArray(const SystolicSize& size)
    : size_(size),
      sums_{std::vector<std::uint32_t>(static_cast<std::size_t>(size.rows * size.columns)),
            std::vector<std::uint32_t>(static_cast<std::size_t>(size.rows))},
      results_(size.latency(), static_cast<std::size_t>(size.rows * size.columns), static_cast<std::size_t>(size.rows)),
      since_capture_(size.capture_distance()) {}

void OutputStationaryArray::clock(const Inputs& in) {
  results_.clock(in.reset, in.capture ? std::optional(sums_) : std::nullopt);
  since_capture_ = in.reset ? size_.capture_distance() : in.capture ? 1 : std::min(since_capture_ + 1, size_.capture_distance());
  if (in.reset) {
    std::ranges::fill(sums_.acc, 0u);
    std::ranges::fill(sums_.sum, 0u);
  }
  if (!in.valid || in.reset) return;
  const auto add = [&](std::uint32_t& to, std::int64_t addend) { to = (in.first ? 0u : to) + static_cast<std::uint32_t>(addend); };
  std::vector<std::int64_t> weights;
  for (int c = 0; c < size_.columns; ++c) weights.push_back(number(in.weights, c, size_.weight_width, in.weight_signed));
  std::size_t cell = 0;
  for (int r = 0; r < size_.rows; ++r) {
    const std::int64_t activation = number(in.activations, r, size_.activation_width, in.activation_signed);
    for (const std::int64_t weight : weights) add(sums_.acc[cell++], activation * weight);
    add(sums_.sum[static_cast<std::size_t>(r)], activation);
  }
}

WeightStationaryArray::WeightStationaryArray(const SystolicSize& size)
    : size_(size),
      loaded_(static_cast<std::size_t>(size.rows), PackedBits(std::int64_t{size.columns} * size.weight_width)),
      used_(loaded_),
      row_loaded_(static_cast<std::size_t>(size.rows)),
      results_(size.latency(), static_cast<std::size_t>(size.columns), 1) {}

bool WeightStationaryArray::loaded() const { return std::find(row_loaded_.begin(), row_loaded_.end(), false) == row_loaded_.end(); }

void WeightStationaryArray::clock(const Inputs& in) {
  std::optional<ArrayResult> result;
  if (in.valid) {
    if (in.first) used_ = loaded_;
    result = ArrayResult{std::vector<std::uint32_t>(static_cast<std::size_t>(size_.columns)), {0}};
    for (int r = 0; r < size_.rows; ++r) {
      const std::int64_t activation = number(in.activations, r, size_.activation_width, in.activation_signed);
      for (int c = 0; c < size_.columns; ++c)
        result->acc[static_cast<std::size_t>(c)] +=
            static_cast<std::uint32_t>(activation * number(used_[static_cast<std::size_t>(r)], c, size_.weight_width, in.weight_signed));
      result->sum[0] += static_cast<std::uint32_t>(activation);
    }
  }
  results_.clock(in.reset, std::move(result));
  if (in.reset) {
    row_loaded_.assign(row_loaded_.size(), false);
  } else if (in.load) {
    loaded_[static_cast<std::size_t>(in.load_row)] = in.weights;
    row_loaded_[static_cast<std::size_t>(in.load_row)] = true;
  }
}

}  // namespace dyad::cosim::reference
