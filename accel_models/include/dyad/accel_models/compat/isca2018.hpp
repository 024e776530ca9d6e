/// \file Bit Fusion's published simulator (Sharma et al., ISCA 2018): its cost of a layer for a tiling and a loop order, and the best of
/// all tilings that it considers. docs/accel_models/bit_fusion.md has the formulas.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dyad/accel_models/technology.hpp"

namespace dyad::accel_models::isca2018 {

/// Energies that the simulator charges; pJ.
struct Energies {
  Sourced core_pj_per_cycle;
  Sourced wbuf_read_pj_per_bit, wbuf_write_pj_per_bit;
  Sourced ibuf_read_pj_per_bit, ibuf_write_pj_per_bit;
  Sourced obuf_read_pj_per_bit, obuf_write_pj_per_bit;
  Sourced dram_pj_per_bit;
};

struct Machine {
  std::int64_t rows = 16, columns = 32;                      ///< N, M: fusion units
  std::int64_t wbuf_bits = 0, ibuf_bits = 0, obuf_bits = 0;  ///< whole buffers; tiles may fill half of each
  std::int64_t port_bits = 192;                              ///< to memory, a cycle
  Energies energies;
};

/// What becomes of sums that are complete.
enum class Outputs {
  k32Bit,        ///< as published: 32-bit sums are read from and written to memory in every pass, the first and the last too
  kRequantized,  ///< they leave at the layer's out bits, requantized on the chip; only unfinished sums spill, at 32 bits
};

/// A convolution with square-like tiles; a linear layer is one with kernel, output and stride 1.
struct Layer {
  std::int64_t batch = 1, kernel_h = 1, kernel_w = 1, out_h = 1, out_w = 1, stride = 1, in_channels = 1, out_channels = 1;
  std::int64_t weight_bits = 8, activation_bits = 8;  ///< 1 to 8
  bool im2col = false;                                ///< the first layer, whose rows the host builds
  Outputs outputs = Outputs::k32Bit;
  std::int64_t out_bits = 8;  ///< of kRequantized, 1 to 32
};

enum Loop { kBatch, kOutW, kOutH, kInChannels, kOutChannels, kLoops };

struct Tiling {
  std::array<std::int64_t, kLoops> size{}, count{};  ///< elements of a tile, tiles
  std::array<Loop, kLoops> order{};                  ///< outermost first
};

struct Cost {
  std::int64_t cycles = 0, stall_cycles = 0;
  std::int64_t wbuf_reads = 0, wbuf_writes = 0, ibuf_reads = 0, ibuf_writes = 0, obuf_reads = 0, obuf_writes = 0;  ///< bits
  std::int64_t dram_reads = 0, dram_writes = 0;                                                                    ///< bits
  std::int64_t compute_cycles() const { return cycles - stall_cycles; }
  std::int64_t output_bits() const { return dram_reads - wbuf_writes - ibuf_writes + dram_writes; }  ///< over the port, both ways
  double core_pj = 0, sram_pj = 0, dram_pj = 0;
  double energy_pj() const { return core_pj + sram_pj + dram_pj; }
};

/// Products that a fusion unit does in a cycle: floor(8 / max(a, 2)) * floor(8 / max(w, 2)).
std::int64_t products_per_cycle(std::int64_t weight_bits, std::int64_t activation_bits);

/// Cost of one tiling; none when a tile does not fit into half of its buffer.
std::optional<Cost> cost_of(const Layer& layer, const Tiling& tiling, const Machine& machine);

struct Best {
  Tiling tiling;
  Cost cost;
  std::int64_t evaluated = 0;  ///< pairs of tiling and order that were costed; the others can't be better
};

/// The tiling and order of fewest cycles, of those of least energy, among powers of two for every extent (output channels in multiples of
/// the columns without im2col) and all orders of the loops; none when no tile fits.
std::optional<Best> search(const Layer& layer, const Machine& machine);

}  // namespace dyad::accel_models::isca2018
