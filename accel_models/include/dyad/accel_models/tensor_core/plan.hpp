/// \file How a layer runs on a GPU: kernels, tiles, instruction, waves, and what each step takes. Both tiers start from it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dyad/accel_models/tensor_core/gpu.hpp"
#include "dyad/base/cost_model.hpp"
#include "dyad/base/layer_shape.hpp"
#include "dyad/hwsim/dram_timing.hpp"

namespace dyad::accel_models::tensor_core {

enum class KernelKind {
  kMatrix,       ///< implicit GEMM on the tensor cores
  kDirect,       ///< convolution on the CUDA cores, one product an instruction and more: depthwise
  kElementwise,  ///< pooling, addition and the like
  kReduction,    ///< sums the slices of a split K and requantizes
};

/// A layer for a batch: `groups` products of (m x k) by (k x n), or outputs that take some operands each.
struct Problem {
  bool weighted = true;
  bool direct = false;    ///< may run on the CUDA cores: a convolution in groups
  bool windowed = false;  ///< a convolution whose window is not 1 x 1
  std::int64_t groups = 1, m = 1, n = 1, k = 1;
  int weight_bits = 8, activation_bits = 8;
  std::int64_t out_bits = 8;       ///< as stored: 1, 2, 4, 8, 16 or 32
  std::int64_t residual_bits = 0;  ///< of an element of the tensor that is added; 0: none
  std::int64_t inputs = 0;         ///< elements read from memory
  std::int64_t weights = 0;
  std::int64_t outputs = 0;
  std::int64_t operations = 0;  ///< multiply-accumulates, or operands of an elementwise layer
};
Problem make_problem(const LayerShape& layer, OperandBits bits, std::int64_t batch);

/// Bits that an operand of some bits takes in memory: the smallest of 1, 2, 4, 8, 16, 32 that hold it.
std::int64_t stored_bits(std::int64_t bits);

/// What one kernel does. CTAs are alike; `sms` run up to `resident` each, which take every step together.
struct KernelPlan {
  KernelKind kind = KernelKind::kMatrix;
  std::int64_t sms = 1;
  std::int64_t ctas = 1;
  std::int64_t resident = 1;  ///< CTAs of an SM at once
  std::int64_t steps = 1;     ///< of the main loop
  std::int64_t stages = 1;

  std::int64_t launch_cycles = 0;  ///< of the kernel
  std::int64_t start_cycles = 0;   ///< of the CTAs that an SM takes up, until their first request
  // Times of one CTA alone, in cycles.
  double warp_mma_cycles = 0;             ///< of a warp (a warpgroup: of all sub-cores) and step on its tensor core
  std::int64_t warps = 1, sub_cores = 1;  ///< warps that share the tensor cores of that many sub-cores
  double alu_cycles = 0;                  ///< of a step on the integer lanes
  double shared_cycles = 0;               ///< of a step at the shared memory's port
  double port_cycles = 0;                 ///< of a step at the port from L2
  double chain_cycles = 0;                ///< of a step's dependent instructions
  double overlap = 1;                     ///< share of the shorter of these that the longest hides
  double step_cycles = 0;                 ///< of a step besides, which other CTAs can hide
  double epilogue_alu_cycles = 0;         ///< of a CTA's outputs on the integer lanes
  bool stores_steps = false;              ///< outputs are stored after every step, not after the last: kernels without tensor cores

  // Bits of a CTA through the L2 cache; what is written: of a step where those are stored.
  std::int64_t l2_step_bits = 0, l2_residual_bits = 0, l2_write_bits = 0;
  // Bursts of the whole kernel, spread evenly over its steps, and its CTAs' ends.
  std::int64_t dram_step_bursts = 0, dram_residual_bursts = 0, dram_write_bursts = 0;
  std::int64_t load_latency = 1;      ///< cycles from a step's request to its data: L2's, and the DRAM's if it is read at all
  std::int64_t residual_latency = 1;  ///< of the tensor that is added
  std::int64_t write_latency = 1;     ///< until a write is acknowledged

  /// Cycles of a step when `ctas` of them share the SM.
  std::int64_t round_cycles(std::int64_t ctas_of_sm) const;
  /// Cycles of their outputs on the integer lanes.
  std::int64_t epilogue_cycles(std::int64_t ctas_of_sm) const;
  /// Tensor-core cycles of a step of that many CTAs.
  double mma_cycles(std::int64_t ctas_of_sm) const;

  /// Cycles of their outputs after the last step; 0 where steps are stored.
  std::int64_t tail_cycles(std::int64_t ctas_of_sm) const { return stores_steps ? 0 : epilogue_cycles(ctas_of_sm); }
  /// Stores of a CTA.
  std::int64_t stores() const { return stores_steps ? steps : 1; }

  std::int64_t full_waves() const { return ctas / (sms * resident); }
  std::int64_t last_wave() const { return ctas % (sms * resident); }
};

/// Everything that is charged for a layer; equal in both tiers.
struct Work {
  double mma_mac_bits = 0;      ///< multiply-accumulates on tensor cores, padding and all planes included, times the instruction's bits
  double alu_instructions = 0;  ///< of threads
  double shared_bits = 0;       ///< written and read
  std::int64_t l2_bits = 0;
  std::int64_t dram_read_bits = 0, dram_write_bits = 0;
};

/// A choice of kernels for a layer: one, or two where K is split.
struct LayerPlan {
  int tile = -1;         ///< of Gpu::tiles; -1: no matrix kernel
  int instruction = -1;  ///< of Gpu::instructions
  int planes = 1;        ///< products of bit planes: w * a passes of a 1-bit instruction
  std::int64_t slices = 1;
  int kernels = 1;
  std::array<KernelPlan, 2> kernel;
  Work work;
  std::int64_t weight_l2_bits = 0, activation_l2_bits = 0;      ///< through L2 in all steps
  std::int64_t weight_dram_bits = 0, activation_dram_bits = 0;  ///< with what is read again
};

/// What the memory of both tiers is: the DRAM and the L2 cache at the bandwidths that the kernel reaches.
struct MemoryTiming {
  hwsim::DramTiming dram, l2;
};
MemoryTiming memory_timing(const Gpu& gpu, const hwsim::DramTiming& dram);

/// The matrix kernel of a tile with an instruction, in `slices` of K; none when a CTA does not fit into an SM, or the instruction can't
/// multiply these operands.
std::optional<LayerPlan> matrix_plan(const Problem& problem, const Gpu& gpu, const MemoryTiming& memory, int tile, int instruction,
                                     std::int64_t slices);
/// The kernel without tensor cores: direct convolution, or an elementwise layer.
LayerPlan element_plan(const Problem& problem, const Gpu& gpu, const MemoryTiming& memory);

}  // namespace dyad::accel_models::tensor_core
