#include "dyad/cosim/reference/mma_tile.hpp"

namespace dyad::cosim::reference {

std::int64_t mma_dot_product(const PackedBits& activations, std::int64_t activation_offset, const PackedBits& weights,
                             std::int64_t weight_offset, int word_bits, const MmaFormat& format) {
  const int bits = format.element_bits();
  std::int64_t sum = 0;
  for (int at = 0; at < word_bits; at += bits)
    sum += element(activations, activation_offset + at, bits, format.activation_signed) *
           element(weights, weight_offset + at, bits, format.weight_signed);
  return sum;
}

void MmaDot::clock(const Inputs& in) {
  std::optional<ArrayAddend> addend;
  if (in.valid)
    addend = ArrayAddend{
        in.first, false, {static_cast<std::uint32_t>(mma_dot_product(in.activations, 0, in.weights, 0, word_bits_, in.format))}, {}};
  pipeline_.clock(in.reset, std::move(addend), false);
}

void MmaTile::clock(const Inputs& in) {
  std::optional<ArrayAddend> addend;
  if (in.valid) {
    addend = ArrayAddend{in.first, false, {}, {}};
    const int bits = in.format.element_bits();
    for (int r = 0; r < rows_; ++r) {
      const std::int64_t row = static_cast<std::int64_t>(r) * word_bits_;
      for (int c = 0; c < columns_; ++c)
        addend->acc.push_back(static_cast<std::uint32_t>(
            mma_dot_product(in.activations, row, in.weights, static_cast<std::int64_t>(c) * word_bits_, word_bits_, in.format)));
      std::int64_t sum = 0;
      for (int at = 0; at < word_bits_; at += bits) sum += element(in.activations, row + at, bits, in.format.activation_signed);
      addend->sum.push_back(static_cast<std::uint32_t>(sum));
    }
  }
  pipeline_.clock(in.reset, std::move(addend), in.capture);
}

}  // namespace dyad::cosim::reference
