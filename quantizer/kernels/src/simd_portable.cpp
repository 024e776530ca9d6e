// Inner loops in plain C++: what runs where no faster set does.
#include "simd_kernels.hpp"

namespace dyad::kernels {
namespace {

constexpr int kPositions = 4;

void gemm_words(const GemmCall& call) {
  std::uint32_t acc[kPositions][kPanel];
  for (int p = 0; p < kPositions; ++p)
    for (int c = 0; c < kPanel; ++c) acc[p][c] = static_cast<std::uint32_t>(call.start[c]);
  const auto* weights = reinterpret_cast<const std::int16_t*>(call.panels);
  for (std::int64_t run = 0; run < call.runs; ++run)
    for (std::int64_t group = 0; group < call.groups_per_run; ++group, weights += 2 * kPanel)
      for (int p = 0; p < kPositions; ++p) {
        const auto* a = reinterpret_cast<const std::int16_t*>(call.positions[p] + call.run_offsets[run]) + 2 * group;
        const std::int32_t first = a[0], second = a[1];
        for (int c = 0; c < kPanel; ++c)
          acc[p][c] += static_cast<std::uint32_t>(first * weights[2 * c]) + static_cast<std::uint32_t>(second * weights[2 * c + 1]);
      }
  for (int p = 0; p < kPositions; ++p)
    for (int c = 0; c < kPanel; ++c) call.acc[p * call.acc_stride + c] = static_cast<std::int32_t>(acc[p][c]);
}

void depthwise(const DepthwiseCall& call) {
  std::uint32_t acc[kDepthwiseChannels];
  for (int c = 0; c < kDepthwiseChannels; ++c) acc[c] = static_cast<std::uint32_t>(call.start[c]);
  for (std::int64_t tap = 0; tap < call.taps; ++tap) {
    const std::int16_t* a = call.position + call.tap_offsets[tap];
    const std::int16_t* weights = call.weights + tap * call.tap_stride;
    for (int c = 0; c < kDepthwiseChannels; ++c) acc[c] += static_cast<std::uint32_t>(a[c] * weights[c]);
  }
  for (int c = 0; c < kDepthwiseChannels; ++c) call.acc[c] = static_cast<std::int32_t>(acc[c]);
}

template <TieRule kTie>
std::int64_t round_column(const RescaleOperand& operand, std::int64_t row, std::int64_t column) {
  const std::int64_t x = operand.values[row * operand.stride + column] * operand.multiplier[column];
  const std::int64_t shift = operand.shift[column];
  std::int64_t tie = 0;
  if constexpr (kTie == TieRule::kAway) tie = x < 0 ? operand.mask[column] : 0;
  if constexpr (kTie == TieRule::kEven) tie = (x >> shift) & operand.mask[column];
  return (x + operand.nudge[column] + tie) >> shift;
}

template <int kOperands, TieRule kTie, typename Out>
void rescale(const RescaleCall& call) {
  for (std::int64_t row = 0; row < call.rows; ++row) {
    Out* out = reinterpret_cast<Out*>(static_cast<std::uint8_t*>(call.out) + row * call.out_stride);
    for (std::int64_t column = 0; column < call.columns; ++column) {
      std::int64_t y = round_column<kTie>(call.operand[0], row, column) + call.zero_point;
      if constexpr (kOperands == 2) y += round_column<kTie>(call.operand[1], row, column);
      y = y < call.lowest ? call.lowest : y;
      y = y > call.highest ? call.highest : y;
      out[column] = static_cast<Out>(y);
    }
  }
}

#define DYAD_RESCALES(operands, tie) \
  { rescale<operands, tie, std::int8_t>, rescale<operands, tie, std::int16_t>, rescale<operands, tie, std::int32_t> }

constexpr SimdKernels kKernels = {
    .gemm_bytes = {},
    .gemm_words = {gemm_words, nullptr, nullptr, nullptr},
    .positions = {kPositions, 0, 0, 0},
    .max_panels = 1,
    .has_bytes = false,
    .depthwise = depthwise,
    .rescale = {{DYAD_RESCALES(1, TieRule::kNone), DYAD_RESCALES(1, TieRule::kAway), DYAD_RESCALES(1, TieRule::kEven)},
                {DYAD_RESCALES(2, TieRule::kNone), DYAD_RESCALES(2, TieRule::kAway), DYAD_RESCALES(2, TieRule::kEven)}},
};

}  // namespace

const SimdKernels& portable_kernels() { return kKernels; }

}  // namespace dyad::kernels
