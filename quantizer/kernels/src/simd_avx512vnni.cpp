// Inner loops for AVX-512 F, BW, DQ, VL and VNNI.
#include <immintrin.h>

#include "simd_kernels.hpp"

namespace dyad::kernels {
namespace {

inline __m512i broadcast4(const std::uint8_t* bytes) {
  return _mm512_set1_epi32(*reinterpret_cast<const int __attribute__((may_alias, aligned(1)))*>(bytes));
}

template <Packing kPacking>
inline __m512i dot(__m512i acc, __m512i activations, __m512i weights) {
  if constexpr (kPacking == Packing::kBytes4) return _mm512_dpbusd_epi32(acc, activations, weights);
  return _mm512_dpwssd_epi32(acc, activations, weights);
}

template <Packing kPacking, int kPanels, int kPositions>
void gemm(const GemmCall& call) {
  __m512i acc[kPositions][kPanels];
#pragma GCC unroll 16
  for (int n = 0; n < kPanels; ++n) {
    const __m512i start = _mm512_loadu_si512(call.start + n * kPanel);
#pragma GCC unroll 16
    for (int p = 0; p < kPositions; ++p) acc[p][n] = start;
  }
  const std::uint8_t* weights = call.panels;
  for (std::int64_t run = 0; run < call.runs; ++run) {
    const std::int64_t offset = call.run_offsets[run];
    const std::uint8_t* a[kPositions];
#pragma GCC unroll 16
    for (int p = 0; p < kPositions; ++p) a[p] = call.positions[p] + offset;
    for (std::int64_t byte = 0; byte < 4 * call.groups_per_run; byte += 4, weights += 64) {
      __m512i w[kPanels];
#pragma GCC unroll 16
      for (int n = 0; n < kPanels; ++n) w[n] = _mm512_loadu_si512(weights + n * call.panel_bytes);
#pragma GCC unroll 16
      for (int p = 0; p < kPositions; ++p) {
        const __m512i activations = broadcast4(a[p] + byte);
#pragma GCC unroll 16
        for (int n = 0; n < kPanels; ++n) acc[p][n] = dot<kPacking>(acc[p][n], activations, w[n]);
      }
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < kPositions; ++p)
#pragma GCC unroll 16
    for (int n = 0; n < kPanels; ++n) _mm512_storeu_si512(call.acc + p * call.acc_stride + n * kPanel, acc[p][n]);
}

void depthwise(const DepthwiseCall& call) {
  __m512i acc0 = _mm512_loadu_si512(call.start), acc1 = _mm512_loadu_si512(call.start + 16);
  for (std::int64_t tap = 0; tap < call.taps; ++tap) {
    const __m512i a = _mm512_loadu_si512(call.position + call.tap_offsets[tap]);
    const __m512i w = _mm512_loadu_si512(call.weights + tap * call.tap_stride);
    const __m512i a0 = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(a)), a1 = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(a, 1));
    const __m512i w0 = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(w)), w1 = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(w, 1));
    acc0 = _mm512_add_epi32(acc0, _mm512_mullo_epi32(a0, w0));
    acc1 = _mm512_add_epi32(acc1, _mm512_mullo_epi32(a1, w1));
  }
  _mm512_storeu_si512(call.acc, acc0);
  _mm512_storeu_si512(call.acc + 16, acc1);
}

// The ratios of 8 columns.
struct Ratio {
  __m512i multiplier, shift, nudge, mask;
};

inline Ratio load_ratio(const RescaleOperand& operand, std::int64_t column) {
  return {_mm512_loadu_si512(operand.multiplier + column), _mm512_loadu_si512(operand.shift + column),
          _mm512_loadu_si512(operand.nudge + column), _mm512_loadu_si512(operand.mask + column)};
}

template <TieRule kTie>
inline __m512i rounded(__m256i values, const Ratio& ratio) {
  const __m512i x = _mm512_mul_epi32(_mm512_cvtepi32_epi64(values), ratio.multiplier);
  __m512i y = _mm512_add_epi64(x, ratio.nudge);
  if constexpr (kTie == TieRule::kAway) y = _mm512_add_epi64(y, _mm512_and_si512(_mm512_srai_epi64(x, 63), ratio.mask));
  if constexpr (kTie == TieRule::kEven) y = _mm512_add_epi64(y, _mm512_and_si512(_mm512_srav_epi64(x, ratio.shift), ratio.mask));
  return _mm512_srav_epi64(y, ratio.shift);
}

template <int kOutBytes>
inline void store(void* out, __mmask8 columns, __m512i y) {
  if constexpr (kOutBytes == 1) _mm512_mask_cvtepi64_storeu_epi8(out, columns, y);
  if constexpr (kOutBytes == 2) _mm512_mask_cvtepi64_storeu_epi16(out, columns, y);
  if constexpr (kOutBytes == 4) _mm512_mask_cvtepi64_storeu_epi32(out, columns, y);
}

template <int kOutBytes>
inline void store_all(std::uint8_t* out, __m512i low, __m512i high) {
  const __m512i joined = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(low)), _mm512_cvtepi64_epi32(high), 1);
  if constexpr (kOutBytes == 1) _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtepi32_epi8(joined));
  if constexpr (kOutBytes == 2) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi32_epi16(joined));
  if constexpr (kOutBytes == 4) _mm512_storeu_si512(out, joined);
}

template <int kOperands, TieRule kTie, int kOutBytes>
void rescale(const RescaleCall& call) {
  const __m512i zero_point = _mm512_set1_epi64(call.zero_point), lowest = _mm512_set1_epi64(call.lowest),
                highest = _mm512_set1_epi64(call.highest);
  for (std::int64_t column = 0; column < call.columns; column += 16) {
    Ratio ratio[kOperands][2];
    for (int i = 0; i < kOperands; ++i)
      for (int half = 0; half < 2; ++half) ratio[i][half] = load_ratio(call.operand[i], column + 8 * half);
    const std::int64_t left = call.columns - column;
    const auto tail_low = static_cast<__mmask8>(left >= 8 ? 0xff : (1 << left) - 1);
    const auto tail_high = static_cast<__mmask8>(left >= 16 ? 0xff : left <= 8 ? 0 : (1 << (left - 8)) - 1);
    std::uint8_t* out = static_cast<std::uint8_t*>(call.out) + column * kOutBytes;
    for (std::int64_t row = 0; row < call.rows; ++row, out += call.out_stride) {
      __m512i y[2] = {zero_point, zero_point};
#pragma GCC unroll 2
      for (int i = 0; i < kOperands; ++i) {
        const __m512i values = _mm512_loadu_si512(call.operand[i].values + row * call.operand[i].stride + column);
        y[0] = _mm512_add_epi64(y[0], rounded<kTie>(_mm512_castsi512_si256(values), ratio[i][0]));
        y[1] = _mm512_add_epi64(y[1], rounded<kTie>(_mm512_extracti64x4_epi64(values, 1), ratio[i][1]));
      }
      y[0] = _mm512_min_epi64(_mm512_max_epi64(y[0], lowest), highest);
      y[1] = _mm512_min_epi64(_mm512_max_epi64(y[1], lowest), highest);
      if (left >= 16) {
        store_all<kOutBytes>(out, y[0], y[1]);
      } else {
        store<kOutBytes>(out, tail_low, y[0]);
        store<kOutBytes>(out + 8 * kOutBytes, tail_high, y[1]);
      }
    }
  }
}

#define DYAD_RESCALES(operands, tie) \
  { rescale<operands, tie, 1>, rescale<operands, tie, 2>, rescale<operands, tie, 4> }
// 24 accumulators, up to 4 weights and a broadcast fill the 32 registers; with one panel more than 12 would spill their addresses.
#define DYAD_GEMMS(packing) \
  { gemm<packing, 1, 12>, gemm<packing, 2, 12>, gemm<packing, 3, 8>, gemm<packing, 4, 6> }

constexpr SimdKernels kKernels = {
    .gemm_bytes = DYAD_GEMMS(Packing::kBytes4),
    .gemm_words = DYAD_GEMMS(Packing::kWords2),
    .positions = {12, 12, 8, 6},
    .max_panels = 4,
    .has_bytes = true,
    .depthwise = depthwise,
    .rescale = {{DYAD_RESCALES(1, TieRule::kNone), DYAD_RESCALES(1, TieRule::kAway), DYAD_RESCALES(1, TieRule::kEven)},
                {DYAD_RESCALES(2, TieRule::kNone), DYAD_RESCALES(2, TieRule::kAway), DYAD_RESCALES(2, TieRule::kEven)}},
};

}  // namespace

const SimdKernels& avx512vnni_kernels() { return kKernels; }

}  // namespace dyad::kernels
