#include "tile_kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace dyad::accel_models::tiled {
namespace {

template <typename Element>
void plain(const Element* a, std::int64_t rows, const Element* b, std::int64_t columns, std::int64_t stride, std::uint32_t* out,
           std::int64_t out_stride) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) {
      const Element *x = a + r * stride, *y = b + c * stride;
      std::uint32_t sum = 0;
      for (std::int64_t e = 0; e < stride; ++e) sum += static_cast<std::uint32_t>(x[e]) * static_cast<std::uint32_t>(y[e]);
      out[r * out_stride + c] = sum;
    }
}

template <typename Element>
void plain_planes(const Element* elements, std::int64_t count, std::uint32_t* planes, std::int64_t plane_stride) {
  for (std::int64_t p = 0; p < count; ++p) {
    std::uint32_t plane = 0;
    for (std::int64_t e = 0; e < kTileUnit; ++e) plane |= (static_cast<std::uint32_t>(elements[e]) >> p & 1) << e;
    planes[p * plane_stride] = plane;
  }
}

#if defined(__x86_64__)

/// Rows and columns that share each other's loads.
constexpr std::int64_t kRows = 2, kColumns = 4;

// vpmaddwd adds two products of 16 bits into 32; vpaddd wraps.
__attribute__((target("avx2"))) void avx2(const std::int16_t* a, std::int64_t rows, const std::int16_t* b, std::int64_t columns,
                                          std::int64_t stride, std::uint32_t* out, std::int64_t out_stride) {
  for (std::int64_t row = 0; row < rows; row += kRows)
    for (std::int64_t first = 0; first < columns; first += kColumns) {
      // Rows and columns beyond the last are the first ones once more, and not stored.
      const std::int64_t row_count = rows - row < kRows ? rows - row : kRows,
                         count = columns - first < kColumns ? columns - first : kColumns;
      const std::int16_t *x[kRows], *y[kColumns];
      for (std::int64_t r = 0; r < kRows; ++r) x[r] = a + (row + (r < row_count ? r : 0)) * stride;
      for (std::int64_t c = 0; c < kColumns; ++c) y[c] = b + (first + (c < count ? c : 0)) * stride;
      __m256i s[kRows][kColumns];
      for (auto& of_row : s)
        for (__m256i& sum : of_row) sum = _mm256_setzero_si256();
      for (std::int64_t e = 0; e < stride; e += 16) {
        const __m256i v0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x[0] + e));
        const __m256i v1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x[1] + e));
#pragma GCC unroll 4
        for (std::int64_t c = 0; c < kColumns; ++c) {
          const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(y[c] + e));
          s[0][c] = _mm256_add_epi32(s[0][c], _mm256_madd_epi16(v0, w));
          s[1][c] = _mm256_add_epi32(s[1][c], _mm256_madd_epi16(v1, w));
        }
      }
      for (std::int64_t r = 0; r < row_count; ++r) {
        const __m256i pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(s[r][0], s[r][1]), _mm256_hadd_epi32(s[r][2], s[r][3]));
        alignas(16) std::uint32_t sums[kColumns];
        _mm_store_si128(reinterpret_cast<__m128i*>(sums), _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
        for (std::int64_t c = 0; c < count; ++c) out[(row + r) * out_stride + first + c] = sums[c];
      }
    }
}

#endif

}  // namespace

void dot_products(const std::int16_t* a, std::int64_t rows, const std::int16_t* b, std::int64_t columns, std::int64_t stride,
                  std::uint32_t* out, std::int64_t out_stride) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return avx2(a, rows, b, columns, stride, out, out_stride);
#endif
  plain(a, rows, b, columns, stride, out, out_stride);
}

void dot_products(const std::int32_t* a, std::int64_t rows, const std::int32_t* b, std::int64_t columns, std::int64_t stride,
                  std::uint32_t* out, std::int64_t out_stride) {
  plain(a, rows, b, columns, stride, out, out_stride);
}

void bit_planes(const std::int16_t* elements, std::int64_t count, std::uint32_t* planes, std::int64_t plane_stride) {
#if defined(__x86_64__)
  // Bit p goes to the sign, signs of 16 elements go to a byte each, and those to bits.
  static_assert(kTileUnit == 32);
  __m128i v[4];
  for (int i = 0; i < 4; ++i) v[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(elements + 8 * i));
  for (std::int64_t p = 0; p < count; ++p) {
    const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(15 - p));
    const auto bits = [&](int i) {
      return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(_mm_sll_epi16(v[i], shift), _mm_sll_epi16(v[i + 1], shift))));
    };
    planes[p * plane_stride] = bits(0) | bits(2) << 16;
  }
#else
  plain_planes(elements, count, planes, plane_stride);
#endif
}

void bit_planes(const std::int32_t* elements, std::int64_t count, std::uint32_t* planes, std::int64_t plane_stride) {
  plain_planes(elements, count, planes, plane_stride);
}

}  // namespace dyad::accel_models::tiled
