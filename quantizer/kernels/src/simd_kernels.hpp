/// \file The inner loops that exist once per instruction set, as plain structs and function pointers.
///
/// Files that implement this are compiled with instructions that the running processor may lack. An inline function or
/// template with external linkage compiled there could be the copy that the linker keeps for everybody, so those files
/// include only this header and intrinsics, and this header holds no function bodies and no standard containers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dyad::kernels {

/// Output channels of a weight panel, int32 lanes of a column block.
inline constexpr int kPanel = 16;
/// Most panels that one call multiplies.
inline constexpr int kMaxPanels = 4;

/// What a 4-byte group of activations holds, times the same elements of 16 output channels (docs/kernels/cpu.md).
enum class Packing {
  kBytes4,  ///< 4 unsigned bytes, weights 4 signed bytes
  kWords2,  ///< 2 signed 16-bit words, weights 2 signed 16-bit words
};

/// acc[p][c] = start[c] + sum over runs and groups of activations(p) . panel(c), int32 with wrap-around.
struct GemmCall {
  const std::uint8_t* const* positions;  ///< the window's first byte, for each of the kernel's positions
  const std::int64_t* run_offsets;       ///< bytes from there to each run of consecutive elements
  std::int64_t runs, groups_per_run;     ///< 4-byte groups
  const std::uint8_t* panels;            ///< [panel][run][group][16 channels][4 bytes]
  std::int64_t panel_bytes;
  const std::int32_t* start;  ///< [panel][16]
  std::int32_t* acc;          ///< [position][acc_stride]
  std::int64_t acc_stride;
};

/// Depthwise: acc[c] = start[c] + sum over taps a[offset + c] * weight[tap][c] for 32 channels of one position.
struct DepthwiseCall {
  const std::int16_t* position;
  const std::int64_t* tap_offsets;  ///< elements
  std::int64_t taps;
  const std::int16_t* weights;  ///< [tap][tap_stride]
  std::int64_t tap_stride;
  const std::int32_t* start;
  std::int32_t* acc;
};
inline constexpr int kDepthwiseChannels = 32;

/// Rounding as vector code sees it: y = (x + nudge + tie term) >> shift, arithmetic; docs/kernels/cpu.md derives it.
enum class TieRule {
  kNone,  ///< half_up: nudge 2^(shift-1); floor: nudge 0
  kAway,  ///< nudge 2^(shift-1), minus mask when x < 0
  kEven,  ///< nudge 2^(shift-1) - 1, plus mask & (x >> shift)
};

/// One branch: int32 values and, per column, the ratio. Arrays are padded to a multiple of 16 columns.
struct RescaleOperand {
  const std::int32_t* values;  ///< [row][stride], readable up to a multiple of 16 columns
  std::int64_t stride;
  const std::int64_t* multiplier;
  const std::int64_t* shift;
  const std::int64_t* nudge;
  const std::int64_t* mask;  ///< 0 where shift is 0, else 1 (kEven) or -1 (kAway)
};

/// out = clamp(sum of the operands' rounded values + zero_point), stored in 1, 2 or 4 bytes.
struct RescaleCall {
  RescaleOperand operand[2];
  std::int64_t rows, columns;
  std::int64_t zero_point, lowest, highest;  ///< the bounds fit the stored type
  void* out;
  std::int64_t out_stride;  ///< bytes between rows
};

using Gemm = void (*)(const GemmCall&);
using Depthwise = void (*)(const DepthwiseCall&);
using Rescale = void (*)(const RescaleCall&);

/// The inner loops of one instruction set.
struct SimdKernels {
  /// [panels - 1]; null where a set of panels is not offered. `positions` says how many each multiplies at once.
  Gemm gemm_bytes[kMaxPanels];
  Gemm gemm_words[kMaxPanels];
  int positions[kMaxPanels];
  int max_panels;
  bool has_bytes;
  Depthwise depthwise;
  Rescale rescale[2][3][3];  ///< [operands - 1][TieRule][log2 of the stored bytes]
};

inline constexpr int kMaxPositions = 16;

const SimdKernels& portable_kernels();
const SimdKernels& avx2_kernels();
const SimdKernels& avx512vnni_kernels();

}  // namespace dyad::kernels
