/// \file Reference model of rtl/mma_dot.sv.
#pragma once

#include <optional>

#include "dyad/cosim/packed_bits.hpp"
#include "dyad/cosim/reference/array_pipeline.hpp"

namespace dyad::cosim::reference {

/// Width and signedness of the elements of a pair of operand words.
struct MmaFormat {
  int mode = 0;  ///< 0: 8 bits, 1: 4 bits, 2 and 3: 1 bit
  bool activation_signed = false, weight_signed = false;

  int element_bits() const { return mode == 0 ? 8 : mode == 1 ? 4 : 1; }
};

/// Element of a packed word; a signed 1-bit element is 0 or -1.
inline std::int64_t element(const PackedBits& word, std::int64_t offset, int bits, bool is_signed) {
  return is_signed ? word.get_signed(offset, bits) : static_cast<std::int64_t>(word.get(offset, bits));
}

/// Sum of the products of all elements of two words.
std::int64_t mma_dot_product(const PackedBits& activations, std::int64_t activation_offset, const PackedBits& weights,
                             std::int64_t weight_offset, int word_bits, const MmaFormat& format);

/// One dot-product unit: acc = (first ? 0 : acc) + sum of products, modulo 2^32.
class MmaDot {
 public:
  static constexpr int kLatency = 3;  ///< a pair of cycle t is part of acc() from cycle t + kLatency on

  struct Inputs {
    bool reset = false, valid = false, first = false;
    MmaFormat format;
    PackedBits activations, weights;
  };

  explicit MmaDot(int word_bits) : word_bits_(word_bits) {}
  std::uint32_t acc() const { return pipeline_.acc()[0]; }
  void clock(const Inputs& in);

 private:
  int word_bits_;
  ArrayPipeline<kLatency - 1> pipeline_{1, 0};
};

}  // namespace dyad::cosim::reference
