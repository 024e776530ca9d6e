/// \file A GPU with tensor cores as the tensor_core family sees it: the card, the kernel that runs on it, and the energies of both.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dyad/accel_models/technology.hpp"
#include "dyad/base/json.hpp"
#include "dyad/base/result.hpp"

namespace dyad::accel_models::tensor_core {

constexpr std::int64_t kWarpThreads = 32;
constexpr std::int64_t kMaxRegistersOfThread = 255;  ///< CUDA C++ Programming Guide, table of technical specifications, 7.5 to 9.0

/// How a matrix instruction is issued.
enum class MmaPath {
  kMmaSync,  ///< by one warp, on the tensor core of its sub-core; operands in registers
  kWgmma,    ///< by a warpgroup of four warps, on the tensor cores of all sub-cores; operands in shared memory. n is its granule
};

/// A matrix instruction, or a short sequence that stands for one that the card does not have.
struct MmaInstruction {
  std::int64_t bits = 8;  ///< of both operands: 8, 4 or 1
  MmaPath path = MmaPath::kMmaSync;
  std::int64_t m = 1, n = 1, k = 1;
  double interval_cycles = 1;   ///< between two on the same tensor core (of a warpgroup: on all of them)
  double latency_cycles = 1;    ///< until the accumulators can be used by the next one
  double alu_instructions = 0;  ///< of a warp, that each takes besides: unpacking of operands. 0: native
  bool ands_bits = true;        ///< of 1 bit: AND and popcount; false: XOR only, which serves W1A1 and no bit planes of more
  std::string source;

  std::int64_t macs() const { return m * n * k; }
};

/// A candidate of the kernel: what a cooperative thread array (CTA) computes, and how.
struct Tile {
  std::int64_t m = 64, n = 64;  ///< outputs of a CTA: pixels, channels
  std::int64_t k_bits = 512;    ///< of K in a step of the main loop, of each row of an operand
  std::int64_t stages = 2;      ///< buffers in shared memory, each for a step
  std::int64_t warps_m = 2, warps_n = 2;
  std::int64_t cluster = 1;  ///< CTAs along m that load their common weights from L2 once (thread block clusters, sm_90)

  std::int64_t warps() const { return warps_m * warps_n; }
  bool operator==(const Tile&) const = default;
};

/// What is known of a kernel only by measuring it: everything that `calibrate fit` may vary. Key of each in the JSON: its name.
/// Ideal kernels have efficiencies of 1. Cycles are of the SM clock; efficiencies lie in (0, 1].
struct KernelParameters {
  double launch_cycles = 0;             ///< t0: of a kernel, before its first CTA starts and after its last has ended
  double cta_cycles = 0;                ///< launch and drain of the CTAs that an SM runs together: once a wave
  double prologue_cycles = 0;           ///< of a CTA before its first load: addresses, barriers
  double step_cycles = 0;               ///< of a main loop's step that a CTA alone can't hide: barrier, shared memory's latency
  double step_instructions = 0;         ///< of a thread and step: addresses, copies, predicates, loop
  double window_instructions = 0;       ///< of a thread and step besides, in a convolution whose window is not 1 x 1: gathered addresses
  double epilogue_instructions = 1.5;   ///< of an output: requantization, conversion, store
  double residual_instructions = 2.5;   ///< of an output with a fused addition, besides
  double direct_instructions = 2;       ///< of a multiply-accumulate on the CUDA cores (depthwise)
  double elementwise_instructions = 1;  ///< of an operand of pooling, addition and the like
  double overlap = 1;            ///< share of the shorter times of a step (tensor cores, lanes, shared memory, port) that the longest hides
  double mma_efficiency = 1;     ///< reached share of the tensor cores' rate
  double alu_efficiency = 1;     ///< of the integer lanes' rate
  double shared_efficiency = 1;  ///< of shared memory's bandwidth (bank conflicts)
  double l2_efficiency = 1;      ///< of the L2 cache's bandwidth
  double dram_efficiency = 1;    ///< of the DRAM's bandwidth
  double l2_warm = 0;            ///< share of a layer's tensors that fit into L2 that is found there, and left there: 0 cold, 1 warm

  bool operator==(const KernelParameters&) const = default;
};

/// The members of KernelParameters by name, for files and for fits. `largest`: the bound of its values; > 0 where it may not be 0.
struct KernelParameter {
  std::string_view name;
  double KernelParameters::*member;
  bool positive;
  double largest;
};
const std::vector<KernelParameter>& kernel_parameters();

/// Energies of the parts, charged by what a layer does.
struct Energies {
  Sourced mac_pj;             ///< of a multiply-accumulate of 8 x 8 bits on a tensor core; others in proportion to the MMA's bits
  Sourced alu_pj;             ///< of an integer instruction of one thread
  Sourced shared_pj_per_bit;  ///< written to or read from shared memory
  Sourced l2_pj_per_bit;      ///< between L2 and the SMs
  Sourced dram_pj_per_bit;
  Sourced static_w;  ///< board power that does not depend on work
};

/// The card and its kernel. Rates are of one SM unless said.
struct Gpu {
  std::int64_t sms = 1;
  std::int64_t sub_cores = 4;  ///< of an SM, each with a tensor core (as the instructions' intervals count them) and a scheduler
  std::vector<MmaInstruction> instructions;
  std::int64_t alu_lanes = 64;        ///< integer instructions of threads a cycle
  std::int64_t shared_bytes = 65536;  ///< that CTAs can have
  double shared_bytes_per_cycle = 128;
  std::int64_t registers = 65536;
  std::int64_t max_ctas = 16, max_warps = 32;
  double l2_port_bytes_per_cycle = 64;   ///< from L2 into one SM
  std::int64_t l2_bytes = 1 << 22;       ///< of the card
  double l2_bytes_per_cycle = 1024;      ///< of the card
  std::int64_t l2_latency_cycles = 200;  ///< of a hit

  std::vector<Tile> tiles;              ///< tried in this order; the first one wins a tie
  std::int64_t max_split_k = 1;         ///< K is cut into 1, 2, 4, ... up to so many slices
  std::int64_t thread_registers = 40;   ///< of a thread besides accumulators and operands
  std::int64_t element_outputs = 2048;  ///< of a CTA of a kernel without tensor cores ...
  std::int64_t element_warps = 8;       ///< ... and its warps
  KernelParameters kernel;
  Energies energies;

  /// Multiply-accumulates a cycle of all SMs with that instruction.
  double peak_macs_per_cycle(const MmaInstruction& instruction) const;
};

/// Reads the objects "gpu", "kernel" and "energy" of an accelerator's JSON (docs/accel_models/tensor_core.md).
Result<Gpu> read_gpu(const JsonReader& accelerator);

}  // namespace dyad::accel_models::tensor_core
