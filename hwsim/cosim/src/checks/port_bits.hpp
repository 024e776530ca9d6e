/// \file Wide ports of Verilated models as PackedBits.
#pragma once

#include <verilated.h>

#include <concepts>
#include <cstdint>
#include <vector>

#include "dyad/cosim/packed_bits.hpp"

namespace dyad::cosim {

template <std::unsigned_integral Port>
void set_port(Port& port, const PackedBits& value) {
  port = static_cast<Port>(value.get(0, static_cast<int>(value.bits())));
}
template <std::size_t kWords>
void set_port(VlWide<kWords>& port, const PackedBits& value) {
  for (std::size_t i = 0; i < kWords; ++i) port[i] = value.words()[i];
}

/// The `index`-th 32-bit field of a port.
template <std::unsigned_integral Port>
std::uint32_t port_word(const Port& port, std::size_t index) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(port) >> 32 * index);
}
template <std::size_t kWords>
std::uint32_t port_word(const VlWide<kWords>& port, std::size_t index) {
  return port[index];
}

}  // namespace dyad::cosim
