/// \file Reference model of rtl/apot_dot.sv.
#pragma once

#include "dyad/cosim/packed_bits.hpp"
#include "dyad/cosim/reference/apot_pe.hpp"
#include "dyad/cosim/reference/array_pipeline.hpp"

namespace dyad::cosim::reference {

/// Sum of the products of 8-bit activations and 8-bit weight codes of two words.
std::int64_t apot_dot_product(const PackedBits& activations, std::int64_t activation_offset, bool activation_signed,
                              const PackedBits& codes, std::int64_t code_offset, int word_bits);

/// One dot-product unit: acc = (first ? 0 : acc) + sum of products, modulo 2^32.
class ApotDot {
 public:
  static constexpr int kLatency = 3;  ///< a pair of cycle t is part of acc() from cycle t + kLatency on

  struct Inputs {
    bool reset = false, valid = false, first = false, activation_signed = false;
    PackedBits activations, weights;
  };

  explicit ApotDot(int word_bits) : word_bits_(word_bits) {}
  std::uint32_t acc() const { return pipeline_.acc()[0]; }
  void clock(const Inputs& in);

 private:
  int word_bits_;
  ArrayPipeline<kLatency - 1> pipeline_{1, 0};
};

}  // namespace dyad::cosim::reference
