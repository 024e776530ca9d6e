// Inner loops for AVX2. Products are exact: 16-bit words through vpmaddwd, whose pair sum fits int32 because weights are
// 8 bits wide; vpmaddubsw, which saturates, is never used.
#include <immintrin.h>

#include "simd_kernels.hpp"

namespace dyad::kernels {
namespace {

constexpr int kPositions = 6;

inline __m256i load(const void* at) { return _mm256_loadu_si256(static_cast<const __m256i*>(at)); }
inline void store(void* at, __m256i value) { _mm256_storeu_si256(static_cast<__m256i*>(at), value); }
inline __m256i broadcast4(const std::uint8_t* bytes) {
  return _mm256_set1_epi32(*reinterpret_cast<const int __attribute__((may_alias, aligned(1)))*>(bytes));
}

void gemm_words(const GemmCall& call) {
  __m256i acc[kPositions][2];
#pragma GCC unroll 8
  for (int p = 0; p < kPositions; ++p) {
    acc[p][0] = load(call.start);
    acc[p][1] = load(call.start + 8);
  }
  const std::uint8_t* weights = call.panels;
  for (std::int64_t run = 0; run < call.runs; ++run) {
    const std::int64_t offset = call.run_offsets[run];
    const std::uint8_t* a[kPositions];
#pragma GCC unroll 8
    for (int p = 0; p < kPositions; ++p) a[p] = call.positions[p] + offset;
    for (std::int64_t byte = 0; byte < 4 * call.groups_per_run; byte += 4, weights += 64) {
      const __m256i w0 = load(weights), w1 = load(weights + 32);
#pragma GCC unroll 8
      for (int p = 0; p < kPositions; ++p) {
        const __m256i activations = broadcast4(a[p] + byte);
        acc[p][0] = _mm256_add_epi32(acc[p][0], _mm256_madd_epi16(activations, w0));
        acc[p][1] = _mm256_add_epi32(acc[p][1], _mm256_madd_epi16(activations, w1));
      }
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < kPositions; ++p) {
    store(call.acc + p * call.acc_stride, acc[p][0]);
    store(call.acc + p * call.acc_stride + 8, acc[p][1]);
  }
}

inline __m256i widen8(const std::int16_t* at) { return _mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at))); }

void depthwise(const DepthwiseCall& call) {
  __m256i acc[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) acc[i] = load(call.start + 8 * i);
  for (std::int64_t tap = 0; tap < call.taps; ++tap) {
    const std::int16_t* a = call.position + call.tap_offsets[tap];
    const std::int16_t* weights = call.weights + tap * call.tap_stride;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) acc[i] = _mm256_add_epi32(acc[i], _mm256_mullo_epi32(widen8(a + 8 * i), widen8(weights + 8 * i)));
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) store(call.acc + 8 * i, acc[i]);
}

// The ratios of 4 columns. AVX2 has no arithmetic 64-bit shift: x >> s = ((x + 2^63) >>> s) - (2^63 >>> s).
struct Ratio {
  __m256i multiplier, shift, nudge, mask, shifted_sign;
};

inline __m256i sign_bit() { return _mm256_set1_epi64x(INT64_MIN); }

inline Ratio load_ratio(const RescaleOperand& operand, std::int64_t column) {
  const __m256i shift = load(operand.shift + column);
  return {load(operand.multiplier + column), shift, load(operand.nudge + column), load(operand.mask + column),
          _mm256_srlv_epi64(sign_bit(), shift)};
}

inline __m256i shift_right(__m256i x, const Ratio& ratio) {
  return _mm256_sub_epi64(_mm256_srlv_epi64(_mm256_xor_si256(x, sign_bit()), ratio.shift), ratio.shifted_sign);
}

template <TieRule kTie>
inline __m256i rounded(__m128i values, const Ratio& ratio) {
  const __m256i x = _mm256_mul_epi32(_mm256_cvtepi32_epi64(values), ratio.multiplier);
  __m256i y = _mm256_add_epi64(x, ratio.nudge);
  if constexpr (kTie == TieRule::kAway)
    y = _mm256_add_epi64(y, _mm256_and_si256(_mm256_cmpgt_epi64(_mm256_setzero_si256(), x), ratio.mask));
  if constexpr (kTie == TieRule::kEven) y = _mm256_add_epi64(y, _mm256_and_si256(shift_right(x, ratio), ratio.mask));
  return shift_right(y, ratio);
}

inline __m256i smaller(__m256i a, __m256i b) { return _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(a, b)); }
inline __m256i larger(__m256i a, __m256i b) { return _mm256_blendv_epi8(b, a, _mm256_cmpgt_epi64(a, b)); }

// The low 32 bits of four 64-bit lanes.
inline __m128i narrow(__m256i y) {
  return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(y, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6)));
}

template <int kOutBytes>
inline void store_columns(std::uint8_t* out, std::int64_t columns, __m128i y) {
  if constexpr (kOutBytes == 1) y = _mm_shuffle_epi8(y, _mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
  if constexpr (kOutBytes == 2) y = _mm_shuffle_epi8(y, _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1));
  if (columns >= 4) {
    __builtin_memcpy(out, &y, 4 * kOutBytes);
  } else {
    std::uint8_t bytes[16];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes), y);
    for (std::int64_t i = 0; i < columns * kOutBytes; ++i) out[i] = bytes[i];
  }
}

template <int kOperands, TieRule kTie, int kOutBytes>
void rescale(const RescaleCall& call) {
  const __m256i zero_point = _mm256_set1_epi64x(call.zero_point), lowest = _mm256_set1_epi64x(call.lowest),
                highest = _mm256_set1_epi64x(call.highest);
  for (std::int64_t column = 0; column < call.columns; column += 4) {
    Ratio ratio[kOperands];
    for (int i = 0; i < kOperands; ++i) ratio[i] = load_ratio(call.operand[i], column);
    std::uint8_t* out = static_cast<std::uint8_t*>(call.out) + column * kOutBytes;
    for (std::int64_t row = 0; row < call.rows; ++row, out += call.out_stride) {
      __m256i y = zero_point;
#pragma GCC unroll 2
      for (int i = 0; i < kOperands; ++i) {
        const std::int32_t* values = call.operand[i].values + row * call.operand[i].stride + column;
        y = _mm256_add_epi64(y, rounded<kTie>(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)), ratio[i]));
      }
      store_columns<kOutBytes>(out, call.columns - column, narrow(smaller(larger(y, lowest), highest)));
    }
  }
}

#define DYAD_RESCALES(operands, tie) \
  { rescale<operands, tie, 1>, rescale<operands, tie, 2>, rescale<operands, tie, 4> }

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

const SimdKernels& avx2_kernels() { return kKernels; }

}  // namespace dyad::kernels
