#include "dyad/cosim/reference/bit_serial_array.hpp"

#include <algorithm>
#include <bit>

namespace dyad::cosim::reference {

std::uint32_t count_common_ones(const PackedBits& a, std::int64_t a_offset, const PackedBits& b, std::int64_t b_offset, int depth) {
  std::uint32_t ones = 0;
  for (int done = 0; done < depth; done += 64) {
    const int count = std::min(64, depth - done);
    ones += static_cast<std::uint32_t>(std::popcount(a.get(a_offset + done, count) & b.get(b_offset + done, count)));
  }
  return ones;
}

void BitSerialDpu::clock(const Inputs& in) {
  std::optional<ArrayAddend> addend;
  if (in.valid) {
    const std::uint32_t ones = count_common_ones(in.activations, 0, in.weights, 0, depth_);
    addend = ArrayAddend{in.first, in.shift, {in.negate ? 0u - ones : ones}, {}};
  }
  pipeline_.clock(in.reset, std::move(addend), false);
}

std::vector<PlanePair> plane_order(int activation_bits, int weight_bits) {
  std::vector<PlanePair> order;
  for (int diagonal = activation_bits + weight_bits - 2; diagonal >= 0; --diagonal) {
    bool shift = !order.empty();
    for (int i = std::min(diagonal, activation_bits - 1); i >= 0 && diagonal - i < weight_bits; --i) {
      order.push_back({i, diagonal - i, shift});
      shift = false;
    }
  }
  return order;
}

void BitSerialArray::clock(const Inputs& in) {
  std::optional<ArrayAddend> addend;
  if (in.valid) {
    addend = ArrayAddend{in.first, in.shift, {}, {}};
    for (int r = 0; r < rows_; ++r) {
      const std::int64_t row = static_cast<std::int64_t>(r) * depth_;
      for (int c = 0; c < columns_; ++c) {
        const std::uint32_t ones = count_common_ones(in.activations, row, in.weights, static_cast<std::int64_t>(c) * depth_, depth_);
        addend->acc.push_back(in.negate ? 0u - ones : ones);
      }
      const std::uint32_t ones = in.sum ? count_common_ones(in.activations, row, in.activations, row, depth_) : 0u;
      addend->sum.push_back(in.sum_negate ? 0u - ones : ones);
    }
  }
  pipeline_.clock(in.reset, std::move(addend), in.capture);
}

}  // namespace dyad::cosim::reference
