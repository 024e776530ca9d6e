/// \file Bit-widths 1 to 32 of integers, signed (two's complement) or unsigned.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

namespace dyad {

constexpr int kMaxOperandBits = 16;

/// Range of an integer format. 1 <= bits <= 32; a signed 1-bit integer holds {-1, 0}.
struct BitWidth {
  int bits = 8;
  bool is_signed = true;

  constexpr std::int64_t lowest() const { return is_signed ? -(std::int64_t{1} << (bits - 1)) : 0; }
  constexpr std::int64_t highest() const { return (std::int64_t{1} << (is_signed ? bits - 1 : bits)) - 1; }
  constexpr std::int64_t clamp(std::int64_t value) const { return std::clamp(value, lowest(), highest()); }
  constexpr bool operator==(const BitWidth&) const = default;
};

/// Bits of one layer: its weights and its input activations. 32 means float.
struct LayerBits {
  int weight = 8;
  int activation = 8;
  constexpr bool operator==(const LayerBits&) const = default;
};

/// Layer name to bits, ordered by name: the `assignment` of the program's JSON.
using BitAssignment = std::map<std::string, LayerBits>;

}  // namespace dyad
